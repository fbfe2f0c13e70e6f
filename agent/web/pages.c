/* SPDX-License-Identifier: MIT */
/* See pages.h: templates, the list of runs, errors. */
#include "base/base.h"
#include "web/pages.h"
#include "web/pages_priv.h"
#include "base/clock.h"
#include "base/enc.h"
#include "os/fd.h"
#include "web/template.h"

#include <fcntl.h>
#include <strings.h>

#define TEMPLATE_MAX ((size_t)1 << 20)
#define LAYOUT "base.html"
#define PLACE "{{PAGE}}" /* in the layout */
#define SHA_SHOWN 8

/* ---- templates ---- */

static const char *const names[] = { "runs.html", "run.html", "error.html" };

struct template_set {
	char *dir;
	struct template *t[ARRAY_LEN(names)];
	struct template_set *next;
};

static struct template_set *sets;

static int
read_one(const char *dir, const char *name, char **ret, struct err *e)
{
	AUTO(freep) char *path = xasprintf("%s/%s", dir, name);

	return fd_slurp_at(AT_FDCWD, path, TEMPLATE_MAX, ret, NULL, e);
}

static int
load_one(
	const char *dir, const char *name, struct template **ret, struct err *e)
{
	AUTO(freep) char *layout = NULL;
	AUTO(freep) char *page = NULL;
	AUTO(freep) char *whole = NULL;
	char *place;

	if (read_one(dir, LAYOUT, &layout, e) < 0 ||
		read_one(dir, name, &page, e) < 0)
		return -1;
	place = strstr(layout, PLACE);
	if (!place)
		return err_set(e, ERR_PERM, "%s/" LAYOUT ": no " PLACE, dir);
	*place = '\0';
	whole = xasprintf("%s%s%s", layout, page, place + strlen(PLACE));
	if (template_parse(whole, ret, e) < 0)
		return err_wrap(e, "%s/%s within " LAYOUT, dir, name);
	return 0;
}

static void
free_set(struct template_set *s)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		template_free(s->t[i]);
	free(s->dir);
	free(s);
}

static struct template_set *
find_set(const char *dir, struct err *e)
{
	struct template_set *s;

	for (s = sets; s; s = s->next)
		if (str_eq(s->dir, dir))
			return s;
	s = xcalloc(1, sizeof(*s));
	s->dir = xstrdup(dir);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (load_one(dir, names[i], &s->t[i], e) < 0) {
			free_set(s);
			return NULL;
		}
	}
	s->next = sets;
	sets = s;
	return s;
}

int
page_check(const char *templates_dir, struct err *e)
{
	return find_set(templates_dir, e) ? 0 : -1;
}

int
page_render(const char *templates_dir, const char *name, const json_t *context,
	struct buf *out, struct err *e)
{
	struct template_set *s = find_set(templates_dir, e);

	if (!s)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq(names[i], name))
			template_render(s->t[i], context, out);
	return 0;
}

/* ---- what pages are made of ---- */

const char *
page_csp(void)
{
	return "default-src 'none'; style-src 'self'; script-src 'self'; "
	       "img-src 'self'; connect-src 'self'; frame-ancestors 'none'; "
	       "base-uri 'none'; form-action 'none'";
}

void
page_put(json_t *o, const char *key, const char *text, size_t max)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	if (!text)
		return;
	utf8_addcut(&b, text, max);
	json_object_set_new(o, key, json_stringn(b.data, b.len));
}

/* A word and a sign for each, so that colour is never all there is. */
static const char *const symbols[] = {
	[RUN_RECEIVED] = "\xe2\x97\x8b", /* white circle */
	[RUN_PLANNING] = "\xe2\x97\x8b",
	[RUN_QUEUED] = "\xe2\x97\x8b",
	[RUN_RUNNING] = "\xe2\x96\xb6",  /* triangle */
	[RUN_WAITING] = "\xe2\x97\x94",  /* quarter of a circle */
	[RUN_BLOCKED] = "\xe2\x96\xa0",  /* square */
	[RUN_PASSED] = "\xe2\x9c\x93",   /* check mark */
	[RUN_FAILED] = "\xe2\x9c\x97",   /* ballot x */
	[RUN_CANCELED] = "\xe2\x8a\x98", /* circled slash */
	[RUN_ERROR] = "!",
	[RUN_SKIPPED] = "\xe2\x80\x93",    /* dash */
	[RUN_SUPERSEDED] = "\xe2\x86\xb7", /* arrow over */
};
_Static_assert(ARRAY_LEN(symbols) == RUN_STATE_COUNT, "a state has no sign");

