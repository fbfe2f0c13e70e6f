/* SPDX-License-Identifier: MIT */
/* See private.h. */
#include "base/base.h"
#include "cli/private.h"

#include "base/json.h"
#include "cli/agent.h"
#include "cli/http.h"
#include "model/config.h"
#include "os/child.h"
#include "os/fd.h"
#include "os/loop.h"
#include "os/path.h"
#include "os/watch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#define PING_AGAIN_MS 20 /* between tries while it starts */
#define PING_MS 5000
#define LOG_TAIL 4096
#define NAMES_MAX 1000

void
private_release(struct private_agent *p)
{
	free(p->state);
	free(p->socket);
	free(p->name);
	*p = (struct private_agent){ 0 };
}

/* ---- its configuration ---- */

/* Quotes a value as git config reads it. */
static void
add_quoted(struct buf *b, const char *s)
{
	buf_addc(b, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_addc(b, '\\');
		buf_addc(b, *s);
	}
	buf_addc(b, '"');
}

static void
add_repo(struct buf *b, const char *name, const char *path)
{
	buf_addz(b, "[repository ");
	add_quoted(b, name);
	buf_addz(b, "]\n\tpath = ");
	add_quoted(b, path);
	buf_addc(b, '\n');
}

/* Names that differ in case alone are refused by the configuration. */
static bool
is_taken(const struct config *conf, const char *name)
{
	for (size_t i = 0; i < conf->nrepos; i++)
		if (!strcasecmp(conf->repos[i].name, name))
			return true;
	return false;
}

static char *
free_name(const struct config *conf, const struct repo *repo)
{
	char *base = repo_short_name(repo), *name = xstrdup(base);

	for (int i = 2; is_taken(conf, name) && i < NAMES_MAX; i++) {
		free(name);
		name = xasprintf("%s-%d", base, i);
	}
	free(base);
	return name;
}

static void
config_text(const struct private_agent *p, const struct config *conf,
	const char *path, struct buf *b)
{
	buf_addz(b, "# Written by \"tellus run\"; it adds the repositories "
		    "that it is used in.\n[agent]\n\tlisten = none\n\t"
		    "idle-exit = " PRIVATE_IDLE "\n\tstate = ");
	add_quoted(b, p->state);
	buf_addc(b, '\n');
	for (size_t i = 0; i < conf->nrepos; i++) {
		const struct repo_conf *r = &conf->repos[i];

		/* Repositories come and go: forget those that went. */
		if (r->path && access(r->path, F_OK) == 0)
			add_repo(b, r->name, r->path);
	}
	if (path)
		add_repo(b, p->name, path);
}

/* The repository's name; writes the file when it is new there.  1: the
 * file was changed. */
static int
config_ready(struct private_agent *p, int dir, const struct repo *repo,
	struct err *e)
{
	const char *path = repo->top ? repo->top : repo->gitdir;
	AUTO(freep) char *file = xasprintf("%s/config", p->state);
	AUTO(buf_release) struct buf b = BUF_INIT;
	struct config conf;
	int rc = 0;

	config_init(&conf);
	if (access(file, F_OK) == 0)
		rc = config_load_public(&conf, file, e);
	for (size_t i = 0; rc == 0 && i < conf.nrepos && !p->name; i++)
		if (str_eq(conf.repos[i].path, path))
			p->name = xstrdup(conf.repos[i].name);
	if (rc == 0 && !p->name) {
		p->name = free_name(&conf, repo);
		config_text(p, &conf, path, &b);
		rc = fd_put_file(dir, "config", b.data, b.len, 0600, e);
		rc = rc < 0 ? -1 : 1;
	}
	config_release(&conf);
	return rc;
}

/* ---- its process ---- */

/* Its pid, 0 when nobody answers. */
static int64_t
ping(const struct private_agent *p)
{
	AUTO(http_answer_release) struct http_answer a;
	struct http_call q = { .socket = p->socket,
		.method = "GET",
		.path = "/api/v1/status",
		.answer_ms = PING_MS };
	struct err e;
	json_t *o;
	int64_t pid;

	http_answer_init(&a);
	if (http_call(&q, &a, &e) < 0 || a.status != 200)
		return 0;
	o = json_parse(a.body.data, a.body.len, &e);
	pid = jget_int(o, "pid", 0);
	json_decref(o);
	return pid;
}

struct starting {
	struct loop *loop;
	struct private_agent *agent;
	struct loop_timer again;
	bool up, dead, late;
};

static void on_again(void *arg);

static void
on_entry(uint32_t mask, const char *name, void *arg)
{
	struct starting *s = arg;

	(void)mask;
	if (name && !str_eq(name, "sock"))
		return;
	s->up = ping(s->agent) > 0;
	if (s->up)
		loop_stop(s->loop);
	else
		loop_timer_set(s->loop, &s->again, PING_AGAIN_MS, on_again, s);
}

static void
on_again(void *arg)
{
	on_entry(0, NULL, arg);
}

static void
on_exit_early(pid_t pid, int wstatus, void *arg)
{
	struct starting *s = arg;

	(void)pid;
	(void)wstatus;
	s->dead = true;
	loop_stop(s->loop);
}

static void
on_late(void *arg)
{
	struct starting *s = arg;

	s->late = true;
	loop_stop(s->loop);
}

/* A socket's file is there before it listens, so the last word is the
 * answer to a ping; the log and the lock come and go around it. */
