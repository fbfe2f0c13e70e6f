/* SPDX-License-Identifier: MIT */
/*
 * The box: what a step runs in.  New user, mount, pid, net, ipc, uts and
 * cgroup namespaces, a root made of a few read-only pieces of the host, the
 * layered workspace, limits, seccomp, Landlock.  Linux only, root or not.
 *
 * Inside: uid and gid 1000, user "build"; /workspace, /home/build, /tmp and
 * /run/tellus are the folders w, home, tmp and cmd of the layered tree;
 * everything else is read-only.  No capabilities, no new privileges.
 *
 * The box does not know what a step or a workflow is.
 */
#ifndef BOX_BOX_H
#define BOX_BOX_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

#include <sys/stat.h>

#define BOX_WORKSPACE "/workspace"
#define BOX_HOME "/home/build"
#define BOX_CMD "/run/tellus"
#define BOX_OBJECTS "/run/git-objects"
#define BOX_UID 1000
#define BOX_LOWER_MAX 240

enum box_net {
	BOX_NET_NONE,     /* own namespace, loopback only */
	BOX_NET_OUTBOUND, /* own namespace and pasta(1) */
	BOX_NET_HOST,     /* the host's: only where the administrator says so */
};

enum box_cgroup { BOX_CGROUP_NONE, BOX_CGROUP_V1, BOX_CGROUP_V2 };

/* The cgroup folders that a box may have; v2 uses the first alone. */
enum box_cg {
	BOX_CG_UNIFIED,
	BOX_CG_MEMORY,
	BOX_CG_PIDS,
	BOX_CG_CPU,
	BOX_CG_CPUACCT,
	BOX_CG_KINDS
};

/* What this machine and this user can do; probed once per process. */
struct box_host {
	bool root;       /* started by uid 0 */
	uid_t build_uid; /* who steps are outside; our own when not root */
	gid_t build_gid;
	bool weak; /* sandbox = weak: go on without the missing pieces */
	bool userns, overlay, seccomp;
	bool userxattr;   /* overlayfs kind: user.* (not root) or trusted.* */
	int landlock_abi; /* 0: none */
	enum box_cgroup cgroup;
	bool cg_memory, cg_pids, cg_cpu, cg_kill;
	char cgroup_path[512]; /* our own subtree; v1: that of the memory */
	char cg_dir[BOX_CG_KINDS][512]; /* all of them, "" where none */
	char pasta[256]; /* its path, or "" when there is none that works */
	char why[512];   /* what is missing and what to do about it, or "" */
};

struct box_conf {
	const char *build_user; /* NULL: tellus-build, else uid 65533 */
	bool weak;
	const char *probe_dir; /* a folder on the state's file system */
};

/* Fails (ERR_PERM, with the reason and the remedy) where a needed piece is
 * missing and weak is not set.  Does not test pasta: box_probe_net does
 * (at most 3 s) and is only called when a box wants BOX_NET_OUTBOUND. */
int box_probe(struct box_host *h, const struct box_conf *c, struct err *e);
int box_probe_net(struct box_host *h, struct err *e);

/* One line per fact for "tellus doctor": fn(level, what, text, remedy) with
 * level "ok", "warn" or "fail". */
typedef void box_fact_fn(const char *level, const char *what, const char *text,
	const char *remedy, void *arg);
void box_facts(const struct box_conf *c, box_fact_fn *fn, void *arg);

struct box_limits {
	int64_t memory_bytes; /* 0: no limit, for each */
	int64_t pids;
	int64_t cpu_milli;  /* thousandths of a core */
	int64_t file_bytes; /* RLIMIT_FSIZE */
};