void
page_put_state(json_t *o, enum run_state s)
{
	bool known = s >= 0 && s < RUN_STATE_COUNT;
	AUTO(freep)
	char *class =
		xasprintf("state-%s", known ? run_state_name(s) : "unknown");

	page_put(o, "state", class + strlen("state-"), PAGE_NAME_MAX);
	page_put(o, "symbol", known ? symbols[s] : "?", PAGE_NAME_MAX);
	page_put(o, "class", class, PAGE_NAME_MAX);
}

void
page_add_time(struct buf *b, const char *iso)
{
	if (!iso || strlen(iso) < strlen("2026-11-25T17:35"))
		return;
	buf_add(b, iso, 10);
	buf_addc(b, ' ');
	buf_add(b, iso + 11, 5);
	buf_addz(b, " UTC");
}

bool
page_link_is_safe(const char *url)
{
	if (!url || (strncasecmp(url, "http://", 7) != 0 &&
			    strncasecmp(url, "https://", 8) != 0))
		return false;
	for (const char *s = url; *s; s++)
		if ((unsigned char)*s <= 0x20 || *s == 0x7f ||
			strchr("\"'<>\\`", *s))
			return false;
	return utf8_valid(url, strlen(url));
}

/* ---- the list ---- */

static json_t *
row_context(const json_t *row)
{
	json_t *o = json_object();
	AUTO(buf_release) struct buf when = BUF_INIT;
	AUTO(buf_release) struct buf took = BUF_INIT;
	const char *ref = jget_str(row, "ref"), *sha = jget_str(row, "sha");
	const char *subject = jget_str(row, "subject");
	const char *state = jget_str(row, "state");

	jset_int(o, "run", jget_int(row, "run", 0));
	page_put_state(o, run_state_from_name(state ? state : ""));
	page_put(o, "repository", jget_str(row, "repository"), PAGE_NAME_MAX);
	page_put(o, "ref", ref ? ref_short(ref) : NULL, PAGE_NAME_MAX);
	if (sha && strlen(sha) > SHA_SHOWN && sha_is_valid(sha)) {
		AUTO(freep) char *cut = xstrndup(sha, SHA_SHOWN);

		page_put(o, "sha", cut, PAGE_NAME_MAX);
	}
	page_put(o, "subject", subject ? subject : "(no subject)",
		PAGE_NAME_MAX);
	page_put(o, "author", jget_str(row, "author"), PAGE_NAME_MAX);
	page_put(o, "workflow", jget_str(row, "workflow"), PAGE_NAME_MAX);
	page_put(o, "created", jget_str(row, "created"), PAGE_NAME_MAX);
	page_add_time(&when, jget_str(row, "created"));
	page_put(o, "created_text", when.data, PAGE_NAME_MAX);
	if (json_object_get(row, "ms"))
		clock_addspan(&took, jget_int(row, "ms", 0));
	page_put(o, "took", took.data, PAGE_NAME_MAX);
	return o;
}

int
page_runs_of(const char *templates_dir, const json_t *rows, uint64_t older,
	const char *query, struct buf *out, struct err *e)
{
	json_t *o = json_object(), *list = json_array();
	int ret;

	for (size_t i = 0; i < json_array_size(rows); i++)
		json_array_append_new(
			list, row_context(json_array_get(rows, i)));
	jset_str(o, "title", "Runs - Tellus");
	jset_str(o, "live", "/events");
	if (json_array_size(list))
		json_object_set_new(o, "has_rows", json_true());
	json_object_set_new(o, "rows", list);
	if (older) {
		AUTO(freep)
		char *q = xasprintf("/?%sbefore=%" PRIu64, query, older);

		page_put(o, "older", q, PAGE_TEXT_MAX);
	}
	ret = page_render(templates_dir, "runs.html", o, out, e);
	json_decref(o);
	return ret;
}

int
page_runs(const char *templates_dir, const json_t *rows, uint64_t older,
	struct buf *out, struct err *e)
{
	return page_runs_of(templates_dir, rows, older, "", out, e);
}

/* ---- errors ---- */

int
page_error(const char *templates_dir, int status, const char *title,
	const char *detail, struct buf *out, struct err *e)
{
	AUTO(freep) char *head = xasprintf("%d %s - Tellus", status, title);
	json_t *o = json_object();
	int ret;

	page_put(o, "title", head, PAGE_NAME_MAX);
	jset_int(o, "status", status);
	page_put(o, "heading", title, PAGE_NAME_MAX);
	page_put(o, "detail", detail, PAGE_TEXT_MAX);
	ret = page_render(templates_dir, "error.html", o, out, e);
	json_decref(o);
	return ret;
}
