/* SPDX-License-Identifier: MIT */
/*
 * Why a step failed: recovery.md's table, from top to bottom, first match
 * wins.  Only what the kernel and the box say decides the class; the
 * step's own output is looked at for nothing but the words.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/enc.h"
#include "model/diagnose.h"
#include "work/step.h"

#include <signal.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#define TAIL_MAX 8192
#define LINE_MAX_SHOWN 240
#define DISK_LOW_BYTES (1 << 20)
#define EXIT_SIGNAL 128 /* a shell: its child died by signal exit - 128 */

void
reason_set(struct step *s, const char *class, const char *suggestion,
	const char *fmt, ...)
{
	va_list ap;

	reason_release(&s->reason);
	va_start(ap, fmt);
	s->reason.text = xvasprintf(fmt, ap);
	va_end(ap);
	s->reason.class = xstrdup(class);
	s->reason.suggestion = suggestion ? xstrdup(suggestion) : NULL;
	s->reason.step = xstrdup(s->name);
}

/* The signal that ended the step, itself or through its shell. */
static int
death(const struct step *s)
{
	if (s->signal)
		return s->signal;
	if (s->exit_code > EXIT_SIGNAL && s->exit_code < EXIT_SIGNAL + 65)
		return s->exit_code - EXIT_SIGNAL;
	return 0;
}

/* ", last line: ..." of what it printed, or nothing. */
static void
add_last_line(const struct step *s, struct buf *out)
{
	AUTO(buf_release) struct buf clean = BUF_INIT;
	char tail[LINE_MAX_SHOWN + 1];
	size_t n = outlog_tail(s->job->out, tail, LINE_MAX_SHOWN), from;

	while (n && (tail[n - 1] == '\n' || tail[n - 1] == '\r'))
		n--;
	from = n;
	while (from && tail[from - 1] != '\n' && tail[from - 1] != '\r')
		from--;
	utf8_addclean(&clean, tail + from, n - from);
	if (!clean.len)
		return;
	buf_addz(out, "; its last line was: ");
	utf8_addcut_chars(out, clean.data, LINE_MAX_SHOWN / 2);
}

static bool
was_stopped(struct step *s)
{
	AUTO(buf_release) struct buf last = BUF_INIT;
	AUTO(buf_release) struct buf span = BUF_INIT;
	int64_t job_ms = jget_int(s->job->w->spec.json, "timeout_ms", 0);

	switch (s->stop) {
	case STEP_CANCELED:
		reason_set(
			s, "canceled", NULL, "step '%s' was canceled", s->name);
		return true;
	case STEP_TIMED_OUT:
		clock_addspan(&span, s->timeout_ms);
		add_last_line(s, &last);
		reason_set(s, "timeout",
			"raise timeout-minutes of the step, or find out what "
			"it waits for",
			"step '%s' ran longer than its limit of %s%s", s->name,
			span.data, last.data ? last.data : "");
		return true;
	case STEP_JOB_TIMED_OUT:
		clock_addspan(&span, job_ms);
		add_last_line(s, &last);
		reason_set(s, "timeout",
			"raise timeout-minutes of the job, or find out what "
			"it waits for",
			"the job ran longer than its limit of %s, in step "
			"'%s'%s",
			span.data, s->name, last.data ? last.data : "");
		return true;
	case STEP_NOT_STOPPED:
		break;
	}
	return false;
}

static int64_t
limit_of(const struct step *s, const char *name)
{
	return jget_int(jget_obj(s->job->w->spec.json, "limits"), name, 0);
}

static bool
out_of_memory(struct step *s)
{
	AUTO(buf_release) struct buf size = BUF_INIT;
	AUTO(freep) char *retry = NULL;
	int64_t limit = limit_of(s, "memory");

	if (!s->box.oom)
		return false;
	if (!limit) {
		reason_set(s, "resource.memory",
			"run fewer jobs at once (agent.jobs), or give the "
			"machine more memory",
			"step '%s' was killed because the machine has no "
			"memory left",
			s->name);
		return true;
	}
	s->own_limit = true;
	size_add(&size, limit);
	retry = xasprintf("tellus retry %" PRIu64 " --limit memory=%" PRId64
			  "M, or limits: {memory: ...} in the workflow",
		s->job->w->spec.run, MAX(limit * 2 >> 20, 1));
	reason_set(s, "resource.memory", retry,
		"step '%s' needed more memory than its limit of %s", s->name,
		size.data);
	return true;
}

static bool
broke_limit(struct step *s)
{
	int sig = death(s);

	if (sig == SIGSYS) {
		reason_set(s, "config.sandbox",
			"the sandbox does not allow that system call; do "
			"without the program that makes it",
			"step '%s' made a system call that the sandbox "
			"forbids (SIGSYS)",
			s->name);
		return true;
	}
	if (sig == SIGXCPU || sig == SIGXFSZ) {
		reason_set(s, "resource.limit",
			"raise the limit with limits: in the workflow",
			"step '%s' met its limit of %s", s->name,
			sig == SIGXCPU ? "processor time" : "file size");
		return true;
	}
	if (s->box.pids_hit) {
		reason_set(s, "resource.limit",
			"raise limits: {pids: ...} in the workflow",
			"step '%s' met its limit of %" PRId64 " processes",
			s->name, limit_of(s, "pids"));
		return true;
	}
	return false;
}

