/* SPDX-License-Identifier: MIT */
/* See delivery.h. */
#include "base/base.h"
#include "cli/delivery.h"

#include "base/enc.h"
#include "cli/agent.h"
#include "cli/http.h"
#include "cli/nonce.h"
#include "os/fd.h"
#include "os/path.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#define INCOMING "tellus/incoming"

enum delivery_end
delivery_send(const char *socket, const char *body, json_t **ret_answer,
	struct err *e)
{
	AUTO(http_answer_release) struct http_answer a;
	AUTO(freep) char *text = NULL;
	struct http_call q = { .socket = socket,
		.method = "POST",
		.path = "/api/v1/push",
		.body = body,
		.answer_ms = DELIVERY_ANSWER_MS };

	http_answer_init(&a);
	if (http_call(&q, &a, e) < 0)
		return DELIVERY_NO_AGENT;
	if (a.status / 100 == 2) {
		*ret_answer = json_parse(a.body.data, a.body.len, e);
		return *ret_answer ? DELIVERY_DONE : DELIVERY_NOT_NOW;
	}
	text = agent_detail(&a);
	err_set(e, ERR_PERM, "%s", text);
	/* Too many, no room, a fault of the agent: it may pass later. */
	if (a.status >= 500 || a.status == 429 || a.status == 408)
		return DELIVERY_NOT_NOW;
	return DELIVERY_REFUSED;
}

/* Root may push into somebody's repository: what it leaves there must be
 * that somebody's. */
static int
give_to_owner(int gitfd, int fd, struct err *e)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (fstat(gitfd, &st) < 0 || fchown(fd, st.st_uid, st.st_gid) < 0)
		return err_sys(
			e, "give '%s' to the repository's owner", INCOMING);
	return 0;
}

static int
open_part(int gitfd, const char *path, struct err *e)
{
	return path_open_beneath(gitfd, path, O_RDONLY | O_DIRECTORY, 0, e);
}

static int
make_incoming(int gitfd, struct err *e)
{
	AUTO(fd_closep) int parent = -1;
	int fd;

	if (path_mkdirs(gitfd, INCOMING, 0700, e) < 0)
		return -1;
	parent = open_part(gitfd, "tellus", e);
	if (parent < 0 || give_to_owner(gitfd, parent, e) < 0)
		return -1;
	fd = open_part(gitfd, INCOMING, e);
	if (fd < 0)
		return -1;
	if (give_to_owner(gitfd, fd, e) < 0) {
		close(fd);
		return -1;
	}
	fsync(parent);
	fsync(gitfd);
	return fd;
}

int
incoming_write(
	const char *gitdir, const char *nonce, const char *body, struct err *e)
{
	AUTO(fd_closep) int gitfd = path_open_dir(AT_FDCWD, gitdir, e);
	AUTO(fd_closep) int dir = -1, file = -1;

	if (gitfd < 0)
		return -1;
	dir = make_incoming(gitfd, e);
	if (dir < 0)
		return -1;
	if (fd_put_file(dir, nonce, body, strlen(body), 0600, e) < 0)
		return -1;
	file = path_open_beneath(dir, nonce, O_RDONLY, 0, e);
	if (file < 0)
		return -1;
	return give_to_owner(gitfd, file, e);
}

struct noted {
	char name[NONCE_HEX + 1];
	struct timespec at;
};

static int
by_time(const void *a, const void *b)
{
	const struct noted *x = a, *y = b;

	if (x->at.tv_sec != y->at.tv_sec)
		return x->at.tv_sec < y->at.tv_sec ? -1 : 1;
	if (x->at.tv_nsec != y->at.tv_nsec)
		return x->at.tv_nsec < y->at.tv_nsec ? -1 : 1;
	return strcmp(x->name, y->name);
}

static size_t
list_noted(int dir, struct noted **ret)
{
	AUTO(fd_closep) int copy = openat(dir, ".", O_RDONLY | O_CLOEXEC);
	DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
	struct noted *v = NULL;
	size_t n = 0, cap = 0;
	const struct dirent *ent;

	if (!d)
		return 0;
	copy = -1; /* closedir closes it */
	while (n < INCOMING_MAX && (ent = readdir(d)) != NULL) {
		struct stat st;

		if (strlen(ent->d_name) != NONCE_HEX ||
			!is_hex(ent->d_name, NONCE_HEX) ||
			fstatat(dir, ent->d_name, &st, AT_SYMLINK_NOFOLLOW) <
				0 ||
			!S_ISREG(st.st_mode))
			continue;
		v = grow(v, n, &cap, sizeof(*v));
		memcpy(v[n].name, ent->d_name, NONCE_HEX + 1);
		v[n++].at = st.st_mtim;
	}
	closedir(d);
	if (n)
		qsort(v, n, sizeof(*v), by_time);
	*ret = v;
	return n;
}

static enum delivery_end
send_noted(int dir, const char *name, const char *socket, struct err *e)
{
	AUTO(fd_closep) int fd = path_open_beneath(dir, name, O_RDONLY, 0, e);
	AUTO(buf_release) struct buf body = BUF_INIT;
	json_t *answer = NULL;
	enum delivery_end end;

	if (fd < 0 || fd_slurp(fd, DELIVERY_MAX, &body, e) < 0)
		return DELIVERY_REFUSED;
	end = delivery_send(socket, body.data, &answer, e);
	json_decref(answer);
	if (end == DELIVERY_DONE)
		unlinkat(dir, name, 0);
	return end;
}

int
incoming_send(const char *gitdir, const char *socket, struct err *e)
{
	struct err err; /* what is no error of ours */
	AUTO(fd_closep) int gitfd = path_open_dir(AT_FDCWD, gitdir, &err);
	AUTO(fd_closep)
	int dir = gitfd < 0 ? -1 : open_part(gitfd, INCOMING, &err);
	AUTO(freep) struct noted *v = NULL;
	size_t n;

	if (dir < 0)
		return 0; /* nothing was ever noted */
	n = list_noted(dir, &v);
	for (size_t i = 0; i < n; i++) {
		enum delivery_end end = send_noted(dir, v[i].name, socket, e);

		if (end == DELIVERY_NO_AGENT)
			return -1;
		if (end == DELIVERY_NOT_NOW)
			break;
		if (end == DELIVERY_REFUSED)
			fprintf(stderr,
				"tellus: an earlier push (%s/%s/%s) was "
				"refused: %s\n",
				gitdir, INCOMING, v[i].name, e->msg);
	}
	return 0;
}
