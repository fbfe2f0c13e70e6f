/* SPDX-License-Identifier: MIT */
/* One fetch over the network, with credentials, limits and clear errors. */
#ifndef GIT_FETCH_H
#define GIT_FETCH_H

#include "git/lib.h"

struct fetch {
	const struct mirror_spec *spec;
	mirror_progress_fn *progress;
	void *arg;
	/* Filled by a failing fetch. */
	bool looks_corrupt; /* our side's objects, not the network */
	/* Private. */
	int64_t bytes;
	unsigned int given; /* credentials */
	bool too_large, bad_certificate, bad_host_key;
	bool sent_away; /* to a server that must not see the token */
};

/* Certificate authorities; process-wide, hence one child per fetch. */
int fetch_trust(const struct mirror_spec *m, struct err *e);

/* Brings the refspecs; tags: also the tags of commits that come along. */
int fetch_refs(git_repository *git, struct fetch *f, const char *const *specs,
	size_t n, bool tags, struct err *e);

/* Connects and lists what the server has: *ret_heads is valid until the
 * remote, which is the caller's, is freed. */
int fetch_connect(struct fetch *f, git_remote **ret,
	const git_remote_head ***ret_heads, size_t *ret_n, struct err *e);

#endif