static int
wait_up(struct starting *s, pid_t pid, int pidfd, struct err *e)
{
	struct loop_timer timer = { 0 };
	struct watch_set *ws = watch_set_new(s->loop, e);
	struct child *child = NULL;
	int rc = ws ? 0 : -1;

	if (rc == 0)
		rc = watch_add(ws, s->agent->state,
			IN_CREATE | IN_MOVED_TO | IN_ATTRIB, on_entry, s, e);
	child = child_watch(s->loop, pid, pidfd, on_exit_early, s, e);
	if (rc < 0 || !child)
		rc = -1;
	loop_timer_set(s->loop, &timer, PRIVATE_START_MS, on_late, s);
	if (rc >= 0)
		on_entry(0, NULL, s); /* it may have been faster */
	if (rc >= 0 && !s->up)
		rc = loop_run(s->loop, e);
	loop_timer_cancel(s->loop, &timer);
	loop_timer_cancel(s->loop, &s->again);
	if (child && !s->dead)
		child_forget(child);
	watch_set_free(ws);
	return rc < 0 ? -1 : 0;
}

/* The last line that it logged, for the message. */
static char *
last_line(int dir)
{
	AUTO(fd_closep) int fd = openat(dir, "log", O_RDONLY | O_CLOEXEC);
	char text[LOG_TAIL + 1];
	off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
	ssize_t n = end > 0 ? pread(fd, text, LOG_TAIL,
				      end > LOG_TAIL ? end - LOG_TAIL : 0)
			    : 0;
	char *nl;

	while (n > 0 && text[n - 1] == '\n')
		n--;
	if (n <= 0)
		return xstrdup("it said nothing");
	text[n] = '\0';
	nl = strrchr(text, '\n');
	return xstrdup(nl ? nl + 1 : text);
}

static int
spawn_agent(const struct private_agent *p, int dir, pid_t *ret_pid,
	int *ret_pidfd, struct err *e)
{
	AUTO(freep) char *program = agent_program("tellusd");
	AUTO(freep) char *file = xasprintf("%s/config", p->state);
	AUTO(fd_closep)
	int log = openat(dir, "log",
		O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	const char *argv[] = { "tellusd", "--config", file, NULL };
	struct spawn s = { .path = program,
		.argv = (char *const *)argv,
		.envp = environ,
		.fd = { -1, log, log },
		.nfds = 3,
		.new_session = true };

	if (!program)
		return err_set(e, ERR_ABSENT,
			"tellusd was not found beside tellus; is tellus "
			"installed completely?");
	if (log < 0)
		return err_sys(e, "open '%s/log'", p->state);
	return spawn_run(&s, ret_pid, ret_pidfd, e);
}

static int
start(struct private_agent *p, int dir, struct err *e)
{
	struct starting s = { .agent = p, .loop = loop_new(e) };
	AUTO(freep) char *said = NULL;
	int pidfd = -1, rc;
	pid_t pid;

	if (!s.loop)
		return -1;
	rc = spawn_agent(p, dir, &pid, &pidfd, e);
	if (rc == 0)
		rc = wait_up(&s, pid, pidfd, e);
	loop_free(s.loop);
	if (rc < 0 || s.up)
		return rc;
	said = last_line(dir);
	if (s.dead)
		return err_set(e, ERR_PERM,
			"the private agent ended at once: %s (%s/log)", said,
			p->state);
	return err_set(e, ERR_TEMP,
		"the private agent does not answer; its last line: %s "
		"(%s/log)",
		said, p->state);
}

/* ---- both ---- */

static int
open_state(struct private_agent *p, struct err *e)
{
	/* 0711 as any state folder: steps run as another user may pass. */
	AUTO(fd_closep) int root = path_open_dir(AT_FDCWD, "/", e);

	if (root < 0)
		return -1;
	if (path_mkdirs(root, p->state + 1, 0711, e) < 0)
		return err_wrap(e, "'%s'", p->state);
	return path_open_dir(AT_FDCWD, p->state, e);
}

/* Held while the configuration is read, changed and put in force, so that
 * two of us neither lose a repository nor start two agents. */
static int
take_turn(int dir, struct err *e)
{
	struct flock fl = { .l_type = F_WRLCK };
	int fd = openat(dir, "run.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(e, "open 'run.lock'");
	while (fcntl(fd, F_OFD_SETLKW, &fl) < 0) {
		if (errno == EINTR)
			continue;
		close(fd);
		return err_sys(e, "lock 'run.lock'");
	}
	return fd;
}

int
private_ready(struct private_agent *p, const struct repo *repo, struct err *e)
{
	AUTO(fd_closep) int dir = -1, turn = -1;
	int64_t pid;
	int changed;

	*p = (struct private_agent){ .state = agent_local_state() };
	p->socket = xasprintf("%s/sock", p->state);
	dir = open_state(p, e);
	if (dir < 0)
		return -1;
	turn = take_turn(dir, e);
	if (turn < 0)
		return -1;
	changed = config_ready(p, dir, repo, e);
	if (changed < 0)
		return -1;
	pid = ping(p);
	if (!pid)
		return start(p, dir, e);
	if (changed && kill((pid_t)pid, SIGHUP) < 0)
		return err_sys(e,
			"have the private agent (pid %" PRId64
			") read its configuration again",
			pid);
	return 0;
}
