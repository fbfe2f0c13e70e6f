/* SPDX-License-Identifier: MIT */
/*
 * tellus doctor: is everything in order?  What the agent knows comes from
 * the agent; without one, tellusd looks at the machine.
 */
#include "base/base.h"
#include "cli/agent.h"
#include "cli/opts.h"
#include "cli/term.h"

#include "base/clock.h"
#include "cli/exec.h"
#include "model/config.h"

struct doctor {
	struct cli *c;
	bool as_json, failed;
	struct buf out;
	struct json_out json;
};

enum verdict { CHECK_OK, CHECK_WARN, CHECK_FAIL };

static const struct {
	const char *name, *color;
} verdicts[] = {
	{ "OK", "\033[32m" },
	{ "WARN", "\033[33m" },
	{ "FAIL", "\033[31m" },
};

static void
check(struct doctor *d, enum verdict v, const char *what, const char *text,
	const char *remedy)
{
	d->failed |= v == CHECK_FAIL;
	if (d->as_json) {
		jout_obj(&d->json, NULL);
		jout_str(&d->json, "verdict", verdicts[v].name);
		jout_str(&d->json, "check", what);
		jout_strn(&d->json, "text", text, strlen(text));
		jout_opt(&d->json, "remedy", remedy);
		jout_end(&d->json);
		return;
	}
	buf_addf(&d->out,
		"%s%-4s%s  %s: ", d->c->color ? verdicts[v].color : "",
		verdicts[v].name, color_off(d->c->color), what);
	term_cleanz(&d->out, text);
	if (remedy)
		buf_addf(&d->out, "\n      %s", remedy);
	buf_addc(&d->out, '\n');
}

static void
check_config(struct doctor *d)
{
	AUTO(freep) char *path = NULL, *text = NULL;
	struct config conf;
	struct err e;

	if (config_find(d->c->config, &path) != 0) {
		check(d, CHECK_OK, "configuration", "none; the defaults hold",
			NULL);
		return;
	}
	config_init(&conf);
	if (config_load_public(&conf, path, &e) < 0) {
		check(d, CHECK_FAIL, "configuration", e.msg,
			"see tellus-config(5)");
	} else {
		text = xasprintf("%s, %zu repositor%s", path, conf.nrepos,
			conf.nrepos == 1 ? "y" : "ies");
		check(d, CHECK_OK, "configuration", text, NULL);
	}
	config_release(&conf);
}

static void
check_git(struct doctor *d)
{
	AUTO(freep) char *git = exec_find("git");

	if (git)
		check(d, CHECK_OK, "git", git, NULL);
	else
		check(d, CHECK_WARN, "git", "not found",
			"tellus hook needs it: apt-get install git");
}

static void
check_agent(struct doctor *d, const char *socket, const json_t *o)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	const char *version = jget_str(o, "version");
	int64_t dead = jget_int(o, "dead", 0);

	buf_addf(&b, "version %s, pid %" PRId64 ", up ",
		version ? version : "?", jget_int(o, "pid", 0));
	clock_addspan(&b, jget_int(o, "uptime_ms", 0));
	buf_addf(&b, ", at %s", socket);
	check(d, CHECK_OK, "agent", b.data, NULL);
	if (version && !str_eq(version, PACKAGE_VERSION))
		check(d, CHECK_WARN, "version",
			"tellus is " PACKAGE_VERSION ", the agent is not",
			"restart the agent after an upgrade");
	buf_reset(&b);
	buf_addf(&b, "%" PRId64 " running, %" PRId64 " queued",
		jget_int(o, "running", 0), jget_int(o, "queued", 0));
	check(d, CHECK_OK, "runs", b.data, NULL);
	buf_reset(&b);
	buf_addf(&b, "%" PRId64 " waiting to be sent, %" PRId64 " given up",
		jget_int(o, "outbox", 0), dead);
	check(d, dead ? CHECK_WARN : CHECK_OK, "statuses", b.data,
		dead ? "look at the token and the address of the forge" : NULL);
}

/* CLI_OK when the agent answered. */
static int
ask_agent(struct doctor *d)
{
	AUTO(http_answer_release) struct http_answer a;
	AUTO(freep) char *socket = NULL;
	struct http_call q = { .method = "GET", .path = "/api/v1/status" };
	struct err e;
	json_t *o = NULL;

	http_answer_init(&a);
	if (agent_socket(d->c, &socket, &e) < 0)
		return CLI_USAGE; /* check_config has said it */
	q.socket = socket;
	if (http_call(&q, &a, &e) == 0 && a.status == 200)
		o = json_parse(a.body.data, a.body.len, &e);
	else if (a.status)
		err_set(&e, ERR_TEMP, "it answers with status %d", a.status);
	if (o) {
		check_agent(d, socket, o);
		json_decref(o);
		return CLI_OK;
	}
	err_wrap(&e, "could not be reached at %s", socket);
	check(d, CHECK_FAIL, "agent", e.msg,
		"start it: systemctl start tellusd, or: tellusd --config FILE");
	return CLI_AGENT;
}

/* What tellusd says by itself follows our lines. */
static void
ask_tellusd(struct doctor *d)
{
	AUTO(freep) char *program = agent_program("tellusd");
	AUTO(freep) char *path = NULL;
	const char *argv[5] = { program, "--doctor" };
	struct err e;

	if (!program) {
		check(d, CHECK_WARN, "tellusd", "not found beside tellus",
			"install it, or set $TELLUS_LIBEXECDIR");
		return;
	}
	if (config_find(d->c->config, &path) == 0) {
		argv[2] = "--config";
		argv[3] = path;
	}
	fputs(d->out.data, stdout);
	buf_reset(&d->out);
	if (exec_wait(argv, NULL, &e) < 0)
		check(d, CHECK_WARN, "tellusd", e.msg, NULL);
}

int
cmd_doctor(struct cli *c)
{
	const struct doctor_opts *o = c->opts;
	struct doctor d = { .c = c, .as_json = o->json };
	int rc;

	buf_init(&d.out);
	jout_start(&d.json, &d.out);
	if (d.as_json)
		jout_arr(&d.json, NULL);
	check_config(&d);
	check_git(&d);
	rc = ask_agent(&d);
	if (rc == CLI_AGENT && !d.as_json)
		ask_tellusd(&d);
	if (d.as_json) {
		jout_end(&d.json);
		buf_addc(&d.out, '\n');
	}
	fputs(d.out.data, stdout);
	buf_release(&d.out);
	return rc == CLI_OK && d.failed ? CLI_USAGE : rc;
}
