/* SPDX-License-Identifier: MIT */
/* See workflow_int.h: the setters that several tables of keys use. */
#include "base/base.h"
#include "base/enc.h"
#include "model/expr.h"
#include "model/retry.h"
#include "model/workflow_int.h"

static void *
member_of(void *obj, const struct wkey *k)
{
	return (char *)obj + k->off;
}

static void
set_node(void *obj, const struct wkey *k, const struct ynode *value)
{
	const struct ynode **to = member_of(obj, k);

	*to = value;
}

int
key_text(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	if (wread_scalar(r, key, value) < 0 ||
		wread_expr(r, value, false, k->contexts) < 0)
		return -1;
	set_node(obj, k, value);
	return 0;
}

int
key_title(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	if (wread_scalar(r, key, value) < 0)
		return -1;
	if (strlen(value->text) > WORKFLOW_MAX_NAME)
		return ydoc_fault(r->w->doc, value, r->e,
			"\"%s\" %s is longer than %d bytes", key->text,
			r->where, WORKFLOW_MAX_NAME);
	return key_text(r, k, key, value, obj);
}

int
key_script(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	if (wread_scalar(r, key, value) < 0)
		return -1;
	if (strlen(value->text) > WORKFLOW_MAX_SCRIPT)
		return ydoc_fault(r->w->doc, value, r->e,
			"\"%s\" %s is longer than %d bytes; put it into a "
			"file of the repository",
			key->text, r->where, WORKFLOW_MAX_SCRIPT);
	return key_text(r, k, key, value, obj);
}

int
key_cond(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	if (wread_scalar(r, key, value) < 0 ||
		wread_expr(r, value, true, k->contexts) < 0)
		return -1;
	set_node(obj, k, value);
	return 0;
}

int
key_shell(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	static const char *const known[] = { "bash", "sh", "python", "pwsh" };

	if (key_text(r, k, key, value, obj) < 0)
		return -1;
	if (strstr(value->text, "{0}"))
		return 0; /* a command line of its own */
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_eq(value->text, known[i]))
			return 0;
	return ydoc_fault(r->w->doc, value, r->e,
		"unknown shell \"%.60s\" %s; it is bash, sh, python, pwsh, or "
		"a command with {0} where the script's file goes",
		value->text, r->where);
}

int
key_env(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	return wread_pairs(r, key, value, k->contexts, member_of(obj, k));
}

static int
set_time(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj, bool minutes)
{
	struct wtime *t = member_of(obj, k);

	if (t->ms || t->text)
		return ydoc_fault(r->w->doc, key, r->e,
			"\"timeout\" and \"timeout-minutes\" %s: one of them "
			"is enough",
			r->where);
	if (wread_scalar(r, key, value) < 0)
		return -1;
	t->minutes = minutes;
	if (expr_has_parts(value->text)) {
		t->text = value;
		return wread_expr(r, value, false, k->contexts);
	}
	if (wread_time(value->text, minutes, &t->ms) == 0)
		return 0;
	return ydoc_fault(r->w->doc, value, r->e, "\"%s\" %s is \"%.60s\"; %s",
		key->text, r->where, value->text,
		minutes ? "it is a number of minutes, more than 0 and at most "
			  "43200"
			: "it is a time such as 90s, 10m or 2h, at most 30d");
}

int
key_minutes(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	return set_time(r, k, key, value, obj, true);
}

int
key_duration(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	return set_time(r, k, key, value, obj, false);
}

int
key_flag(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	struct wflag *f = member_of(obj, k);

	if (wread_scalar(r, key, value) < 0)
		return -1;
	if (expr_has_parts(value->text)) {
		f->text = value;
		return wread_expr(r, value, false, k->contexts);
	}
	if (value->plain && wread_bool(value->text, &f->on) == 0)
		return 0;
	return ydoc_fault(r->w->doc, value, r->e,
		"\"%s\" %s is \"%.60s\"; it is true or false, without quotes",
		key->text, r->where, value->text);
}

