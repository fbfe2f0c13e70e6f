/* SPDX-License-Identifier: MIT */
/* What browsers get from the templates folder, read once at the start. */
#ifndef WEB_ASSETS_H
#define WEB_ASSETS_H

#include "base/base.h"
#include "base/err.h"
#include "web/request.h"

struct assets;

/* Fails when one of them is missing. */
struct assets *assets_load(const char *folder, struct err *e);
void assets_free(struct assets *a);

/* Answers with a file that is meant for browsers, else 404. */
void assets_reply(struct request *r, const char *name);

#endif