struct box_spec {
	const char *name; /* of the cgroup: "42.0.1.3", unique on the host */
	/* The layered tree: folders with w/ home/ tmp/ cmd/ in them, paths
	 * relative to state_fd.  lower: the topmost first, as overlayfs has
	 * them.  upper must exist, owned by the build user; work is its
	 * overlay work folder on the same file system (emptied by us). */
	int state_fd;
	const char *const *lower;
	size_t nlower;
	const char *upper, *work;
	/* Without overlayfs: upper is the whole tree, prepared by the
	 * caller; lower and work are ignored. */
	bool plain;
	const char *objects; /* a git objects folder of the host to show
			      * read-only at BOX_OBJECTS, or NULL */
	const struct stat *objects_is; /* which it must be by now, since its
					* owner may put a link to another in
					* its place, or NULL */
	const char *const *expose;     /* more host paths, read-only, or NULL;
					* NULL-terminated */
	const char *cwd;               /* inside; must exist there */
	char *const *argv;             /* argv[0] is a path inside */
	char *const *envp;
	int out_fd; /* becomes 1 and 2; 0 is /dev/null */
	enum box_net net;
	struct box_limits limits;
};

struct box;

struct box_result {
	int wstatus;   /* of the step's main process, as waitpid(2) has it */
	bool oom;      /* the cgroup's OOM counter grew */
	bool pids_hit; /* the pids limit was met */
	int64_t memory_peak; /* bytes, -1 unknown */
	int64_t cpu_ms;      /* -1 unknown */
};

/*
 * Builds the box and starts argv in it.  Returns after exec succeeded; a
 * failure on the way (mount, cgroup, exec) is the error: ERR_TEMP for a
 * shortage, ERR_PERM for the rest, errno in e->sys.  For an exec that
 * failed the message says "argv[0]: not found" or the like and e->sys is
 * ENOENT or EACCES; the caller maps that to 127 or 126.  Only then is the
 * code ERR_ABSENT or ERR_DENIED, so that a missing layer (ERR_PERM, ENOENT)
 * is not taken for a missing program.
 */
int box_open(struct box **ret, const struct box_host *h,
	const struct box_spec *s, struct err *e);

/* Readable (EPOLLIN) when the main process has ended. */
int box_fd(const struct box *b);

/* TERM to the main process, or KILL to everything. */
void box_term(struct box *b);
void box_kill(struct box *b);

/*
 * Kills whatever is left, waits until the pid namespace and the cgroup are
 * empty, reads the counters, removes the cgroup, unmounts.  Frees b in any
 * case.
 */
int box_close(struct box *b, struct box_result *ret, struct err *e);

/* After a crash: kills and removes what a box of that name left behind in
 * the cgroups.  Nothing there is success. */
int box_sweep(const struct box_host *h, const char *name, struct err *e);

/*
 * Runs fn in a child process of ours that has dropped to uid:gid (no
 * supplementary groups, no capabilities, no new privileges; with
 * keep_read, CAP_DAC_READ_SEARCH alone) and, where rw and ro are given and
 * the kernel can, is confined by Landlock to those paths.  fn writes its
 * answer to the descriptor; its return value is the exit status (0-125).
 * The parent reads everything (at most max bytes) with a deadline on the
 * boot clock (0: none) after which the child is killed (ERR_TEMP).  At
 * idle_ms without a byte it is killed too (0: never).  ERR_CANCELED when
 * cancel_fd (or -1) becomes readable.
 */
struct box_helper {
	uid_t uid;
	gid_t gid;
	bool drop; /* false: stay who we are */
	bool keep_read;
	const char *const *rw; /* NULL-terminated, or NULL: not confined */
	const char *const *ro;
	int64_t deadline_ms, idle_ms;
	int64_t memory_bytes; /* RLIMIT_AS, 0: none */
	size_t max;
	int cancel_fd;
	int close_fd; /* closed in the child first (the lease), or -1 */
};
typedef int box_helper_fn(int out_fd, void *arg);
int box_help(const struct box_helper *h, box_helper_fn *fn, void *arg,
	struct buf *ret_out, int *ret_status, struct err *e);

#endif
