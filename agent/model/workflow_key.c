/* SPDX-License-Identifier: MIT */
/* See workflow_int.h: mappings read by tables of keys, and the checks that
 * all keys share. */
#include "base/base.h"
#include "base/enc.h"
#include "model/expr.h"
#include "model/workflow_int.h"

/* Which contexts have values where; GitHub's "context availability". */
const char *const wcontexts_github[] = { "github", NULL };
const char *const wcontexts_plan[] = { "github", "env", NULL };
const char *const wcontexts_job[] = { "github", "needs", NULL };
const char *const wcontexts_step[] = { "github", "env", "needs", "steps", "job",
	"runner", NULL };

void
wread_where(struct wreader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->where, sizeof(r->where), fmt, ap);
	va_end(ap);
}

void
wread_warn(struct wreader *r, const struct ynode *n, const char *fmt, ...)
{
	AUTO(freep) char *text = NULL;
	va_list ap;

	if (r->w->warnings.len >= WORKFLOW_MAX_WARNINGS)
		return;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	strv_addf(&r->w->warnings, "%s:%u:%u: %s", ydoc_file(r->w->doc),
		n->line, n->col, text);
}

int
wread_unknown(struct wreader *r, const struct ynode *n, const char *what,
	const char *const *names, size_t nnames)
{
	AUTO(buf_release) struct buf shown = BUF_INIT;
	const char *near;

	utf8_addcut(&shown, n->text, 60);
	near = nearest_name(n->text, names, nnames);
	if (near)
		return ydoc_fault(r->w->doc, n, r->e,
			"unknown %s \"%s\" %s; did you mean \"%s\"?", what,
			shown.data, r->where, near);
	return ydoc_fault(r->w->doc, n, r->e, "unknown %s \"%s\" %s", what,
		shown.data, r->where);
}

static int
unknown_key(struct wreader *r, const struct ynode *key, const struct wkey *keys,
	size_t nkeys, unsigned int at)
{
	AUTO(freep) const char **names = xcalloc(nkeys, sizeof(*names));
	size_t n = 0;

	for (size_t i = 0; i < nkeys; i++)
		if (!keys[i].at || keys[i].at & at)
			names[n++] = keys[i].name;
	return wread_unknown(r, key, "key", names, n);
}

int
wread_map(struct wreader *r, const struct ynode *map, const struct wkey *keys,
	size_t nkeys, unsigned int at, void *obj)
{
	for (size_t i = 0; i < map->n; i += 2) {
		const struct ynode *key = map->item[i];
		size_t k = 0;

		while (k < nkeys && (!str_eq(keys[k].name, key->text) ||
					    (keys[k].at && !(keys[k].at & at))))
			k++;
		if (k == nkeys)
			return unknown_key(r, key, keys, nkeys, at);
		if (keys[k].set(r, &keys[k], key, map->item[i + 1], obj) < 0)
			return -1;
	}
	return 0;
}

static const char *
kind_name(const struct ynode *n)
{
	if (ynode_is_null(n))
		return "empty";
	return n->kind == YNODE_LIST  ? "a list"
	       : n->kind == YNODE_MAP ? "a mapping"
				      : "text";
}

int
wread_kind(struct wreader *r, const struct ynode *key,
	const struct ynode *value, enum ynode_kind kind)
{
	static const char *const names[] = {
		[YNODE_SCALAR] = "text",
		[YNODE_LIST] = "a list",
		[YNODE_MAP] = "a mapping",
	};

	if (value->kind == kind)
		return 0;
	return ydoc_fault(r->w->doc, value, r->e,
		"\"%s\" %s must be %s, not %s", key->text, r->where,
		names[kind], kind_name(value));
}

int
wread_scalar(
	struct wreader *r, const struct ynode *key, const struct ynode *value)
{
	if (wread_kind(r, key, value, YNODE_SCALAR) < 0)
		return -1;
	if (ynode_is_null(value) || !value->text[strspn(value->text, " \t\n")])
		return ydoc_fault(r->w->doc, value, r->e, "\"%s\" %s is empty",
			key->text, r->where);
	return 0;
}

