/* SPDX-License-Identifier: MIT */
/*
 * What other threads hand to the web thread: letters, opened there in the
 * order in which they were posted.  The box is counted, because the core
 * may still answer an ask after the web thread has gone.
 */
#ifndef WEB_MAIL_H
#define WEB_MAIL_H

#include "base/base.h"
#include "base/err.h"

struct mail; /* opaque: see mail.c */

struct letter {
	void (*open)(struct letter *l); /* on the web thread */
	struct letter *next;
};

struct mail *mail_new(struct err *e);
struct mail *mail_ref(struct mail *m);
void mail_unref(struct mail *m);

/* The descriptor that is readable while there is something to open. */
int mail_fd(const struct mail *m);

/* From any thread.  Returns false after mail_close: the letter stays the
 * caller's. */
bool mail_post(struct mail *m, struct letter *l);
/* Takes a letter back, if it is still unopened. */
void mail_cancel(struct mail *m, struct letter *l);
/* On the web thread: opens everything that is there. */
void mail_open(struct mail *m);
/* Wakes the web thread without a letter. */
void mail_wake(struct mail *m);
/* From now on nothing is taken; what is there is dropped unopened. */
void mail_close(struct mail *m);

#endif
