/* SPDX-License-Identifier: MIT */
/* See yaml.h: libyaml's events to a tree.  The parser is asked for one
 * event at a time, so that a limit stops it early. */
#include "base/base.h"
#include "base/enc.h"
#include "model/yaml_int.h"

#include <yaml.h>

struct reader {
	struct ydoc *d;
	yaml_parser_t parser;
	yaml_event_t event;
	bool has_event;
	struct err *e;
};

static void
node_free(struct ynode *n)
{
	free(n->text);
	free(n->item);
	free(n);
}

void
ydoc_free(struct ydoc *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->nall; i++)
		node_free(d->all[i]);
	for (size_t i = 0; i < d->nanchors; i++)
		free(d->anchors[i].name);
	free(d->all);
	free(d->anchors);
	free(d->file);
	free(d->text);
	free(d);
}

void
ydoc_freep(struct ydoc **d)
{
	ydoc_free(*d);
}

const struct ynode *
ydoc_root(const struct ydoc *d)
{
	return d->root;
}

const char *
ydoc_file(const struct ydoc *d)
{
	return d->file;
}

static unsigned int
line_of(const yaml_mark_t *m)
{
	return (unsigned int)m->line + 1;
}

static unsigned int
col_of(const yaml_mark_t *m)
{
	return (unsigned int)m->column + 1;
}

/* libyaml's words, and what they mean to the one who wrote the file. */
static const struct {
	const char *problem;
	bool at_context; /* where it began tells more than where it ended */
	const char *text;
} problems[] = {
	{ "found unexpected end of stream", true,
		"the quote that opens here is never closed" },
	{ "found unexpected document indicator", true,
		"the quote that opens here is never closed" },
	{ "did not find expected ',' or ']'", true,
		"the \"[\" that opens here is not closed, or a \",\" is "
		"missing" },
	{ "did not find expected ',' or '}'", true,
		"the \"{\" that opens here is not closed, or a \",\" is "
		"missing" },
	{ "mapping values are not allowed in this context", false,
		"a \":\" where no key can be; put text that holds one into "
		"quotes, or mend the indentation" },
	{ "block sequence entries are not allowed in this context", false,
		"a \"-\" where no list can be; put it on a line of its own" },
	{ "did not find expected key", false,
		"a \"key:\" should be here; mend the indentation" },
	{ "did not find expected '-' indicator", false,
		"a \"- item\" should be here; mend the indentation" },
	{ "could not find expected ':'", false,
		"a \":\" is missing after the key" },
	{ "found a tab character where an indentation space is expected", false,
		"a tab in the indentation; use spaces" },
	{ "found a tab character that violates indentation", false,
		"a tab in the indentation; use spaces" },
	{ "found unknown escape character", false,
		"this \"\\\" escape does not exist; in 'single' quotes a "
		"backslash is itself" },
	{ "found undefined tag handle", false,
		"tags (\"!\") are not allowed; put text that begins with "
		"\"!\" into quotes" },
	{ "did not find expected alphabetic or numeric character", true,
		"\"*\" and \"&\" begin an alias or anchor; put other text "
		"that begins so into quotes" },
	{ "did not find expected <document start>", false,
		"this does not belong to what is above it; mend the "
		"indentation" },
};

/* "found character that cannot start any token": which, and why. */
static int
bad_start(struct reader *r, const yaml_mark_t *m)
{
	size_t len, at = 0;
	const char *line = yaml_line(r->d, line_of(m), &len);

	for (size_t col = 0; col < m->column && at < len; col++) {
		int k = utf8_len(line + at, len - at);

		at += k > 0 ? (size_t)k : 1;
	}
	if (at < len && line[at] == '\t')
		return yaml_fault(r->d, line_of(m), col_of(m), r->e,
			"a tab in the indentation; use spaces");
	return yaml_fault(r->d, line_of(m), col_of(m), r->e,
		"\"%c\" can not begin a value; put the text into quotes",
		at < len ? line[at] : ' ');
}