int
key_network(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	static const char *const modes[] = { "none", "outbound", "host" };

	if (key_text(r, k, key, value, obj) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (str_eq(value->text, modes[i]))
			return 0;
	return ydoc_fault(r->w->doc, value, r->e,
		"\"network\" %s is \"%.60s\"; it is none, outbound or host",
		r->where, value->text);
}

/* The least that makes sense: a size without its unit is a slip. */
#define MEMORY_MIN (4 << 20)
#define DISK_MIN (1 << 20)
#define OUTPUT_MIN (1 << 10)

static int
set_size(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj, int64_t min)
{
	AUTO(buf_release) struct buf least = BUF_INIT;
	int64_t *to = member_of(obj, k);

	if (wread_scalar(r, key, value) < 0)
		return -1;
	if (size_parse(value->text, to) < 0)
		return ydoc_fault(r->w->doc, value, r->e,
			"\"%s\" %s is \"%.60s\"; it is a size such as 512M or "
			"4G",
			key->text, r->where, value->text);
	size_add(&least, min);
	if (*to < min)
		return ydoc_fault(r->w->doc, value, r->e,
			"\"%s\" %s is \"%.60s\", less than %s; a size has a "
			"unit: 512M, 4G",
			key->text, r->where, value->text, least.data);
	return 0;
}

static int
key_memory(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	return set_size(r, k, key, value, obj, MEMORY_MIN);
}

static int
key_disk(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	return set_size(r, k, key, value, obj, DISK_MIN);
}

static int
key_output(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	return set_size(r, k, key, value, obj, OUTPUT_MIN);
}

static int
key_cpu(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	int64_t *to = member_of(obj, k);

	if (wread_scalar(r, key, value) < 0)
		return -1;
	if (thousandths_parse(value->text, to) < 0 || *to < 10 || *to > 1024000)
		return ydoc_fault(r->w->doc, value, r->e,
			"\"cpu\" %s is \"%.60s\"; it is a number of "
			"processors such as 2 or 0.5",
			r->where, value->text);
	return 0;
}

static int
key_pids(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	if (wread_scalar(r, key, value) < 0)
		return -1;
	if (num_parse(value->text, 1, 4194304, member_of(obj, k)) < 0)
		return ydoc_fault(r->w->doc, value, r->e,
			"\"pids\" %s is \"%.60s\"; it is a number of "
			"processes, at least 1",
			r->where, value->text);
	return 0;
}

#define OFF(member) offsetof(struct wlimits, member)

static const struct wkey limit_keys[] = {
	/* clang-format off */
	{ "memory",	key_memory,	OFF(memory),	NULL, NULL, 0 },
	{ "cpu",	key_cpu,	OFF(cpu),	NULL, NULL, 0 },
	{ "pids",	key_pids,	OFF(pids),	NULL, NULL, 0 },
	{ "disk",	key_disk,	OFF(disk),	NULL, NULL, 0 },
	{ "output",	key_output,	OFF(output),	NULL, NULL, 0 },
	/* clang-format on */
};

/* A mapping below the one in hand: "in \"limits\" of job ...". */
static int
read_below(struct wreader *r, const struct ynode *key,
	const struct ynode *value, const struct wkey *keys, size_t n, void *obj)
{
	struct wreader below = *r;

	if (wread_kind(r, key, value, YNODE_MAP) < 0)
		return -1;
	wread_where(&below, "in \"%s\" %s", key->text, r->where);
	return wread_map(&below, value, keys, n, WKEY_ANYWHERE, obj);
}

int
key_limits(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	return read_below(r, key, value, limit_keys, ARRAY_LEN(limit_keys),
		member_of(obj, k));
}

static const struct wkey run_default_keys[] = {
	{ "shell", key_shell, offsetof(struct wdefaults, shell), NULL, NULL,
		0 },
	{ "working-directory", key_text, offsetof(struct wdefaults, dir),
		wcontexts_step, NULL, 0 },
};

static int
key_run_defaults(struct wreader *r, const struct wkey *k UNUSED,
	const struct ynode *key, const struct ynode *value, void *obj)
{
	return read_below(r, key, value, run_default_keys,
		ARRAY_LEN(run_default_keys), obj);
}

int
key_defaults(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	static const struct wkey keys[] = {
		{ "run", key_run_defaults, 0, NULL, NULL, 0 },
	};

	return read_below(
		r, key, value, keys, ARRAY_LEN(keys), member_of(obj, k));
}

static int
key_retry_max(struct wreader *r, const struct wkey *k UNUSED,
	const struct ynode *key, const struct ynode *value, void *obj)
{
	json_t *retry = obj;
	int64_t n;

	if (wread_scalar(r, key, value) < 0)
		return -1;
	if (num_parse(value->text, 0, WORKFLOW_MAX_RETRY, &n) < 0)
		return ydoc_fault(r->w->doc, value, r->e,
			"\"%s\" %s is \"%.60s\"; it is a number from 0 to %d",
			key->text, r->where, value->text, WORKFLOW_MAX_RETRY);
	jset_int(retry, "max", n);
	return 0;
}

static int
add_retry_on(struct wreader *r, const struct ynode *key,
	const struct ynode *value, json_t *list)
{
	if (wread_scalar(r, key, value) < 0)
		return -1;
	if (!retry_on_is_known(value->text))
		return ydoc_fault(r->w->doc, value, r->e,
			"\"%s\" of \"retry\" %s is \"%.60s\"; it "
			"is " RETRY_ON_WORDS,
			key->text, r->where, value->text);
	json_array_append_new(list, json_string(value->text));
	return 0;
}

/* "on", or "when" as GitLab says. */
static int
key_retry_on(struct wreader *r, const struct wkey *k UNUSED,
	const struct ynode *key, const struct ynode *value, void *obj)
{
	json_t *list = json_array();

	json_object_set_new(obj, "on", list);
	if (value->kind == YNODE_SCALAR)
		return add_retry_on(r, key, value, list);
	if (wread_kind(r, key, value, YNODE_LIST) < 0)
		return -1;
	for (size_t i = 0; i < value->n; i++)
		if (add_retry_on(r, key, value->item[i], list) < 0)
			return -1;
	return 0;
}

int
key_retry(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	static const struct wkey keys[] = {
		{ "max", key_retry_max, 0, NULL, NULL, 0 },
		{ "on", key_retry_on, 0, NULL, NULL, 0 },
		{ "when", key_retry_on, 0, NULL, NULL, 0 },
	};
	json_t **to = member_of(obj, k);

	*to = json_object();
	if (value->kind == YNODE_MAP)
		return read_below(r, key, value, keys, ARRAY_LEN(keys), *to);
	return key_retry_max(r, k, key, value, *to);
}

int
key_ignored(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value UNUSED, void *obj UNUSED)
{
	wread_warn(r, key, "\"%s\" %s is ignored: %s", key->text, r->where,
		k->note);
	return 0;
}

int
key_later(struct wreader *r, const struct wkey *k UNUSED,
	const struct ynode *key, const struct ynode *value UNUSED,
	void *obj UNUSED)
{
	return ydoc_fault(r->w->doc, key, r->e,
		"\"%s\" %s: this version does not support it yet", key->text,
		r->where);
}

int
key_misplaced(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value UNUSED, void *obj UNUSED)
{
	return ydoc_fault(r->w->doc, key, r->e, "\"%s\" %s: %s", key->text,
		r->where, k->note);
}
