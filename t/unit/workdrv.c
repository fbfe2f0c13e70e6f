/* SPDX-License-Identifier: MIT */
/*
 * Plays tellusd towards one worker: control socket, lease, go.  Prints the
 * attempt's events as JSON lines when the worker has ended, and exits with
 * the worker's status (128 and the signal's number when it was killed).
 *
 *	workdrv [OPTION]... STATE ATTEMPT-PATH
 *	--eof              close the socket instead of saying "go"
 *	--next CMD PATH    after "planned": run CMD (sh -c), then assign PATH
 *	--at-event KIND:STEP SIGNAL
 *	--at-output TEXT SIGNAL
 *	                   send SIGNAL (a number) to the worker as soon as
 *	                   the event is there, or the output has TEXT
 *	--twice            send it again when the output grows after that
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/enc.h"
#include "os/child.h"
#include "os/fd.h"
#include "os/loop.h"
#include "os/path.h"
#include "os/watch.h"
#include "store/spool.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#define OUTPUT_MAX (8 << 20)

extern char **environ;

struct driver {
	const char *state, *path, *next_cmd, *next_path;
	const char *at_event, *at_output;
	int64_t signo;
	bool eof, sent, twice, planned;
	int control, state_fd, attempt_fd;
	size_t output_len;
	int64_t offset;
	int wstatus;
	struct child *child;
	struct loop *loop;
};

static void
die(const struct err *e)
{
	fprintf(stderr, "workdrv: %s\n", e->msg);
	exit(99);
}

static void
assign(struct driver *d, const char *path)
{
	AUTO(freep) char *text = xasprintf("%s\n%s", d->state, path);
	AUTO(fd_closep) int lease = -1;
	char answer[16];
	struct err e;
	int fd;

	fd_closep(&d->attempt_fd);
	d->path = path;
	d->offset = 0;
	d->attempt_fd = path_open_beneath(
		d->state_fd, path, O_RDONLY | O_DIRECTORY, 0, &e);
	if (d->attempt_fd < 0)
		die(&e);
	lease = openat(
		d->attempt_fd, "lease", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lease < 0 || fd_lock(lease, &e) != 0) {
		fprintf(stderr, "workdrv: the lease is taken\n");
		exit(98);
	}
	if (fd_send(d->control, text, strlen(text), lease, &e) < 0)
		die(&e);
	fd_closep(&lease);
	if (fd_recv(d->control, answer, sizeof(answer), &fd, &e) != 5 ||
		memcmp(answer, "ready", 5) != 0) {
		fprintf(stderr, "workdrv: no 'ready'\n");
		return;
	}
	if (d->eof)
		fd_closep(&d->control);
	else if (fd_send(d->control, "go", 2, -1, &e) < 0)
		die(&e);
}

static void
hit(struct driver *d)
{
	if (d->sent && !d->twice)
		return;
	if (d->sent)
		d->twice = false;
	d->sent = true;
	if (d->child)
		child_signal(d->child, (int)d->signo);
}

static void
look_at_output(struct driver *d)
{
	AUTO(freep) char *text = NULL;
	struct err e;
	size_t len;

	if (!d->at_output || fd_slurp_at(d->attempt_fd, "output", OUTPUT_MAX,
				     &text, &len, &e) < 0)
		return;
	if (d->sent && len > d->output_len)
		hit(d);
	else if (!d->sent && strstr(text, d->at_output))
		hit(d);
	d->output_len = len;
}

static int
on_event(const struct event *ev, int64_t end UNUSED, void *arg,
	struct err *e UNUSED)
{
	struct driver *d = arg;
	AUTO(buf_release) struct buf b = BUF_INIT;
	char key[64];

	event_to_json(ev, &b);
	printf("%s\n", b.data);
	snprintf(
		key, sizeof(key), "%s:%d", event_kind_name(ev->kind), ev->step);
	if (str_eq(d->at_event, key))
		hit(d);
	d->planned |= ev->kind == EV_PLANNED;
	return 0;
}

static void
read_events(struct driver *d)
{
	AUTO(fd_closep)
	int fd = openat(d->attempt_fd, "events", O_RDONLY | O_CLOEXEC);
	struct err e;

	if (fd >= 0 && spool_read(fd, &d->offset, on_event, d, &e) < 0)
		die(&e);
	fflush(stdout);
}

static void watch_attempt(struct driver *d);

static void
go_on(struct driver *d)
{
	d->planned = false;
	if (!d->next_path) {
		fd_closep(&d->control);
		return;
	}
	{
		const char *argv[] = { "sh", "-c", d->next_cmd, NULL };
		struct spawn s = { .path = "/bin/sh",
			.argv = (char *const *)(uintptr_t)argv,
			.envp = environ,
			.fd = { -1, 2, 2 },
			.nfds = 3 };
		struct err e;
		int pidfd, status;
		pid_t pid;

		if (spawn_run(&s, &pid, &pidfd, &e) < 0)
			die(&e);
		close(pidfd);
		if (waitpid(pid, &status, 0) < 0 || status) {
			fprintf(stderr, "workdrv: --next failed\n");
			exit(97);
		}
	}
	assign(d, d->next_path);
	d->next_path = NULL;
	watch_attempt(d);
}

static void
on_change(uint32_t mask UNUSED, const char *name UNUSED, void *arg)
{
	struct driver *d = arg;

	read_events(d);
	look_at_output(d);
	if (d->planned)
		go_on(d);
}

static struct watch_set *watches;

static void
watch_attempt(struct driver *d)
{
	AUTO(freep) char *path = xasprintf("%s/%s", d->state, d->path);
	struct err e;

	if (watch_add(watches, path, IN_MODIFY | IN_CREATE, on_change, d, &e) <
		0)
		die(&e);
	on_change(0, NULL, d);
}

static void
on_end(pid_t pid UNUSED, int wstatus, void *arg)
{
	struct driver *d = arg;

	d->child = NULL;
	d->wstatus = wstatus;
	loop_stop(d->loop);
}

static void
start(struct driver *d)
{
	AUTO(freep)
	char *path = xasprintf("%s/tellus-worker",
		getenv("TELLUS_BUILD") ? getenv("TELLUS_BUILD") : ".");
	char *argv[] = { path, (char *)(uintptr_t)d->path, NULL };
	struct spawn s = { .path = path, .argv = argv, .envp = environ };
	struct err e;
	int pair[2], pidfd;
	pid_t pid;

	if (fd_socketpair(pair, &e) < 0)
		die(&e);
	s.fd[0] = -1;
	s.fd[1] = 2;
	s.fd[2] = 2;
	s.fd[3] = pair[1];
	s.nfds = 4;
	if (spawn_run(&s, &pid, &pidfd, &e) < 0)
		die(&e);
	close(pair[1]);
	d->control = pair[0];
	d->child = child_watch(d->loop, pid, pidfd, on_end, d, &e);
	if (!d->child)
		die(&e);
}

static void
parse(struct driver *d, int argc, char **argv)
{
	int i = 1;

	for (; i < argc && str_starts(argv[i], "--"); i++) {
		if (str_eq(argv[i], "--eof")) {
			d->eof = true;
		} else if (str_eq(argv[i], "--twice")) {
			d->twice = true;
		} else if (i + 2 < argc && str_eq(argv[i], "--next")) {
			d->next_cmd = argv[++i];
			d->next_path = argv[++i];
		} else if (i + 2 < argc && str_starts(argv[i], "--at-")) {
			*(str_eq(argv[i], "--at-event") ? &d->at_event
							: &d->at_output) =
				argv[i + 1];
			if (num_parse(argv[i + 2], 1, 64, &d->signo) < 0)
				exit(96);
			i += 2;
		}
	}
	if (argc - i != 2)
		exit(96);
	d->state = argv[i];
	d->path = argv[i + 1];
}

int
main(int argc, char **argv)
{
	struct driver d = { .state_fd = -1, .attempt_fd = -1, .control = -1 };
	struct err e;

	parse(&d, argc, argv);
	d.loop = loop_new(&e);
	watches = d.loop ? watch_set_new(d.loop, &e) : NULL;
	d.state_fd = path_open_dir(AT_FDCWD, d.state, &e);
	if (!watches || d.state_fd < 0)
		die(&e);
	start(&d);
	assign(&d, d.path);
	watch_attempt(&d);
	if (loop_run(d.loop, &e) < 0)
		die(&e);
	read_events(&d);
	watch_set_free(watches);
	loop_free(d.loop);
	fd_closep(&d.control);
	fd_closep(&d.attempt_fd);
	fd_closep(&d.state_fd);
	if (WIFSIGNALED(d.wstatus))
		return 128 + WTERMSIG(d.wstatus);
	return WEXITSTATUS(d.wstatus);
}
