/* SPDX-License-Identifier: MIT */
/*
 * The end of a connection whose request was refused before its body had
 * come: what still comes is read and thrown away for a moment.  A socket
 * that is closed with bytes unread is reset, and a reset overtakes the
 * answer, so that the client would never learn why.
 */
#ifndef WEB_LINGER_H
#define WEB_LINGER_H

#include "base/base.h"
#include "web/server.h"

#define LINGER_MS 2000
#define LINGER_BYTES ((size_t)64 << 20)
#define LINGER_MAX 64 /* at once; beyond it connections are reset */

/* fd is duplicated. */
void linger_start(struct web *w, int fd);
void linger_end_all(struct web *w);

#endif
