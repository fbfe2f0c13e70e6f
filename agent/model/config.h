/* SPDX-License-Identifier: MIT */
/*
 * The configuration: a git-config file (git-config(1), "CONFIGURATION
 * FILE"), read by a small reader of our own.  Every complaint names file
 * and line.  One table of keys with type, default and description is the
 * source for the reader, tellusd --help and the manual page's check.
 */
#ifndef MODEL_CONFIG_H
#define MODEL_CONFIG_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

enum forge_kind {
	FORGE_NONE,
	FORGE_GITHUB,
	FORGE_GITLAB,
	FORGE_GITEA, /* and Forgejo */
	FORGE_LOCAL,
};
const char *forge_kind_name(enum forge_kind k);
enum forge_kind forge_kind_from_name(const char *name); /* FORGE_NONE */

struct repo_conf {
	char *name;  /* the forge's full name, or any for a local one */
	char *url;   /* to fetch from; NULL for a local path */
	char *path;  /* a bare repository or checkout on this machine */
	char *forge; /* name of a [forge] section, or of a kind */
	enum forge_kind kind;
	char *api; /* resolved: the forge's api address, no final slash */
	char *webhook_secret_file, *token_file;
	char *webhook_secret; /* read at load; NULL when there is none */
	char *token;          /* likewise */
	char *signing_secret; /* gitlab: whsec_..., from
			       * webhook-signing-secret-file */
	char *signing_secret_file;
	char *visibility;   /* "public" or "private" */
	char *trust;        /* "push" (default) or as later issues define */
	char *context;      /* status context prefix, default "tellus" */
	int64_t poll_ms;    /* between looks for missed pushes; 0: never */
	bool statuses;      /* default true where there is a token */
	bool statuses_set;  /* the file says it */
	bool private_pages; /* visibility = private */
};

struct config {
	char *file; /* where it came from, or NULL: defaults only */
	/* [agent] */
	char *listen;         /* "127.0.0.1:8420"; "" or "none": no TCP */
	char *state;          /* absolute */
	char *socket;         /* NULL: only <state>/sock */
	char *url;            /* public address for target URLs; NULL: none */
	char *build_user;     /* root only */
	char *sandbox;        /* "strict" or "weak" */
	char *network;        /* default for trusted runs: outbound none host */
	char *api_token_file; /* a token for TCP actions */
	char *api_token;
	struct strv expose; /* host paths bound read-only into boxes */
	int64_t jobs;       /* parallel jobs, default 2 */
	int64_t memory, pids, cpu_milli, disk, output; /* default limits */
	int64_t timeout_ms;                            /* default job timeout */
	int64_t memory_budget; /* for all jobs together; 0: none, -1: not said
				*/
	int64_t disk_budget;   /* for the state folder; 0: none, -1: not said */
	int64_t keep_ms;       /* what runs printed; 0: for ever */
	int64_t disk_floor;    /* no run starts below; 0: none, -1: not said */
	int64_t poll_ms;       /* of repositories that do not say; 0: never */
	int64_t idle_exit_ms;  /* private agents: end when idle; 0: never */
	int64_t webhook_max_bytes;
	int64_t log_level; /* base/log.h: 3 error ... 7 debug */
	struct repo_conf *repos;
	size_t nrepos;
};

void config_init(struct config *c); /* the defaults */
void config_release(struct config *c);

/* file or else $TELLUS_CONFIG when given, whether it exists or not (loading
 * says so); else the first that exists of $XDG_CONFIG_HOME/tellus/config
 * (or ~/.config) and /etc/tellus/config.  None of these is not an error:
 * returns 1 then, and *ret_path is NULL. */
int config_find(const char *file, char **ret_path);

/* Reads and checks the whole file, secret and token files included.  c
 * comes from config_init and is config_release'd also after an error. */
int config_load(struct config *c, const char *path, struct err *e);
/* The same without reading secret files: for tellus, which finds the
 * socket by it and may not read them. */
int config_load_public(struct config *c, const char *path, struct err *e);

const struct repo_conf *config_repo(const struct config *c, const char *name);

/* The lower layer: calls fn for each "section", "subsection" (or NULL),
 * "key", "value" (NULL for a bare key) of git-config text, lower-casing
 * section and key as git does. */
typedef int gitconfig_fn(const char *section, const char *sub, const char *key,
	const char *value, unsigned int line, void *arg, struct err *e);
int gitconfig_parse(const char *file, const char *text, size_t len,
	gitconfig_fn *fn, void *arg, struct err *e);

/*
 * The key table: for the reader, for help and for tests.  type is one of
 * "text" "path" "paths" "address" "url" "location" "bool" "number" "size"
 * "duration" "cpus" "level", or the accepted words with '|' between them.
 * dflt is NULL where there is none.
 */
struct config_key {
	const char *section, *key, *type, *dflt, *text;
	size_t offset;    /* of the member, in the section's struct */
	int64_t min, max; /* of the value, where it is a number */
};
const struct config_key *config_keys(size_t *ret_n);

#endif
