/* SPDX-License-Identifier: MIT */
/*
 * The box does what its header says: runs things, over layers, within
 * limits, and leaves nothing.  What it keeps away is in boxwall.c.  Runs as
 * root and, by t/0200-box-user.sh, as an ordinary user.
 */
#include "base/base.h"
#include "os/fd.h"
#include "os/path.h"
#include "tap.h"
#include "unit/boxlib.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define MEMORY (64 << 20)

static void
test_start_and_end(struct lab *l)
{
	is_int(lab_sh(l, "echo out; echo err >&2; exit 7"), 0,
		"a command runs");
	is_str(l->out.data, "out\nerr", "output and errors arrive in order");
	ok(WIFEXITED(l->result.wstatus) && WEXITSTATUS(l->result.wstatus) == 7,
		"the exit status arrives");
	lab_sh(l, "kill -SEGV $$");
	ok(WIFSIGNALED(l->result.wstatus) &&
			WTERMSIG(l->result.wstatus) == SIGSEGV,
		"the signal that ended it arrives");
	ok(l->result.cpu_ms >= 0, "the time it took of the processor is known");
	lab_sh(l, "cat; pwd; umask; echo $HOME; ulimit -c");
	is_str(l->out.data, BOX_WORKSPACE "\n0022\n" BOX_HOME "\n0",
		"input is empty, folder, mask and environment are as asked");
}

static void
test_errors(struct lab *l)
{
	is_int(lab_run(l, "/no/such/program", NULL), -1,
		"a missing program is an error");
	is_int(l->e.sys, ENOENT, "a missing program is ENOENT");
	is_str(l->e.msg, "/no/such/program: not found",
		"the message names the missing program");
	lab_file(l, "l0/w/plain", "no program\n", 0644);
	is_int(lab_run(l, BOX_WORKSPACE "/plain", NULL), -1,
		"a file that is not executable is an error");
	is_int(l->e.sys, EACCES, "not executable is EACCES");
	lab_file(l, "l0/w/lost", "#!/no/interpreter\n", 0755);
	lab_run(l, BOX_WORKSPACE "/lost", NULL);
	ok(l->e.sys == ENOENT && strstr(l->e.msg, "interpreter"),
		"a missing interpreter is told from a missing program");
	l->spec.cwd = "/workspace/none";
	is_int(lab_sh(l, "true"), -1, "a missing working folder is an error");
	ok(strstr(l->e.msg, "/workspace/none") && l->e.code == ERR_PERM,
		"the message names the missing working folder");
	l->spec.cwd = BOX_WORKSPACE;
	l->lower[0] = "absent";
	is_int(lab_sh(l, "true"), -1, "a missing layer is an error");
	ok(strstr(l->e.msg, "absent"), "the message names the missing layer");
	l->lower[0] = "../etc";
	is_int(lab_sh(l, "true"), -1,
		"a layer outside of the state is refused");
	l->lower[0] = "l0";
	unlinkat(l->fd, "l0/w/plain", 0);
	unlinkat(l->fd, "l0/w/lost", 0);
}

static void
test_layers(struct lab *l)
{
	AUTO(freep) char *text = NULL;
	struct stat st;

	lab_fresh(l);
	lab_layer(l, "l1");
	lab_file(l, "l0/w/a", "lower a\n", 0644);
	lab_file(l, "l0/w/b", "lower b\n", 0644);
	lab_file(l, "l1/w/a", "upper a\n", 0644);
	l->lower[0] = "l1";
	l->lower[1] = "l0";
	l->nlower = 2;
	lab_sh(l, "cat a b; echo new > c; rm b; echo x > $HOME/h; "
		  "echo y > /tmp/t; ls");
	is_str(l->out.data, "upper a\nlower b\na\nc",
		"the topmost layer wins and the lower shows through");
	text = lab_read(l, "u/w/c");
	is_str(text, "new\n", "what is written is in the upper layer");
	ok(lab_has(l, "u/home/h") && lab_has(l, "u/tmp/t"),
		"HOME and /tmp are in the upper layer, too");
	ok(lab_has(l, "l0/w/b") && !lab_has(l, "l0/w/c"),
		"the lower layers are untouched");
	ok(fstatat(l->fd, "u/w/c", &st, 0) == 0 &&
			st.st_uid == l->host.build_uid,
		"files belong to the build user outside");
	ok(!lab_has(l, "k/work"), "the overlay's work folder is emptied");
	is_int(renameat(l->fd, "u", l->fd, "l2"), 0, "the upper is sealed");
	lab_fresh(l);
	memmove(l->lower + 1, l->lower, 2 * sizeof(l->lower[0]));
	l->lower[0] = "l2";
	l->nlower = 3;
	lab_sh(l, "ls; cat c; stat -c %u:%g c");
	is_str(l->out.data, "a\nc\nnew\n1000:1000",
		"a sealed layer serves the next box, deletions included");
	l->lower[0] = "l0";
	l->nlower = 1;
}

