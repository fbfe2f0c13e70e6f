/* SPDX-License-Identifier: MIT */
/*
 * Who may do what.  On a unix socket the kernel says who the peer is; on
 * TCP an action needs the configured token, and pages answer only to names
 * that the agent knows as its own, so that no foreign page can reach them
 * by a name that it points at this machine.
 */
#ifndef WEB_ACCESS_H
#define WEB_ACCESS_H

#include "base/base.h"
#include "web/request.h"

/* Fills uid and gid of a unix peer. */
void access_peer(struct conn *c);

/* The Host header and the route's rule; answers itself when refusing. */
bool access_check(struct request *r);

/* Root or the agent's own uid on a unix socket, or the token. */
bool access_is_admin(const struct request *r);

/* May the unix peer push to the repository: an administrator, the owner of
 * its folder, or, where that is group-writable, a member of its group. */
bool access_may_push(const struct request *r, const struct repo_conf *repo);

/* May its runs be shown?  repository may be NULL or unknown by now. */
bool access_may_read(const struct request *r, const char *repository);

/* Who it is, for the journal: "root", "uid 1000" or "token". */
char *access_name(const struct request *r);

/* ---- bad signatures ---- */

#define PENALTY_TRIES 20 /* a minute, from one address */
struct penalty *penalty_new(void);
void penalty_free(struct penalty *p);
void penalty_add(struct penalty *p, const char *addr, int64_t now_ms);
bool penalty_is_due(const struct penalty *p, const char *addr, int64_t now_ms);

#endif
