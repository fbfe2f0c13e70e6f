/* SPDX-License-Identifier: MIT */
/*
 * Pages as bytes: whatever repositories, people and steps call things, the
 * page's own tags are all the tags there are.
 */
#include "base/base.h"
#include "tap.h"
#include "web/pages.h"
#include "base/enc.h"
#include "os/fd.h"
#include "web/template.h"

#include <fcntl.h>

#define SHA "0123456789abcdef0123456789abcdef01234567"
#define PAYLOADS_MAX ((size_t)64 << 10)
#define FIELDS 9 /* of a run's page that hold a payload as text */

static char *templates;

/* ---- a run ---- */

static int
give_output(const struct run *r UNUSED, size_t job UNUSED, size_t step UNUSED,
	size_t max, struct buf *out, int64_t *ret_skipped, void *arg)
{
	const struct buf *text = arg;
	size_t n = MIN(text->len, max);

	buf_add(out, text->data + text->len - n, n);
	*ret_skipped = (int64_t)(text->len - n);
	return 0;
}

static int
give_none(const struct run *r UNUSED, size_t job UNUSED, size_t step UNUSED,
	size_t max UNUSED, struct buf *out UNUSED, int64_t *ret_skipped UNUSED,
	void *arg UNUSED)
{
	return -1;
}

static void
set_reason(struct reason *r, const char *text)
{
	str_set(&r->class, "code");
	str_set(&r->text, text);
	str_set(&r->suggestion, text);
	str_set(&r->step, text);
}

static struct run *
make_run(const char *text)
{
	struct run *r = run_new(7);
	struct run_job *j;

	r->state = RUN_FAILED;
	r->planned = true;
	r->attempt = 1;
	r->created_ms = 1764092138000;
	r->started_ms = r->created_ms + 1000;
	r->finished_ms = r->created_ms + 5200;
	str_set(&r->push.repository, text);
	str_set(&r->push.ref, text);
	str_set(&r->push.event, "push");
	str_set(&r->push.sha, SHA);
	str_set(&r->push.actor, text);
	str_set(&r->push.link, text);
	str_set(&r->workflow, text);
	str_set(&r->subject, text);
	str_set(&r->commit_author, text);
	set_reason(&r->reason, text);
	r->jobs = xcalloc(1, sizeof(*r->jobs));
	r->njobs = 1;
	j = r->jobs;
	j->id = xstrdup("a");
	j->name = xstrdup(text);
	j->state = RUN_FAILED;
	j->attempt = 1;
	set_reason(&j->reason, text);
	j->steps = xcalloc(2, sizeof(*j->steps));
	j->nsteps = 2;
	for (size_t i = 0; i < 2; i++) {
		j->steps[i].name = xstrdup(text);
		j->steps[i].state = i ? RUN_FAILED : RUN_PASSED;
		j->steps[i].attempt = j->steps[i].tries = 1;
		j->steps[i].length = 10;
		j->steps[i].started_ms = r->started_ms;
		j->steps[i].finished_ms = r->started_ms + 230;
	}
	j->steps[1].has_exit = true;
	j->steps[1].exit_code = 3;
	set_reason(&j->steps[1].reason, text);
	return r;
}

static void
show_run(const struct run *r, const char *output, size_t n, struct buf *out)
{
	struct buf text = { (char *)(uintptr_t)output, n, 0 };
	struct err e = { 0 };

	buf_reset(out);
	if (page_run(templates, r, give_output, &text, out, &e) < 0)
		buf_addf(out, "error: %s", e.msg);
}

static void
show_run_of(const char *text, struct buf *out)
{
	AUTO(run_freep) struct run *r = make_run(text);

	show_run(r, text, strlen(text), out);
}

static void
show_list_of(const char *text, struct buf *out)
{
	AUTO(run_freep) struct run *r = make_run(text);
	AUTO(buf_release) struct buf row = BUF_INIT;
	json_t *rows = json_array();
	struct err e = { 0 };

	run_to_json(r, false, &row);
	json_array_append_new(rows, json_parse(row.data, row.len, &e));
	buf_reset(out);
	if (page_runs(templates, rows, 7, out, &e) < 0)
		buf_addf(out, "error: %s", e.msg);
	json_decref(rows);
}