int
wread_expr(struct wreader *r, const struct ynode *n, bool is_cond,
	const char *const *contexts)
{
	static const char *const none[] = { NULL };
	unsigned int line, col, column = 0;
	struct err e = { .code = ERR_NONE };
	struct ynode place = *n;

	if (!contexts && expr_has_parts(n->text))
		return ydoc_fault(r->w->doc, n, r->e,
			"an expression cannot be used here");
	if (expr_check(n->text, is_cond, contexts ? contexts : none, &column,
		    &e) == 0)
		return 0;
	ydoc_place(r->w->doc, n, column - 1, &line, &col);
	place.line = line;
	place.col = col;
	return ydoc_fault(r->w->doc, &place, r->e, "%s", e.msg);
}

bool
wread_is_id(const char *s)
{
	size_t len = strlen(s);

	if (!len || len > WORKFLOW_MAX_ID || (*s >= '0' && *s <= '9') ||
		*s == '-')
		return false;
	for (; *s; s++)
		if (!(*s >= 'a' && *s <= 'z') && !(*s >= 'A' && *s <= 'Z') &&
			!(*s >= '0' && *s <= '9') && *s != '_' && *s != '-')
			return false;
	return true;
}

int
wread_bool(const char *s, bool *ret)
{
	static const char *const words[] = { "true", "True", "TRUE", "false",
		"False", "FALSE" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!str_eq(s, words[i]))
			continue;
		*ret = i < 3;
		return 0;
	}
	return -1;
}

int
wread_time(const char *s, bool minutes, int64_t *ret_ms)
{
	int64_t ms;

	if (minutes) {
		if (thousandths_parse(s, &ms) < 0)
			return -1;
		ms *= 60;
	} else if (duration_parse(s, &ms) < 0) {
		return -1;
	}
	if (ms <= 0 || ms > WORKFLOW_MAX_TIMEOUT_MS)
		return -1;
	*ret_ms = ms;
	return 0;
}

/* What other readers of YAML would take for true or false. */
static bool
is_old_bool(const struct ynode *n)
{
	static const char *const words[] = { "yes", "no", "on", "off" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (n->plain && !strcasecmp(n->text, words[i]))
			return true;
	return false;
}

static int
pair_name(struct wreader *r, const struct ynode *key, const struct ynode *name)
{
	if (!*name->text || strpbrk(name->text, "= \t\r\n"))
		return ydoc_fault(r->w->doc, name, r->e,
			"a name in \"%s\" %s must have a character, and no "
			"blank and no \"=\"",
			key->text, r->where);
	if (str_starts(name->text, "TELLUS_"))
		return ydoc_fault(r->w->doc, name, r->e,
			"\"%.60s\" %s: names that start with TELLUS_ are "
			"the agent's own",
			name->text, r->where);
	return 0;
}

int
wread_pairs(struct wreader *r, const struct ynode *key, const struct ynode *map,
	const char *const *contexts, struct wmap *to)
{
	if (ynode_is_null(map))
		return 0;
	if (wread_kind(r, key, map, YNODE_MAP) < 0)
		return -1;
	for (size_t i = 0; i < map->n; i += 2) {
		const struct ynode *name = map->item[i];
		const struct ynode *value = map->item[i + 1];

		if (pair_name(r, key, name) < 0 ||
			wread_kind(r, name, value, YNODE_SCALAR) < 0)
			return -1;
		if (strlen(value->text) > WORKFLOW_MAX_SCRIPT)
			return ydoc_fault(r->w->doc, value, r->e,
				"\"%.60s\" %s is longer than %d bytes",
				name->text, r->where, WORKFLOW_MAX_SCRIPT);
		if (is_old_bool(value))
			wread_warn(r, value,
				"\"%s\" is kept as this text; "
				"other readers of YAML take it for true or "
				"false: put it into quotes",
				value->text);
		if (wread_expr(r, value, false, contexts) < 0)
			return -1;
		to->v = grow(to->v, to->n, &to->cap, sizeof(*to->v));
		to->v[to->n++] = (struct wpair){ name, value };
	}
	return 0;
}