static bool
no_space(struct step *s)
{
	struct statvfs v;

	if (fstatvfs(s->job->w->state_fd, &v) == 0 &&
		((uint64_t)v.f_bavail * v.f_frsize < DISK_LOW_BYTES ||
			(v.f_files && !v.f_favail)))
		s->disk_full = true;
	if (!s->disk_full)
		return false;
	reason_set(s, "resource.disk",
		"make room on the file system of the agent's state folder",
		"step '%s' failed with no space left on the disk", s->name);
	return true;
}

static bool
was_killed(struct step *s)
{
	int sig = s->signal;

	if (!sig)
		return false;
	if (sig == SIGKILL)
		reason_set(s, "infra.killed", NULL,
			"step '%s' was killed from outside (SIGKILL)", s->name);
	else
		reason_set(s, "code", NULL, "step '%s' died by signal %d (%s)",
			s->name, sig, strsignal(sig));
	return true;
}

/* What the end of its output says; empty when that is nothing known. */
static struct diagnosis
output_says(const struct step *s)
{
	const struct job *j = s->job;
	char tail[TAIL_MAX + 1];
	size_t n = outlog_tail(j->out, tail, TAIL_MAX);
	struct diag_facts f = {
		.run = j->w->spec.run,
		.job = jget_str(j->plan, "id"),
		.step = s->name,
		.exit_code = s->exit_code,
		.tail = tail,
		.network_off = j->net == BOX_NET_NONE,
		.fork = j->w->spec.push.fork,
		.memory_limit = limit_of(s, "memory"),
	};
	struct diagnosis d = { 0 };

	/* A NUL would hide what is behind it. */
	for (size_t i = 0; i < n; i++)
		if (!tail[i])
			tail[i] = ' ';
	tail[n] = '\0';
	diagnose(&f, &d);
	return d;
}

static bool
by_exit_code(struct step *s)
{
	AUTO(diagnosis_release) struct diagnosis d = { 0 };

	switch (s->exit_code) {
	case 69: /* EX_UNAVAILABLE */
	case 75: /* EX_TEMPFAIL */
		reason_set(s, "transient", NULL,
			"step '%s' says that it may pass if tried again "
			"(exit code %d)",
			s->name, s->exit_code);
		return true;
	case 78: /* EX_CONFIG */
		reason_set(s, "config", "see the last lines of its output",
			"step '%s' found its configuration wrong (exit code "
			"78)",
			s->name);
		return true;
	case 126:
		d = output_says(s);
		reason_set(s, "config",
			d.suggestion ? d.suggestion
				     : "make the file executable (git "
				       "update-index --chmod=+x FILE) or name "
				       "its interpreter",
			"step '%s': %s (exit code 126)", s->name,
			d.what ? d.what : "a command may not be executed");
		return true;
	case 127:
		d = output_says(s);
		reason_set(s, "config",
			d.suggestion ? d.suggestion
				     : "install it on the agent's machine, or "
				       "check the name and PATH",
			"step '%s': %s (exit code 127)", s->name,
			d.what ? d.what : "a command was not found");
		return true;
	default:
		return false;
	}
}

static void
other_exit(struct step *s)
{
	AUTO(diagnosis_release) struct diagnosis d = output_says(s);
	int sig = death(s);

	if (sig == SIGKILL)
		reason_set(s, "code", d.suggestion,
			"a command of step '%s' was killed (exit code %d)%s%s",
			s->name, s->exit_code, d.what ? ": " : "",
			d.what ? d.what : "");
	else
		reason_set(s, "code", d.suggestion,
			"step '%s' failed with exit code %d%s%s", s->name,
			s->exit_code, d.what ? ": " : "", d.what ? d.what : "");
}

void
reason_find(struct step *s)
{
	int ws = s->box.wstatus;

	s->exit_code = WIFEXITED(ws) ? WEXITSTATUS(ws) : -1;
	s->signal = WIFSIGNALED(ws) ? WTERMSIG(ws) : 0;
	s->state = s->stop == STEP_CANCELED ? RUN_CANCELED : RUN_FAILED;
	if (was_stopped(s))
		return;
	if (s->exit_code == 0) {
		s->state = RUN_PASSED;
		return;
	}
	if (out_of_memory(s) || broke_limit(s) || no_space(s) ||
		was_killed(s) || by_exit_code(s))
		return;
	other_exit(s);
}

/* A shell's way to say it: 127 not found, 126 not to be executed. */
static bool
no_program(struct step *s, const struct err *why)
{
	if (why->code != ERR_ABSENT && why->code != ERR_DENIED)
		return false;
	if (why->sys != ENOENT && why->sys != EACCES)
		return false;
	s->exit_code = why->sys == ENOENT ? 127 : 126;
	reason_set(s, "config",
		"install it on the agent's machine, or choose another shell",
		"step '%s' cannot start: %s", s->name, why->msg);
	return true;
}

void
reason_from_box(struct step *s, const struct err *why)
{
	const char *class = "config.sandbox";
	const char *suggestion = "run \"tellus doctor\" on the agent's machine";

	s->state = RUN_FAILED;
	if (no_program(s, why))
		return;
	if (why->sys == ENOSPC || why->sys == EDQUOT) {
		class = "resource.disk";
		suggestion = "make room on the file system of the agent's "
			     "state folder";
	} else if (why->code == ERR_TEMP) {
		class = "resource";
		suggestion = NULL;
	} else if (str_starts(why->msg, "working directory")) {
		class = "config";
		suggestion = "check working-directory of the step";
	} else if (why->sys == E2BIG) {
		class = "config";
		suggestion = "pass less in env: a variable may have 128 KiB";
	}
	reason_set(s, class, suggestion, "step '%s' cannot start: %s", s->name,
		why->msg);
}