/* ---- what is looked at ---- */

static size_t
count(const struct buf *b, const char *what)
{
	size_t n = 0;

	for (const char *s = b->data; (s = strstr(s, what)); s++)
		n++;
	return n;
}

/* Everything between < and >, the only place where text could do harm. */
static void
add_tags(struct buf *out, const struct buf *page)
{
	bool inside = false;

	for (const char *s = page->data; *s; s++) {
		inside |= *s == '<';
		if (inside)
			buf_addc(out, *s);
		inside &= *s != '>';
	}
}

static bool
same_tags(const struct buf *a, const struct buf *b)
{
	AUTO(buf_release) struct buf x = BUF_INIT;
	AUTO(buf_release) struct buf y = BUF_INIT;

	add_tags(&x, a);
	add_tags(&y, b);
	return x.len > 500 && str_eq(x.data, y.data);
}

static json_t *
read_payloads(const char *src)
{
	AUTO(freep)
	char *path = xasprintf("%s/t/node/web/payloads.json", src);
	AUTO(freep) char *text = NULL;
	struct err e = { 0 };
	json_t *list = NULL;
	size_t n;

	if (fd_slurp_at(AT_FDCWD, path, PAYLOADS_MAX, &text, &n, &e) == 0)
		list = json_parse(text, n, &e);
	ok(json_array_size(list) >= 60, "sixty payloads are there (%s)", e.msg);
	return list;
}

/* ---- hostile names ---- */

static void
test_payload(const char *text, const struct buf *calm_run,
	const struct buf *calm_list)
{
	AUTO(buf_release) struct buf page = BUF_INIT;
	AUTO(buf_release) struct buf want = BUF_INIT;
	AUTO(buf_release) struct buf shown = BUF_INIT;

	html_escape(&want, text, strlen(text));
	for (char *s = want.data; *s; s++) /* in names and sentences */
		if (*s == '\n' || *s == '\t')
			*s = ' ';
	utf8_addcut(&shown, text, 60);
	show_run_of(text, &page);
	ok(same_tags(&page, calm_run) && count(&page, want.data) >= FIELDS,
		"on a run's page it is text: %s", shown.data);
	show_list_of(text, &page);
	ok(same_tags(&page, calm_list) && count(&page, want.data) >= 4,
		"in the list it is text: %s", shown.data);
}

static void
test_payloads(const char *src)
{
	AUTO(buf_release) struct buf run = BUF_INIT;
	AUTO(buf_release) struct buf list = BUF_INIT;
	static const char *const bytes[] = {
		"\xff\xfe<script>",
		"<\xc0\xbcscript>",
		"\xc2\x9b<script>",
		"\xe2\x82<script>",
		"\xed\xa0\xbc<script>",
	};
	json_t *payloads = read_payloads(src);
	size_t i;
	json_t *p;

	show_run_of("calm", &run);
	show_list_of("calm", &list);
	json_array_foreach(payloads, i, p)
		test_payload(json_string_value(p), &run, &list);
	for (i = 0; i < ARRAY_LEN(bytes); i++) {
		AUTO(buf_release) struct buf page = BUF_INIT;

		show_run_of(bytes[i], &page);
		ok(same_tags(&page, &run) && utf8_valid(page.data, page.len),
			"bytes that are not UTF-8 are harmless (%zu)", i);
	}
	json_decref(payloads);
}

static void
test_links(void)
{
	static const struct {
		const char *link;
		bool good;
	} links[] = {
		{ "https://example.org/a/b?c=d&e=f#g", true },
		{ "http://example.org", true },
		{ "HTTPS://example.org/", true },
		{ "ftp://example.org/", false },
		{ "https:example.org", false },
		{ "https://example.org/\r\nx", false },
		{ "https://example.org/\xff", false },
		{ "\thttps://example.org/", false },
	};
	AUTO(buf_release) struct buf page = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		show_run_of(links[i].link, &page);
		is_int(count(&page, "<a href=\"http") +
				count(&page, "<a href=\"HTTP"),
			links[i].good,
			links[i].good ? "an http address is a link"
				      : "any other is text");
	}
	show_run_of(links[0].link, &page);
	is_int(count(&page, "<a href=\"https://example.org/a/b?c=d&amp;e=f#g\" "
			    "rel=\"noopener noreferrer nofollow\">"),
		1, "a link is escaped and takes nothing along");
}