static void
test_many_layers(struct lab *l)
{
	static char names[BOX_LOWER_MAX][64];

	lab_fresh(l);
	for (size_t i = 0; i < BOX_LOWER_MAX - 1; i++) {
		AUTO(freep) char *file = NULL;

		snprintf(names[i], sizeof(names[i]),
			"a long name, with: awkward\\ parts %zu", i);
		lab_layer(l, names[i]);
		file = xasprintf("%s/w/f%zu", names[i], i);
		lab_file(l, file, "", 0644);
		l->lower[i] = names[i];
	}
	l->lower[BOX_LOWER_MAX - 1] = "l0";
	l->nlower = BOX_LOWER_MAX;
	is_int(lab_sh(l, "ls /workspace | grep -c ^f"), 0,
		"a box takes as many layers as it says, of any name");
	is_str(l->out.data, "239", "every layer is seen");
	l->lower[0] = "l0";
	l->nlower = 1;
}

static void
test_plain(struct lab *l)
{
	AUTO(freep) char *text = NULL;

	lab_layer(l, "whole");
	lab_file(l, "whole/w/f", "there\n", 0644);
	l->spec.plain = true;
	l->spec.upper = "whole";
	lab_sh(l, "cat f; echo more >> f");
	is_str(l->out.data, "there", "a plain tree is shown as it is");
	text = lab_read(l, "whole/w/f");
	is_str(text, "there\nmore\n", "a plain tree is written in place");
	l->spec.plain = false;
	l->spec.upper = "u";
}

static void
test_memory(struct lab *l)
{
	l->spec.limits = (struct box_limits){ .memory_bytes = MEMORY };
	lab_run(l, PROBE, "memory", NULL);
	if (l->host.cg_memory) {
		ok(l->result.oom && WIFSIGNALED(l->result.wstatus),
			"a step over its memory limit is killed, and it is "
			"known why");
		ok(l->result.memory_peak > MEMORY / 2 &&
				l->result.memory_peak <= MEMORY,
			"the peak of its memory is known");
	} else {
		ok(str_starts(l->out.data, "refused at"),
			"without cgroups memory is refused over the limit");
		ok(strstr(l->host.why, "limits are per process"),
			"that limits are per process is said");
	}
	l->spec.limits = (struct box_limits){ 0 };
	lab_run(l, "/bin/true", NULL);
	ok(!l->result.oom, "the next box of that name starts afresh");
}

static void
test_pids(struct lab *l)
{
	int64_t n;

	l->spec.limits = (struct box_limits){ .pids = 20 };
	lab_run(l, PROBE, "forks", NULL);
	n = strtoll(l->out.data, NULL, 10);
	is_int(n, 19, "a fork bomb gets as many processes as the limit says");
	if (l->host.cg_pids)
		ok(l->result.pids_hit, "that the limit was met is known");
	l->spec.limits = (struct box_limits){ .file_bytes = 4096 };
	lab_sh(l, "head -c 9000 /dev/zero > big; stat -c %s big");
	ok(str_ends(l->out.data, "4096"), "no file grows over its limit");
	l->spec.limits = (struct box_limits){ .file_bytes = 12345 };
	lab_run(l, PROBE, "limits", NULL);
	is_str(l->out.data, "4096 0 12345",
		"the limits for files, cores and sizes are set");
	l->spec.limits = (struct box_limits){ 0 };
}

/* The name of a process that is left of a box, on the whole machine. */
static bool
process_exists(const char *name)
{
	AUTO(freep) char *cmd = xasprintf("pgrep -x '%s' >/dev/null", name);
	FILE *f = popen(cmd, "r");

	return f && pclose(f) == 0;
}

static void
test_nothing_left(struct lab *l)
{
	is_int(lab_run(l, PROBE, "daemon", NULL), 0,
		"a step that leaves a daemon behind ends");
	is_int(l->result.wstatus, 0, "its own status counts");
	ok(!process_exists("left-behind"), "the daemon is dead after the box");
	for (size_t i = 0; i < BOX_CG_KINDS; i++) {
		AUTO(freep)
		char *dir = xasprintf("%s/%s", l->host.cg_dir[i], l->spec.name);

		if (l->host.cg_dir[i][0] && access(dir, F_OK) == 0)
			ok(false, "'%s' is gone", dir);
	}
	is_int(box_sweep(&l->host, "no-such-box", &l->e), 0,
		"sweeping what is not there is success");
}

static struct box *
open_waiting(struct lab *l, int *ret_in)
{
	char *argv[] = { (char *)PROBE, (char *)"wait-term", NULL };
	struct box *b = NULL;
	char line[6];
	int pair[2];

	if (fd_pipe(pair, &l->e) < 0)
		return NULL;
	l->spec.argv = argv;
	l->spec.lower = l->lower;
	l->spec.nlower = l->nlower;
	l->spec.out_fd = pair[1];
	if (box_open(&b, &l->host, &l->spec, &l->e) < 0)
		b = NULL;
	close(pair[1]);
	*ret_in = pair[0];
	if (b && read(pair[0], line, sizeof(line)) != sizeof(line))
		return NULL;
	return b;
}