static int
parser_fault(struct reader *r)
{
	yaml_parser_t *p = &r->parser;
	const char *problem = p->problem ? p->problem : "this is not YAML";
	const yaml_mark_t *m = &p->problem_mark;

	if (strstr(problem, "cannot start any token"))
		return bad_start(r, m);
	for (size_t i = 0; i < ARRAY_LEN(problems); i++) {
		if (!str_starts(problem, problems[i].problem))
			continue;
		if (problems[i].at_context && p->context)
			m = &p->context_mark;
		return yaml_fault(r->d, line_of(m), col_of(m), r->e, "%s",
			problems[i].text);
	}
	return yaml_fault(r->d, line_of(m), col_of(m), r->e, "%s", problem);
}

static void
drop_event(struct reader *r)
{
	if (r->has_event)
		yaml_event_delete(&r->event);
	r->has_event = false;
}

static int
next_event(struct reader *r)
{
	drop_event(r);
	if (!yaml_parser_parse(&r->parser, &r->event))
		return parser_fault(r);
	r->has_event = true;
	return 0;
}

static struct ynode *
node_new(struct reader *r, enum ynode_kind kind)
{
	struct ydoc *d = r->d;
	struct ynode *n;

	if (d->nall >= YAML_MAX_NODES) {
		yaml_fault(d, line_of(&r->event.start_mark),
			col_of(&r->event.start_mark), r->e,
			"more than %d values in one file", YAML_MAX_NODES);
		return NULL;
	}
	n = xcalloc(1, sizeof(*n));
	n->kind = kind;
	n->line = line_of(&r->event.start_mark);
	n->col = col_of(&r->event.start_mark);
	n->nodes = n->depth = 1;
	d->all = grow(d->all, d->nall, &d->all_cap, sizeof(*d->all));
	d->all[d->nall++] = n;
	return n;
}

static void
node_add(struct ynode *to, struct ynode *item)
{
	to->item = grow(to->item, to->n, &to->cap, sizeof(struct ynode *));
	to->item[to->n++] = item;
	to->nodes += item->nodes;
	to->depth = MAX(to->depth, item->depth + 1);
}

/* The anchor's slot, to be filled when its node is complete: so that no
 * node can hold an alias of itself. */
static struct yaml_anchor *
anchor_add(struct ydoc *d, const yaml_char_t *name)
{
	struct yaml_anchor *a;

	d->anchors = grow(
		d->anchors, d->nanchors, &d->anchors_cap, sizeof(*d->anchors));
	a = &d->anchors[d->nanchors++];
	a->name = xstrdup((const char *)name);
	a->node = NULL;
	return a;
}

static int
alias_resolve(struct reader *r, unsigned int depth, struct ynode **ret)
{
	const char *name = (const char *)r->event.data.alias.anchor;
	unsigned int line = line_of(&r->event.start_mark);
	unsigned int col = col_of(&r->event.start_mark);
	struct ydoc *d = r->d;
	size_t i = d->nanchors;

	while (i && !str_eq(d->anchors[i - 1].name, name))
		i--;
	if (!i)
		return yaml_fault(d, line, col, r->e,
			"no anchor \"&%.60s\" before this alias", name);
	*ret = d->anchors[i - 1].node;
	if (!*ret)
		return yaml_fault(d, line, col, r->e,
			"\"*%.60s\" would hold itself", name);
	if (depth + (*ret)->depth > YAML_MAX_DEPTH)
		return yaml_fault(d, line, col, r->e,
			"nested deeper than %d levels", YAML_MAX_DEPTH);
	d->aliased += (*ret)->nodes;
	if (d->aliased > YAML_MAX_ALIASED)
		return yaml_fault(d, line, col, r->e,
			"the aliases stand for more than %d values in all",
			YAML_MAX_ALIASED);
	return 0;
}