/* ---- what a page shows ---- */

static void
test_run_page(void)
{
	AUTO(buf_release) struct buf page = BUF_INIT;
	AUTO(run_freep) struct run *r = make_run("calm");

	show_run(r, "out\033[31mred", 11, &page);
	ok(str_starts(page.data, "<!DOCTYPE html>\n<html lang=\"en\">"),
		"a page says its kind and language");
	is_int(count(&page, "<h1>"), 1, "there is one heading of level 1");
	is_int(count(&page, "<script"), 1, "and one script");
	ok(count(&page, " style=") + count(&page, "<style") == 0,
		"no style is inline");
	is_int(count(&page, "<main "), 1, "there is a main landmark");
	is_int(count(&page, "<details open>"), 1,
		"the failed step is open, the passed one is not");
	is_int(count(&page, "out<span class=\"fg1\">red</span>"), 2,
		"output is shown with its colours");
	ok(strstr(page.data, "href=\"/runs/7/0/1/log\""),
		"the whole output is linked");
	ok(strstr(page.data, "exit 3 \xc2\xb7 230 ms"),
		"exit status and time are shown");
	ok(strstr(page.data, "tellus retry 7"), "how to retry is said");
	ok(strstr(page.data, ">0123456789ab<"), "the commit is shortened");
	ok(strstr(page.data, "datetime=\"2025-11-25T17:35:38Z\">"
			     "2025-11-25 17:35 UTC<"),
		"times are for people and for programs");
	ok(!strstr(page.data, "data-events="),
		"a run that is over is not followed");
	r->state = RUN_RUNNING;
	show_run(r, "x", 1, &page);
	ok(strstr(page.data, " data-events=\"/events?run=7\""),
		"a run that goes on is");
}

static void
test_no_reason(void)
{
	AUTO(buf_release) struct buf page = BUF_INIT;
	AUTO(run_freep) struct run *r = make_run("calm");

	str_set(&r->reason.text, "only the run's reason");
	reason_release(&r->jobs[0].reason);
	reason_release(&r->jobs[0].steps[1].reason);
	show_run(r, "", 0, &page);
	is_int(count(&page, "only the run&#39;s reason"), 1,
		"a step without a reason does not show its run's");
	reason_release(&r->reason);
	show_run(r, "", 0, &page);
	ok(strstr(page.data, "aria-labelledby=\"reason-heading\" hidden>"),
		"without a reason its section is hidden");
}

static void
test_output_room(void)
{
	AUTO(buf_release) struct buf page = BUF_INIT;
	AUTO(buf_release) struct buf text = BUF_INIT;
	AUTO(run_freep) struct run *r = make_run("calm");
	struct run_job *j = r->jobs;
	size_t n = 40;

	for (size_t i = 0; i < 2 * PAGE_STEP_MAX / 16; i++)
		buf_addf(&text, "%s line %7zu\n", i ? " 1" : "xy", i);
	show_run(r, text.data, text.len, &page);
	ok(!strstr(page.data, "xy line") && strstr(page.data, "32767\n</pre>"),
		"of a long output the end is shown");
	is_int(count(&page, "The first "), 2, "and how much is left out");
	ok(strstr(page.data, "<pre class=\"output\"> 1 line"),
		"beginning with a whole line");
	j->steps = xrealloc(j->steps, n * sizeof(*j->steps));
	for (size_t i = 2; i < n; i++) {
		j->steps[i] = (struct run_step){ .name = xstrdup("more"),
			.state = i == n - 1 ? RUN_FAILED : RUN_PASSED,
			.attempt = 1,
			.length = 10 };
	}
	j->nsteps = n;
	show_run(r, text.data, text.len, &page);
	ok(page.len < 2 * PAGE_OUTPUT_MAX, "a page has an upper size");
	ok(strstr(strstr(page.data, "data-step=\"39\""), "32767\n</pre>"),
		"a failed step's output is shown before the passed ones'");
}

