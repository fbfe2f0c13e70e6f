/* SPDX-License-Identifier: MIT */
/* Small facts about this process that a push carries. */
#ifndef CLI_NONCE_H
#define CLI_NONCE_H

#include "base/base.h"

#define NONCE_BYTES 16
#define NONCE_HEX (2 * NONCE_BYTES)

/* 32 hex digits from the kernel: the dedupe key of this push. */
void nonce_new(char out[NONCE_HEX + 1]);

/* The unix user's name, or "uid 1000". */
char *user_name(void);

#endif