static int
read_scalar(struct reader *r, struct ynode **ret)
{
	const yaml_event_t *ev = &r->event;
	struct ynode *n = node_new(r, YNODE_SCALAR);
	yaml_scalar_style_t style = ev->data.scalar.style;

	if (!n)
		return -1;
	if (memchr(ev->data.scalar.value, 0, ev->data.scalar.length))
		return ydoc_fault(r->d, n, r->e,
			"text with a NUL byte (\"\\0\") cannot be used");
	n->text = xstrndup(
		(const char *)ev->data.scalar.value, ev->data.scalar.length);
	n->plain = style == YAML_PLAIN_SCALAR_STYLE;
	n->block = style == YAML_LITERAL_SCALAR_STYLE ||
		   style == YAML_FOLDED_SCALAR_STYLE;
	*ret = n;
	return 0;
}

static int
check_key(struct reader *r, const struct ynode *key)
{
	if (key->kind != YNODE_SCALAR)
		return ydoc_fault(r->d, key, r->e,
			"a key must be plain text, not a list or mapping");
	if (key->plain && str_eq(key->text, "<<"))
		return ydoc_fault(r->d, key, r->e,
			"merge keys (\"<<\") are not supported; repeat the "
			"keys, or use an alias for the whole value");
	return 0;
}

static int
by_text(const void *a, const void *b)
{
	const struct ynode *const *ka = a, *const *kb = b;
	int diff = strcmp((*ka)->text, (*kb)->text);

	if (diff)
		return diff;
	return (*ka)->line != (*kb)->line ? (*ka)->line < (*kb)->line ? -1 : 1
	       : (*ka)->col < (*kb)->col  ? -1
					  : (*ka)->col > (*kb)->col;
}

static int
check_unique(struct reader *r, const struct ynode *map)
{
	size_t n = map->n / 2;
	AUTO(freep) struct ynode **keys = NULL;

	if (n < 2)
		return 0;
	keys = xcalloc(n, sizeof(*keys));
	for (size_t i = 0; i < n; i++)
		keys[i] = map->item[2 * i];
	qsort(keys, n, sizeof(*keys), by_text);
	for (size_t i = 1; i < n; i++) {
		AUTO(buf_release) struct buf shown = BUF_INIT;

		if (!str_eq(keys[i]->text, keys[i - 1]->text))
			continue;
		utf8_addcut(&shown, keys[i]->text, 60);
		return ydoc_fault(r->d, keys[i], r->e,
			"the key \"%s\" is here twice; the first is in line %u",
			shown.data, keys[i - 1]->line);
	}
	return 0;
}

static int read_node(struct reader *r, unsigned int depth, struct ynode **ret);

/* Items until the end event; of a map keys and values in turn. */
static int
read_items(struct reader *r, unsigned int depth, struct ynode *n)
{
	yaml_event_type_t end = n->kind == YNODE_LIST ? YAML_SEQUENCE_END_EVENT
						      : YAML_MAPPING_END_EVENT;

	for (;;) {
		struct ynode *item = NULL;

		if (next_event(r) < 0)
			return -1;
		if (r->event.type == end)
			break;
		if (read_node(r, depth + 1, &item) < 0)
			return -1;
		if (n->kind == YNODE_MAP && n->n % 2 == 0 &&
			check_key(r, item) < 0)
			return -1;
		node_add(n, item);
	}
	return n->kind == YNODE_MAP ? check_unique(r, n) : 0;
}

static int
read_collection(struct reader *r, enum ynode_kind kind, unsigned int depth,
	struct ynode **ret)
{
	struct ynode *n = node_new(r, kind);

	if (!n)
		return -1;
	if (depth > YAML_MAX_DEPTH)
		return ydoc_fault(r->d, n, r->e, "nested deeper than %d levels",
			YAML_MAX_DEPTH);
	*ret = n;
	return read_items(r, depth, n);
}

static int
refuse_tag(struct reader *r, const yaml_char_t *tag)
{
	AUTO(buf_release) struct buf shown = BUF_INIT;

	if (!tag)
		return 0;
	utf8_addcut(&shown, (const char *)tag, 60);
	return yaml_fault(r->d, line_of(&r->event.start_mark),
		col_of(&r->event.start_mark), r->e,
		"tags (\"%s\") are not allowed; put text that begins with "
		"\"!\" into quotes",
		shown.data);
}

