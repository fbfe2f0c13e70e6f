/* SPDX-License-Identifier: MIT */
/* What the files that make pages share; nobody else includes it. */
#ifndef WEB_PAGES_PRIV_H
#define WEB_PAGES_PRIV_H

#include "web/pages.h"

#define PAGE_NAME_MAX 300  /* bytes shown of a name */
#define PAGE_TEXT_MAX 4000 /* and of a sentence */

/* Sets a member to at most max bytes of text, made valid; NULL is left
 * out. */
void page_put(json_t *o, const char *key, const char *text, size_t max);
/* "state", "symbol" and "class" of a state. */
void page_put_state(json_t *o, enum run_state s);
/* "2026-11-25 17:35 UTC" of an ISO time. */
void page_add_time(struct buf *b, const char *iso);
/* Is this an address that may become a link? */
bool page_link_is_safe(const char *url);

/* Renders a template in the layout; name is one of ours. */
int page_render(const char *templates_dir, const char *name,
	const json_t *context, struct buf *out, struct err *e);

#endif
