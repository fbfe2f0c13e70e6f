/* SPDX-License-Identifier: MIT */
/* Repository addresses: taken apart, allowed or not, compared. */
#ifndef GIT_URL_H
#define GIT_URL_H

#include "base/base.h"
#include "base/err.h"

struct url {
	char *scheme; /* lower case; a plain path is "file" */
	char *user;   /* "" when there is none */
	bool has_password;
	char *host; /* lower case, with [] for IPv6; "" for files */
	int port;   /* the scheme's own when none is given; 0 for files */
	char *path; /* as written, from the first '/' */
};

void url_release(struct url *u);
/* Syntax alone; mirror_url_ok decides what is allowed. */
int url_parse(struct url *u, const char *text, struct err *e);
/* The same scheme, host and port. */
bool url_same_origin(const char *a, const char *b);
/* The folder that a file address means, or NULL: it is another scheme. */
char *url_local_path(const char *text);

#endif
