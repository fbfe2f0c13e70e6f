/* SPDX-License-Identifier: MIT */
/*
 * The git layer from a shell: one command per function of git.h.  Prints
 * results on standard output, or "CODE: message" on standard error and
 * exits 1 (temporary 11, denied 12, absent 13).
 */
#include "base/base.h"
#include "base/enc.h"
#include "git/git.h"
#include "os/fd.h"
#include "os/path.h"

#include <fcntl.h>
#include <sys/resource.h>

#define EXIT_TEMP 11
#define EXIT_DENIED 12
#define EXIT_ABSENT 13

#ifdef __SANITIZE_ADDRESS__
/* libgit2's regular expressions keep memory of each thread until the end. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void);
const char *
__lsan_default_options(void)
{
	return "print_suppressions=0";
}

const char *
__lsan_default_suppressions(void)
{
	return "leak:libpcre2\n";
}
#endif

static const char *
arg(char **argv, int i)
{
	for (int k = 0; k <= i; k++)
		if (!argv[k])
			return NULL;
	return str_eq(argv[i], "-") ? NULL : argv[i];
}

static void
on_progress(int64_t bytes, void *p)
{
	int64_t *most = p;

	*most = MAX(*most, bytes);
}

/* MIRROR URL REF SHA [MAX-BYTES]; the token is in $TOKEN. */
static int
do_fetch(char **argv, struct err *e)
{
	struct mirror_spec m = { .path = arg(argv, 0),
		.url = arg(argv, 1),
		.token = getenv("TOKEN"),
		.token_user = getenv("TOKEN_USER"),
		.ca_file = getenv("CA_FILE") };
	int64_t most = 0;

	if (arg(argv, 4) &&
		num_parse(arg(argv, 4), 1, INT64_MAX, &m.max_bytes) < 0)
		return err_set(e, ERR_PERM, "not a number");
	if (mirror_fetch(
		    &m, arg(argv, 2), arg(argv, 3), on_progress, &most, e) < 0)
		return -1;
	printf("%" PRId64 "\n", most);
	return 0;
}

/* REPO STATE TREE [NEAR [FILES [BYTES [DEPTH]]]] */
static int
do_tree(char **argv, struct err *e)
{
	AUTO(repo_closep) struct repo *r = NULL;
	AUTO(fd_closep) int state = path_open_dir(AT_FDCWD, arg(argv, 1), e);
	AUTO(strv_release) struct strv lower = STRV_INIT;
	struct tree_limits lim = { TREE_MAX_FILES, TREE_MAX_BYTES,
		TREE_MAX_DEPTH };
	int64_t depth = TREE_MAX_DEPTH;
	const char *kind = getenv("KIND") ? getenv("KIND") : "root";

	if (state < 0 ||
		repo_open(&r, arg(argv, 0), getenv("ALTERNATES"), e) < 0)
		return -1;
	if (arg(argv, 4))
		num_parse(arg(argv, 4), 1, INT64_MAX, &lim.max_files);
	if (arg(argv, 4) && arg(argv, 5))
		num_parse(arg(argv, 5), 1, INT64_MAX, &lim.max_bytes);
	if (arg(argv, 4) && arg(argv, 5) && arg(argv, 6))
		num_parse(arg(argv, 6), 1, TREE_MAX_DEPTH, &depth);
	lim.max_depth = (int)depth;
	if (tree_build(r, state, arg(argv, 2), arg(argv, 3), kind, &lim, e) < 0)
		return -1;
	if (tree_find(state, arg(argv, 2), kind, &lower, e) != 1)
		return err_set(e, ERR_PERM, "built, but not found");
	for (size_t i = 0; i < lower.len; i++)
		puts(lower.v[i]);
	return 0;
}

/* STATE TREE: prints the layers, or nothing. */
static int
do_find(char **argv, struct err *e)
{
	AUTO(fd_closep) int state = path_open_dir(AT_FDCWD, arg(argv, 0), e);
	AUTO(strv_release) struct strv lower = STRV_INIT;
	const char *kind = getenv("KIND") ? getenv("KIND") : "root";

	if (state < 0 || tree_find(state, arg(argv, 1), kind, &lower, e) < 0)
		return -1;
	for (size_t i = 0; i < lower.len; i++)
		puts(lower.v[i]);
	return 0;
}

/* REPO STATE DEST SHA REF TREE URL [ALTERNATES] */
static int
do_gitdir(char **argv, struct err *e)
{
	AUTO(repo_closep) struct repo *r = NULL;
	AUTO(fd_closep) int state = path_open_dir(AT_FDCWD, arg(argv, 1), e);
	AUTO(fd_closep) int dest = path_open_dir(AT_FDCWD, arg(argv, 2), e);
	AUTO(freep) char *dir = xasprintf("trees/%s/t/w", arg(argv, 5));
	struct gitdir_spec s = { .sha = arg(argv, 3),
		.ref = arg(argv, 4),
		.tree = arg(argv, 5),
		.url = arg(argv, 6),
		.alternates_inside = arg(argv, 7),
		.state_fd = state,
		.tree_dir = dir };

	if (state < 0 || dest < 0 || repo_open(&r, arg(argv, 0), NULL, e) < 0)
		return -1;
	return gitdir_build(r, dest, &s, e);
}

/* WORKTREE OBJECTS: prints the commit, and "dirty" or "clean". */
static int
do_snapshot(char **argv, struct err *e)
{
	char sha[41];
	bool dirty;

	if (snapshot_make(arg(argv, 0), arg(argv, 1), sha, &dirty, e) < 0)
		return -1;
	printf("%s %s\n", sha, dirty ? "dirty" : "clean");
	return 0;
}

