/* SPDX-License-Identifier: MIT */
/*
 * Between the files of the configuration reader: the table's rows, and how
 * a value's text becomes a member of a struct.  Nobody else includes this.
 */
#ifndef MODEL_CONFIG_KEY_H
#define MODEL_CONFIG_KEY_H

#include "base/base.h"
#include "base/err.h"
#include "model/config.h"

/* A [forge "name"] section; the repositories take from it what they need. */
struct forge_conf {
	char *name, *kind, *api;
};

/* Where a value was set, so that later complaints name a line. */
struct config_seen {
	const struct config_key *key;
	size_t index; /* of the repository or forge */
	unsigned int line;
};

/* A file while it is read. */
struct loader {
	struct config *c;
	const char *file;
	bool with_secrets;
	struct forge_conf *forges;
	size_t nforges, forges_cap, repos_cap;
	struct config_seen *seen;
	size_t nseen, seen_cap;
};

/* The line where a key of the index-th such section was set; without a key
 * the section's first line. */
unsigned int loader_line(const struct loader *l, const char *section,
	size_t index, const char *key);

/* After the last line: what belongs together, and the secrets' files. */
int config_check(struct loader *l, struct err *e);

/* The row of that key; NULL when there is none. */
const struct config_key *key_find(const char *section, const char *key);
/* The section or key that was probably meant ("agent.jobs"), or NULL; the
 * caller's. */
char *key_nearest(const char *section, const char *key);

/* Stores value (NULL: a bare key) in the member of base.  The message says
 * what is accepted; the caller adds file, line and key. */
int key_store(const struct config_key *k, void *base, const char *value,
	struct err *e);
/* The defaults of a section's keys. */
void config_key_defaults(const char *section, void *base);
/* Releases every member of a section that is on the heap. */
void key_release(const char *section, void *base);

/* An absolute http or https address with a host, without blanks, user,
 * query or fragment. */
bool url_is_http(const char *s);
/* The host and port of an address to fetch from, or NULL; the caller's. */
char *url_host(const char *url);

/* The text of a secret's file, without its final newline. */
int secret_read(const char *path, char **ret, struct err *e);

#endif
