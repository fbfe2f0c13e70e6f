/* SPDX-License-Identifier: MIT */
/*
 * The control socket: assignment, identity, ready, go.  Until "go" has come
 * nothing of the attempt may have an effect, so that the end of the stream
 * at any earlier place means "nothing ran".
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/crash.h"
#include "os/child.h"
#include "os/fd.h"
#include "os/path.h"
#include "work/worker.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>

#define MESSAGE_MAX 8192

unsigned int
worker_terms(struct worker *w)
{
	struct signalfd_siginfo si;

	while (read(w->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		w->terms++;
	return w->terms;
}

/*
 * Waits until the control socket can be read.  1 it can, 0 the time is up,
 * or we were told to stop and stop_on_term is set.
 */
static int
wait_message(struct worker *w, int timeout_ms, bool stop_on_term, struct err *e)
{
	int64_t end = clock_boot_ms() + timeout_ms;

	for (;;) {
		struct pollfd p[2] = { { .fd = w->control_fd,
					       .events = POLLIN },
			{ .fd = w->signal_fd, .events = POLLIN } };
		int wait = timeout_ms < 0 ? -1
					  : (int)MAX(end - clock_boot_ms(), 0);
		int n = poll(p, 2, wait);

		if (n < 0 && errno != EINTR)
			return err_sys(e, "poll");
		if (n > 0 && p[1].revents && worker_terms(w) && stop_on_term)
			return 0;
		if (n > 0 && p[0].revents)
			return 1;
		if (n == 0 && wait >= 0)
			return 0;
	}
}

/* "STATE-FOLDER\nATTEMPT-PATH" and the lease beside it. */
static int
take_assignment(struct worker *w, char *text, size_t len, struct err *e)
{
	char *nl = memchr(text, '\n', len);

	if (!nl || memchr(text, '\0', len))
		return err_set(e, ERR_PERM, "the assignment cannot be read");
	*nl = '\0';
	text[len] = '\0';
	if (text[0] != '/' || !path_is_clean(nl + 1))
		return err_set(e, ERR_PERM, "the assignment's paths are wrong");
	if (w->lease_fd < 0)
		return err_set(e, ERR_PERM, "the assignment has no lease");
	w->state_path = xstrdup(text);
	w->attempt_path = xstrdup(nl + 1);
	w->state_fd = path_open_dir(AT_FDCWD, w->state_path, e);
	if (w->state_fd < 0)
		return -1;
	w->attempt_fd = path_open_beneath(
		w->state_fd, w->attempt_path, O_RDONLY | O_DIRECTORY, 0, e);
	return w->attempt_fd < 0 ? -1 : 0;
}

/*
 * Not synced: it names a process of this boot, and is worth nothing after a
 * power cut.
 */
static int
write_identity(struct worker *w, struct err *e)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	AUTO(fd_closep) int fd = -1;
	char boot[BOOT_ID_MAX];
	struct json_out o;
	uint64_t start;

	if (proc_boot_id(boot, e) < 0 ||
		proc_start_time(getpid(), &start, e) < 0)
		return -1;
	jout_start(&o, &b);
	jout_obj(&o, NULL);
	jout_str(&o, "boot", boot);
	jout_int(&o, "pid", getpid());
	jout_int(&o, "start", (int64_t)start);
	jout_str(&o, "nonce", w->spec.nonce);
	jout_end(&o);
	fd = openat(w->attempt_fd, "identity",
		O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "create 'identity'");
	return fd_write_all(fd, b.data, b.len, e);
}

static int
await_go(struct worker *w, struct err *e)
{
	char text[16];
	ssize_t n;
	int fd;

	if (fd_send(w->control_fd, "ready", 5, -1, e) < 0)
		return -1;
	crash_point("work.ready");
	/* A cancel does not end the wait: once "go" is sent the attempt
	 * counts as started and has to say how it ended. */
	if (wait_message(w, -1, false, e) < 0)
		return -1;
	n = fd_recv(w->control_fd, text, sizeof(text), &fd, e);
	fd_closep(&fd);
	if (n <= 0)
		return (int)n;
	if (n != 2 || memcmp(text, "go", 2) != 0)
		return err_set(e, ERR_PERM, "expected 'go' on the socket");
	crash_point("work.go");
	return 1;
}

int
control_accept(struct worker *w, int timeout_ms, struct err *e)
{
	char text[MESSAGE_MAX + 1];
	ssize_t n;
	int rc = wait_message(w, timeout_ms, true, e);

	if (rc <= 0)
		return rc;
	n = fd_recv(w->control_fd, text, MESSAGE_MAX, &w->lease_fd, e);
	if (n <= 0)
		return (int)n;
	crash_point("work.assigned");
	if (take_assignment(w, text, (size_t)n, e) < 0 ||
		spec_load(&w->spec, w->attempt_fd, e) < 0)
		return err_wrap(e, "assignment");
	if (write_identity(w, e) < 0)
		return -1;
	crash_point("work.identity");
	return await_go(w, e);
}