static void
test_term_and_kill(struct lab *l)
{
	struct pollfd p = { .events = POLLIN };
	struct box *b;
	int in;

	b = open_waiting(l, &in);
	ok(b != NULL, "a box can be left running");
	if (!b)
		return;
	p.fd = box_fd(b);
	is_int(poll(&p, 1, 0), 0, "its descriptor is quiet while it runs");
	box_term(b);
	poll(&p, 1, -1);
	is_int(box_close(b, &l->result, &l->e), 0, "it can be closed");
	ok(WIFEXITED(l->result.wstatus) && WEXITSTATUS(l->result.wstatus) == 9,
		"TERM reaches the main process, which may act on it");
	close(in);
	b = open_waiting(l, &in);
	if (!b)
		return;
	box_kill(b);
	box_close(b, &l->result, &l->e);
	is_int(l->result.wstatus, SIGKILL, "KILL ends it at once");
	close(in);
}

static void
test_sweep(struct lab *l)
{
	struct pollfd p = { .events = POLLIN };
	struct box *b;
	int in;

	if (l->host.cgroup == BOX_CGROUP_NONE) {
		skip("no cgroups", "a sweep kills what a crash left behind");
		return;
	}
	b = open_waiting(l, &in);
	if (!b)
		return;
	is_int(box_sweep(&l->host, l->spec.name, &l->e), 0,
		"a box can be swept by its name");
	p.fd = box_fd(b);
	is_int(poll(&p, 1, 5000), 1, "a sweep kills what a crash left behind");
	box_close(b, &l->result, &l->e);
	close(in);
}

/* The worker of this test: opens a box that writes to out, and waits. */
static void
be_worker(struct lab *l, int out)
{
	char *argv[] = { (char *)PROBE, (char *)"wait-term", NULL };
	struct box *b;

	l->spec.argv = argv;
	l->spec.out_fd = out;
	if (box_open(&b, &l->host, &l->spec, &l->e) < 0)
		_exit(1);
	for (;;)
		pause();
}

static void
test_dies_with_us(struct lab *l)
{
	struct pollfd p = { .events = POLLIN };
	int pair[2];
	char line[16];
	pid_t pid;

	if (fd_pipe(pair, &l->e) < 0)
		return;
	pid = fork();
	if (!pid)
		be_worker(l, pair[1]);
	close(pair[1]);
	is_int(read(pair[0], line, sizeof(line)), 6,
		"another process has a box open");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	p.fd = pair[0];
	/* The end of the pipe: nobody is left who could write to it. */
	ok(poll(&p, 1, 5000) == 1 && read(pair[0], line, 1) == 0,
		"a box dies with the process that opened it");
	is_int(box_sweep(&l->host, l->spec.name, &l->e), 0,
		"what is left of its cgroup can be swept");
	close(pair[0]);
}

static void
test_tools(struct lab *l)
{
	static const struct {
		const char *path, *script, *want;
	} rows[] = {
		{ "/usr/bin/gcc",
			"echo 'int main(void){return 0;}' > t.c && gcc t.c "
			"-o t && ./t && echo ok",
			"ok" },
		{ "/usr/bin/make",
			"printf 'x y:\\n\\t@echo $@ > $@\\n' > Makefile && "
			"make -s -j2 x y && cat x y",
			"x\ny" },
		{ "/usr/bin/git",
			"git init -q g && cd g && git -c user.name=n -c "
			"user.email=e commit -q --allow-empty -m m && git log "
			"--format=%s",
			"m" },
		{ "/usr/bin/python3", "python3 -c 'print(6*7)'", "42" },
		{ "/usr/bin/perl", "perl -e 'print 6*7'", "42" },
		{ "/bin/bash",
			"bash -c 'sleep 0 & wait; echo <(true) >/dev/null; "
			"echo x > /dev/shm/s; cat /dev/shm/s'",
			"x" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(freep)
		char *what = xasprintf("%s works inside", rows[i].path);

		if (access(rows[i].path, X_OK) < 0) {
			skip("not installed", what);
			continue;
		}
		lab_fresh(l);
		lab_sh(l, rows[i].script);
		is_str(l->out.data, rows[i].want, what);
	}
}

int
main(void)
{
	struct lab l;

	lab_open(&l);
	if (!l.host.overlay) {
		printf("1..0 # SKIP no overlayfs\n");
		lab_close(&l);
		return 0;
	}
	test_start_and_end(&l);
	test_errors(&l);
	test_layers(&l);
	test_many_layers(&l);
	test_plain(&l);
	test_memory(&l);
	test_pids(&l);
	test_nothing_left(&l);
	test_term_and_kill(&l);
	test_sweep(&l);
	test_dies_with_us(&l);
	test_tools(&l);
	lab_close(&l);
	return tap_done();
}