/* The event in hand is the node's first. */
static int
read_node(struct reader *r, unsigned int depth, struct ynode **ret)
{
	const yaml_event_t *ev = &r->event;
	const yaml_char_t *tag = NULL, *name = NULL;
	size_t anchor = 0;
	int rc;

	if (ev->type == YAML_ALIAS_EVENT)
		return alias_resolve(r, depth, ret);
	if (ev->type == YAML_SCALAR_EVENT) {
		tag = ev->data.scalar.tag;
		name = ev->data.scalar.anchor;
	} else if (ev->type == YAML_SEQUENCE_START_EVENT) {
		tag = ev->data.sequence_start.tag;
		name = ev->data.sequence_start.anchor;
	} else {
		tag = ev->data.mapping_start.tag;
		name = ev->data.mapping_start.anchor;
	}
	if (refuse_tag(r, tag) < 0)
		return -1;
	if (name) {
		anchor_add(r->d, name);
		anchor = r->d->nanchors;
	}
	if (ev->type == YAML_SCALAR_EVENT)
		rc = read_scalar(r, ret);
	else
		rc = read_collection(r,
			ev->type == YAML_SEQUENCE_START_EVENT ? YNODE_LIST
							      : YNODE_MAP,
			depth, ret);
	if (rc == 0 && anchor)
		r->d->anchors[anchor - 1].node = *ret;
	return rc;
}

static int
read_document(struct reader *r)
{
	const yaml_version_directive_t *v;

	if (next_event(r) < 0) /* the stream's start */
		return -1;
	if (next_event(r) < 0)
		return -1;
	if (r->event.type == YAML_STREAM_END_EVENT)
		return yaml_fault(r->d, 1, 1, r->e, "the file is empty");
	v = r->event.data.document_start.version_directive;
	if (v && (v->major != 1 || v->minor > 2))
		return yaml_fault(r->d, 1, 1, r->e,
			"this is YAML %d.%d; "
			"1.2 is read",
			v->major, v->minor);
	if (next_event(r) < 0 || read_node(r, 1, &r->d->root) < 0)
		return -1;
	if (next_event(r) < 0 || next_event(r) < 0)
		return -1;
	if (r->event.type != YAML_STREAM_END_EVENT)
		return yaml_fault(r->d, line_of(&r->event.start_mark),
			col_of(&r->event.start_mark), r->e,
			"a second document (\"---\"); a file holds one");
	return 0;
}

static int
parse_text(struct ydoc *d, struct err *e)
{
	struct reader r = { .d = d, .e = e };
	size_t skip =
		d->len >= 3 && !memcmp(d->text, "\xef\xbb\xbf", 3) ? 3 : 0;
	int rc;

	if (!yaml_parser_initialize(&r.parser))
		return err_set(e, ERR_TEMP, "no memory for the YAML reader");
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser,
		(const unsigned char *)d->text + skip, d->len - skip);
	rc = read_document(&r);
	drop_event(&r);
	yaml_parser_delete(&r.parser);
	return rc;
}

int
ydoc_parse(struct ydoc **ret, const char *file, const char *text, size_t len,
	struct err *e)
{
	AUTO(ydoc_freep) struct ydoc *d = xcalloc(1, sizeof(*d));

	d->file = xstrdup(file);
	d->len = len;
	/* Too long is an error anyway: no need to copy it. */
	d->text = len > YAML_MAX_BYTES ? xstrdup("") : xmalloc(len + 1);
	if (len <= YAML_MAX_BYTES) {
		memcpy(d->text, text, len);
		d->text[len] = '\0';
	}
	if (yaml_check_text(d, e) < 0 || parse_text(d, e) < 0)
		return -1;
	*ret = STEAL(d);
	return 0;
}