static void
test_no_output(void)
{
	AUTO(buf_release) struct buf page = BUF_INIT;
	AUTO(run_freep) struct run *r = make_run("calm");
	struct err e;

	ok(page_run(templates, r, give_none, NULL, &page, &e) == 0 &&
			count(&page, "<pre class=\"output\"></pre>") >= 2,
		"a run whose output is gone is shown without it");
}

static void
test_early_run(void)
{
	AUTO(buf_release) struct buf page = BUF_INIT;
	AUTO(run_freep) struct run *r = run_new(1);

	show_run(r, "", 0, &page);
	ok(strstr(page.data, ">received<") && !strstr(page.data, "(null)"),
		"a run of which nothing is known yet is shown");
}

static void
test_list(void)
{
	AUTO(buf_release) struct buf page = BUF_INIT;
	json_t *rows = json_array();
	struct err e;

	page_runs(templates, rows, 0, &page, &e);
	ok(strstr(page.data, "There are no runs here"),
		"an empty list says what to do");
	ok(!strstr(page.data, "Older runs"), "and has nothing older");
	json_decref(rows);
	show_list_of("refs/heads/main", &page);
	ok(strstr(page.data, "<bdi class=\"ref\">main</bdi>"),
		"a branch has its short name");
	ok(strstr(page.data, "href=\"/?before=7\" rel=\"next\""),
		"older runs are linked");
	ok(strstr(page.data, "class=\"state state-failed\"") &&
			strstr(page.data, "<span class=\"word\">failed</span>"),
		"the state is a word too");
	ok(strstr(page.data, "<span class=\"took\">4.2 s</span>"),
		"how long it took is shown");
	ok(!strstr(page.data, "There are no runs here"),
		"a list with runs does not say that there are none");
}

static void
test_list_query(void)
{
	AUTO(buf_release) struct buf page = BUF_INIT;
	json_t *rows = json_array();
	struct err e;

	page_runs_of(templates, rows, 9, "ref=a&", &page, &e);
	ok(strstr(page.data, "href=\"/?ref=a&amp;before=9\""),
		"the link to older runs keeps what was asked for");
	json_decref(rows);
}

static void
test_error(void)
{
	AUTO(buf_release) struct buf page = BUF_INIT;
	struct err e = { 0 };

	page_error(templates, 404, "not found", "no <run> here", &page, &e);
	ok(strstr(page.data, "<h1>404: not found</h1>") &&
			strstr(page.data, "no &lt;run&gt; here"),
		"an error is a page with its detail as text");
	ok(page_error("/nonexistent", 404, "a", "b", &page, &e) < 0 &&
			strstr(e.msg, "/nonexistent/base.html"),
		"a missing template is named");
	ok(page_check(templates, &e) == 0, "the templates are in order");
}

static void
test_badge(void)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	badge_svg("passed", &b);
	ok(strstr(b.data, ">passed</text>") && strstr(b.data, "#1a7f37"),
		"a badge says the state, and in green");
	buf_reset(&b);
	badge_svg(NULL, &b);
	ok(strstr(b.data, ">no runs</text>"), "or that there is none");
	buf_reset(&b);
	badge_svg("\"><script>", &b);
	ok(strstr(b.data, ">no runs</text>") && !strstr(b.data, "script"),
		"and nothing that is no state");
}

int
main(void)
{
	const char *src = getenv("TELLUS_SRC");

	src = src ? src : ".";
	templates = xasprintf("%s/templates", src);
	test_payloads(src);
	test_links();
	test_run_page();
	test_no_reason();
	test_output_room();
	test_no_output();
	test_early_run();
	test_list();
	test_list_query();
	test_error();
	test_badge();
	free(templates);
	return tap_done();
}
