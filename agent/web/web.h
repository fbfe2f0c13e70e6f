/* SPDX-License-Identifier: MIT */
/*
 * HTTP: libmicrohttpd on one thread of ours (MHD_USE_EPOLL driven by our
 * own poll of its descriptor, so that no number of ready events stalls it),
 * the same routes on TCP and on the unix sockets.
 */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include "base/base.h"
#include "base/err.h"
#include "core/core.h"

struct web;

/* Binds what the configuration names (agent.listen, agent.socket and
 * <state>/sock, 0666) and starts the thread.  templates: the folder with
 * page templates and assets.  With port 0 in agent.listen a free port is
 * taken; web_port says which (0: no TCP). */
int web_start(
	struct web **ret, struct core *c, const char *templates, struct err *e);
int web_port(const struct web *w);
/* Ends streams, then the thread; the sockets' files are removed. */
void web_stop(struct web *w);

#endif
