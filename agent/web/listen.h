/* SPDX-License-Identifier: MIT */
/* Listening sockets, non-blocking and close-on-exec. */
#ifndef WEB_LISTEN_H
#define WEB_LISTEN_H

#include "base/base.h"
#include "base/err.h"

/* "", "none" and NULL mean: no TCP. */
bool listen_is_none(const char *address);

/* "127.0.0.1:8420", "[::1]:8420", "localhost:0" or ":8420".  Returns the
 * descriptor, and the port that was bound. */
int listen_tcp(const char *address, int *ret_port, struct err *e);

/* Everybody on the machine may connect (0666); what they may do is decided
 * by their uid.  A file left behind by a dead agent is replaced, a living
 * one's is not (ERR_TEMP). */
int listen_unix(const char *path, struct err *e);

/* The host part of such an address, into a heap string. */
char *listen_host(const char *address);

#endif
