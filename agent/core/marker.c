/* SPDX-License-Identifier: MIT */
/*
 * Which run is in hand: a page of the state folder's file "marker" says so,
 * and since it is the kernel's page, it says so after we crashed as well.
 * A run that was in hand in three crashes within ten minutes is kept aside,
 * so that it cannot take the agent down for ever.
 *
 * It is never synced: after a power cut the file tells of some earlier
 * moment, which costs at most one count.
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "core/inner.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define MARKER_BYTES 4096
#define MARKER_MAGIC UINT64_C(0x31726b6d6c6c6574)
#define CRASHES_KEPT 64
#define CRASHES_MOST 3
#define WITHIN_MS 600000
#define KILL_MS 5000

struct marker {
	uint64_t magic;
	uint64_t run; /* in hand now; 0: none */
	struct {
		uint64_t run;
		int64_t wall_ms;
	} crashes[CRASHES_KEPT]; /* the oldest first; run 0: unused */
};

_Static_assert(sizeof(struct marker) <= MARKER_BYTES, "more than one page");

static void
note_crash(struct marker *m, uint64_t run, int64_t now)
{
	memmove(m->crashes, m->crashes + 1,
		sizeof(m->crashes) - sizeof(m->crashes[0]));
	m->crashes[CRASHES_KEPT - 1].run = run;
	m->crashes[CRASHES_KEPT - 1].wall_ms = now;
}

int
marker_open(struct core *c, struct err *e)
{
	int fd = openat(c->state_fd, "marker",
		O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct marker *m;

	if (fd < 0)
		return err_sys(e, "open '%s/marker'", c->conf->conf.state);
	/* With its block, since a write to a full disk would be a SIGBUS. */
	errno = posix_fallocate(fd, 0, MARKER_BYTES);
	m = errno ? MAP_FAILED
		  : mmap(NULL, MARKER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			    fd, 0);
	if (m == MAP_FAILED) {
		err_sys(e, "map '%s/marker'", c->conf->conf.state);
		close(fd);
		return -1;
	}
	close(fd);
	c->marker = m;
	if (m->magic != MARKER_MAGIC) {
		memset(m, 0, sizeof(*m));
		m->magic = MARKER_MAGIC;
	}
	if (m->run) {
		log_line(LOG_WARN,
			"the last tellusd ended while it worked on run "
			"%" PRIu64,
			m->run);
		note_crash(m, m->run, clock_wall_ms());
		m->run = 0;
	}
	return 0;
}

void
marker_close(struct core *c)
{
	if (c->marker)
		munmap(STEAL(c->marker), MARKER_BYTES);
}

uint64_t
marker_set(struct core *c, uint64_t run)
{
	uint64_t was = c->marker->run;

	/* Other threads may crash, too: the store must be made here. */
	__atomic_store_n(&c->marker->run, run, __ATOMIC_RELEASE);
	return was;
}

static int
crashes_of(const struct core *c, uint64_t run)
{
	int64_t now = clock_wall_ms();
	int n = 0;

	for (size_t i = 0; i < CRASHES_KEPT; i++)
		n += c->marker->crashes[i].run == run &&
		     now - c->marker->crashes[i].wall_ms < WITHIN_MS;
	return n;
}

/* ---- keeping a run aside ---- */

/* Dead before the run's end is written; the kernel ends its boxes with it. */
static void
kill_worker(struct core *c, const char *boot, int64_t pid, int64_t start)
{
	struct err e;
	struct pollfd p = { .events = POLLIN };

	if (!str_eq(boot, c->boot) || pid <= 0 || start <= 0)
		return;
	p.fd = pidfd_for((pid_t)pid, (uint64_t)start, &e);
	if (p.fd < 0)
		return;
	if (syscall(SYS_pidfd_send_signal, p.fd, SIGKILL, NULL, 0) == 0 &&
		poll(&p, 1, KILL_MS) == 1)
		log_line(LOG_NOTICE, "worker %d killed", (int)pid);
	close(p.fd);
}

static void
kill_workers(struct live *l)
{
	const struct run *r = l->run;

	if (r->nonce)
		kill_worker(l->core, r->boot, r->pid, r->start_time);
	for (size_t i = 0; i < r->njobs; i++)
		if (r->jobs[i].state == RUN_RUNNING || r->jobs[i].undoing)
			kill_worker(l->core, r->jobs[i].boot, r->jobs[i].pid,
				r->jobs[i].start_time);
}

static void
end_job(struct live *l, int job, const struct reason *why)
{
	json_t *o = json_object();
	struct event ev;

	event_init(&ev, EV_JOB_FINISHED);
	ev.job = job;
	jset_str(ev.data, "state", run_state_name(RUN_ERROR));
	reason_put(o, why);
	json_object_set_new(ev.data, "reason", o);
	core_event(l, &ev);
}

/* It may be tried again by a person, and then counts anew. */
static void
forget_crashes(struct core *c, bool committed, void *arg)
{
	uint64_t run = *(uint64_t *)arg;

	for (size_t i = 0; committed && i < CRASHES_KEPT; i++)
		if (c->marker->crashes[i].run == run)
			c->marker->crashes[i].run = 0;
	free(arg);
}

bool
marker_quarantine(struct live *l)
{
	AUTO(freep) char *then = NULL;
	struct reason why = {
		.class = (char *)"infra.quarantined",
		.text = (char *)"tellusd crashed three times while it worked "
				"on this run, which is kept aside",
	};
	uint64_t *id;

	if (crashes_of(l->core, l->id) < CRASHES_MOST)
		return false;
	then = xasprintf("report it with the agent's log and the folder "
			 "runs/%" PRIu64 " of the state folder; another try: "
			 "tellus retry %" PRIu64,
		l->id, l->id);
	why.suggestion = then;
	log_line(LOG_ERROR, "run %" PRIu64 ": %s", l->id, why.text);
	kill_workers(l);
	crash_point("marker.killed");
	for (size_t i = 0; i < l->run->njobs; i++)
		if (!run_state_is_final(l->run->jobs[i].state))
			end_job(l, (int)i, &why);
	settle_finish(l, RUN_ERROR, &why);
	id = xmalloc(sizeof(*id));
	*id = l->id;
	core_defer(l->core, forget_crashes, id);
	return true;
}