/* REPO REV */
static int
do_commit(char **argv, struct err *e)
{
	AUTO(repo_closep) struct repo *r = NULL;
	struct commit_info c;
	char sha[41];

	if (repo_open(&r, arg(argv, 0), getenv("ALTERNATES"), e) < 0 ||
		repo_resolve(r, arg(argv, 1), sha, e) < 0 ||
		repo_commit(r, sha, &c, e) < 0)
		return -1;
	printf("sha %s\ntree %s\nsubject %s\nauthor %s\nemail %s\n", c.sha,
		c.tree, c.subject, c.author, c.email);
	commit_info_release(&c);
	return 0;
}

/* REPO SHA: of a tag object, too. */
static int
do_peel(char **argv, struct err *e)
{
	AUTO(repo_closep) struct repo *r = NULL;
	struct commit_info c;

	if (repo_open(&r, arg(argv, 0), NULL, e) < 0 ||
		repo_commit(r, arg(argv, 1), &c, e) < 0)
		return -1;
	puts(c.sha);
	commit_info_release(&c);
	return 0;
}

/* REPO REF */
static int
do_ref(char **argv, struct err *e)
{
	AUTO(repo_closep) struct repo *r = NULL;
	char sha[41];

	if (repo_open(&r, arg(argv, 0), NULL, e) < 0 ||
		repo_ref(r, arg(argv, 1), sha, e) < 0)
		return -1;
	puts(sha);
	return 0;
}

/* REPO TREE PATH MAX */
static int
do_blob(char **argv, struct err *e)
{
	AUTO(repo_closep) struct repo *r = NULL;
	AUTO(buf_release) struct buf b = BUF_INIT;
	int64_t max = 1 << 20;

	if (arg(argv, 3))
		num_parse(arg(argv, 3), 0, INT32_MAX, &max);
	if (repo_open(&r, arg(argv, 0), NULL, e) < 0 ||
		repo_blob(r, arg(argv, 1), arg(argv, 2), (size_t)max, &b, e) <
			0)
		return -1;
	fwrite(b.data, 1, b.len, stdout);
	return 0;
}

/* REPO TREE [PATH] */
static int
do_list(char **argv, struct err *e)
{
	AUTO(repo_closep) struct repo *r = NULL;
	AUTO(strv_release) struct strv names = STRV_INIT;
	const char *path = arg(argv, 2);

	if (repo_open(&r, arg(argv, 0), NULL, e) < 0 ||
		repo_list(r, arg(argv, 1), path ? path : "", &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.len; i++)
		puts(names.v[i]);
	return 0;
}

/* REPO FROM TO MAX: prints the paths, or "unknown". */
static int
do_changed(char **argv, struct err *e)
{
	AUTO(repo_closep) struct repo *r = NULL;
	AUTO(strv_release) struct strv paths = STRV_INIT;
	int64_t max = 1000;
	int rc;

	if (arg(argv, 3))
		num_parse(arg(argv, 3), 0, INT32_MAX, &max);
	if (repo_open(&r, arg(argv, 0), NULL, e) < 0)
		return -1;
	rc = repo_changed(
		r, arg(argv, 1), arg(argv, 2), (size_t)max, &paths, e);
	if (rc < 0)
		return -1;
	if (rc)
		puts("unknown");
	for (size_t i = 0; i < paths.len; i++)
		puts(paths.v[i]);
	return 0;
}

/* MIRROR */
static int
do_discard(char **argv, struct err *e)
{
	return mirror_discard(arg(argv, 0), e);
}

static const struct {
	const char *name;
	int args; /* at least */
	int (*run)(char **argv, struct err *e);
} commands[] = {
	{ "fetch", 4, do_fetch },
	{ "tree", 3, do_tree },
	{ "find", 2, do_find },
	{ "gitdir", 7, do_gitdir },
	{ "snapshot", 2, do_snapshot },
	{ "commit", 2, do_commit },
	{ "peel", 2, do_peel },
	{ "ref", 2, do_ref },
	{ "blob", 3, do_blob },
	{ "list", 2, do_list },
	{ "changed", 3, do_changed },
	{ "discard", 1, do_discard },
};

/* For tests that limit memory. */
static void
report_memory(void)
{
	struct rusage use;

	if (getenv("SHOW_RSS") && getrusage(RUSAGE_SELF, &use) == 0)
		fprintf(stderr, "rss %ld KiB\n", use.ru_maxrss);
}

static int
report(const struct err *e)
{
	fprintf(stderr, "%s: %s\n", err_code_name(e->code), e->msg);
	switch (e->code) {
	case ERR_TEMP:
		return EXIT_TEMP;
	case ERR_DENIED:
		return EXIT_DENIED;
	case ERR_ABSENT:
		return EXIT_ABSENT;
	default:
		return 1;
	}
}

int
main(int argc, char **argv)
{
	struct err e;
	int rc;

	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(commands); i++) {
		if (!str_eq(commands[i].name, argv[1]))
			continue;
		if (argc - 2 < commands[i].args)
			break;
		if (git_start(&e) < 0)
			return report(&e);
		rc = commands[i].run(argv + 2, &e);
		git_stop();
		report_memory();
		return rc < 0 ? report(&e) : 0;
	}
	fprintf(stderr, "usage: gitdrv COMMAND ARGUMENT...\n");
	return 2;
}
