/* SPDX-License-Identifier: MIT */
/*
 * What a forge's answer to a status means: done, later, never.  Only an
 * answer that repeats the state counts as done: a login page with 200 or a
 * cut body does not.  When to try again beyond what the forge says is the
 * outbox's business.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/enc.h"
#include "base/json.h"
#include "forge/forge.h"
#include "forge/kind.h"

#include <strings.h>

#define WAIT_MAX_S 3600   /* whatever the forge says */
#define WAIT_LIMITED_S 60 /* GitHub: "at least one minute" */
#define MESSAGE_MAX 200
#define ERRORS_MAX 3

static const char *
header(const struct status_answer *a, const char *name)
{
	const char *v = a->header ? a->header(name, a->arg) : NULL;

	return v && *v ? v : NULL;
}

static enum status_verdict verdict(enum status_verdict v, struct err *why,
	const char *fmt, ...) PRINTF(3, 4);

static enum status_verdict
verdict(enum status_verdict v, struct err *why, const char *fmt, ...)
{
	AUTO(freep) char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	err_set(why, v == STATUS_RETRY ? ERR_TEMP : ERR_PERM, "%s", text);
	return v;
}

/* Seconds, or a date as in RFC 9110; -1 for anything else. */
static int64_t
seconds_of(const char *s, int64_t now_s)
{
	struct tm tm = { 0 };
	const char *end;
	int64_t v;

	if (s[strspn(s, "0123456789")] == '\0')
		return num_parse(s, 0, INT64_MAX, &v) < 0 ? INT64_MAX : v;
	end = strptime(s, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	if (!end || *end)
		return -1;
	v = timegm(&tm);
	return v > now_s ? v - now_s : 0;
}

static bool
quota_is_used_up(const struct status_answer *a)
{
	static const char *const names[] = { "X-RateLimit-Remaining",
		"RateLimit-Remaining" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq(header(a, names[i]), "0"))
			return true;
	return false;
}

/* Until the time at which the quota is filled again; -1: it is not said. */
static int64_t
until_reset(const struct status_answer *a)
{
	const char *s = header(a, "X-RateLimit-Reset");
	int64_t at;

	if (!s)
		s = header(a, "RateLimit-Reset");
	if (!s || num_parse(s, 0, INT64_MAX, &at) < 0)
		return -1;
	return at > a->now_s ? at - a->now_s : 0;
}

/* The seconds that the forge wants us to wait; -1: it does not say. */
static int64_t
told_wait(const struct status_answer *a)
{
	const char *after = header(a, "Retry-After");
	int64_t s = after ? seconds_of(after, a->now_s) : -1;

	if (s < 0 && quota_is_used_up(a))
		s = until_reset(a);
	if (s < 0)
		return -1;
	return MIN(MAX(s, (int64_t)1), (int64_t)WAIT_MAX_S);
}

/* GitHub's "errors": [{"message": "..."}], or strings. */
static void
add_errors(struct buf *b, const json_t *list)
{
	for (size_t i = 0; i < MIN(json_array_size(list), ERRORS_MAX); i++) {
		const json_t *one = json_array_get(list, i);
		const char *text = json_string_value(one);

		if (!text)
			text = jget_str(one, "message");
		if (text)
			buf_addf(b, "%s%s", b->len ? ": " : "", text);
	}
}

/* The forge's own words, for people. */
static char *
words_of(const json_t *o)
{
	static const char *const names[] = { "message", "error", "detail" };
	AUTO(buf_release) struct buf all = BUF_INIT;
	AUTO(buf_release) struct buf cut = BUF_INIT;
	AUTO(freep) char *text = NULL;
	const json_t *v = NULL;

	for (size_t i = 0; !v && i < ARRAY_LEN(names); i++)
		v = json_object_get(o, names[i]);
	if (json_is_object(v) ||
		json_is_array(v)) /* GitLab: {"field": ["complaint"]} */
		text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	buf_addz(&all, text ? text : "");
	if (json_is_string(v))
		buf_addz(&all, json_string_value(v));
	add_errors(&all, json_object_get(o, "errors"));
	utf8_addcut(&cut, all.data, MESSAGE_MAX);
	return buf_take(&cut);
}

static bool
says(const char *words, const char *part)
{
	return strcasestr(words, part) != NULL;
}

static bool
carries_state(const json_t *o, const char *state)
{
	return str_eq(jget_str(o, "state"), state) ||
	       str_eq(jget_str(o, "status"), state);
}

/*
 * "Cannot transition status via :run from :running": GitLab refuses to set
 * the state that is set already, by a post whose answer was lost.  From any
 * other state it is a refusal.
 */
static bool
is_set_already(const char *words, const char *state)
{
	const char *from = strcasestr(words, "cannot transition status");

	from = from ? strcasestr(from, " from :") : NULL;
	if (!from)
		return false;
	from += strlen(" from :");
	return strspn(from, "abcdefghijklmnopqrstuvwxyz_") == strlen(state) &&
	       str_starts(from, state);
}

static enum status_verdict
limited(const struct status_answer *a, int64_t *ret_wait_ms, struct err *why)
{
	int64_t s = told_wait(a);

	if (s < 0)
		s = WAIT_LIMITED_S;
	*ret_wait_ms = s * 1000;
	return verdict(STATUS_RETRY, why,
		"the forge limits requests (%ld); "
		"the next try is in %" PRId64 " s",
		a->code, s);
}

static enum status_verdict
redirected(const struct status_answer *a, struct err *why)
{
	AUTO(buf_release) struct buf to = BUF_INIT;
	const char *where = header(a, "Location");

	utf8_addcut(&to, where ? where : "nowhere", MESSAGE_MAX);
	return verdict(STATUS_DEAD, why,
		"the forge redirects (%ld) to %s, "
		"which is not followed with a token; set the API's address, "
		"forge.<name>.api, to where it lives now",
		a->code, to.data);
}

/* Sentences for the codes that will not change by trying again. */
static enum status_verdict
refused(enum forge_kind kind, const struct status_answer *a, const char *words,
	struct err *why)
{
	static const struct {
		long code;
		const char *text;
	} rows[] = {
		{ 401, "the token was refused; check the repository's "
		       "token-file" },
		{ 403, "the token may not set statuses there; give it that "
		       "permission" },
		{ 404, "no such repository or commit, or the token may not "
		       "see it" },
		{ 410, "the repository is gone" },
		{ 422, "the status was refused" },
	};
	const char *text = "the status was refused";

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].code == a->code)
			text = rows[i].text;
	if (says(words, "maximum number of statuses"))
		text = "the commit has 1000 statuses of that name, the "
		       "forge takes no more";
	else if (says(words, "no commit found"))
		text = "the commit is gone from the forge";
	else if (kind == FORGE_GITLAB && says(words, "already been taken"))
		text = "a job of GitLab's own has that name; set "
		       "repository.<name>.context";
	return verdict(STATUS_DEAD, why, "%s (%ld%s%s)", text, a->code,
		*words ? ": " : "", words);
}

/* GitHub tells some of its limits with 403 and no header at all. */
static bool
is_limit(const struct status_answer *a, const char *words)
{
	if (a->code == 429)
		return true;
	if (a->code != 403)
		return false;
	return header(a, "Retry-After") || quota_is_used_up(a) ||
	       says(words, "rate limit") || says(words, "abuse detection");
}

static enum status_verdict
no_answer(const struct status_answer *a, struct err *why)
{
	const struct err *e = a->err;

	if (!e)
		return verdict(STATUS_RETRY, why, "no answer");
	return verdict(e->code == ERR_TEMP ? STATUS_RETRY : STATUS_DEAD, why,
		"%s", e->msg);
}

static enum status_verdict
judge(enum forge_kind kind, const struct status_answer *a, const json_t *o,
	const char *state, int64_t *ret_wait_ms, struct err *why)
{
	AUTO(freep) char *words = words_of(o);
	long code = a->code;
	int64_t wait;

	if (is_limit(a, words))
		return limited(a, ret_wait_ms, why);
	if ((code == 200 || code == 201) && carries_state(o, state))
		return STATUS_OK;
	if (code >= 200 && code < 300)
		return verdict(STATUS_RETRY, why,
			"the answer (%ld) does not "
			"repeat the status; is forge.<name>.api the address "
			"of an API?",
			code);
	if (code >= 300 && code < 400)
		return redirected(a, why);
	if (code == 400 && kind == FORGE_GITLAB && is_set_already(words, state))
		return STATUS_OK;
	if (code < 500 && code != 408 && code != 425)
		return refused(kind, a, words, why);
	wait = told_wait(a);
	*ret_wait_ms = wait < 0 ? 0 : wait * 1000;
	return verdict(STATUS_RETRY, why, "the forge failed (%ld%s%s)", code,
		*words ? ": " : "", words);
}

enum status_verdict
forge_verdict(enum forge_kind kind, const struct status_answer *a,
	const char *sent_state, int64_t *ret_wait_ms, struct err *ret_why)
{
	const char *word = status_word(kind, sent_state);
	enum status_verdict v;
	struct err ignored;
	json_t *o;

	*ret_wait_ms = 0;
	ret_why->code = ERR_NONE;
	ret_why->msg[0] = '\0';
	if (a->code == 0)
		return no_answer(a, ret_why);
	o = a->len ? json_parse(a->body, a->len, &ignored) : NULL;
	v = judge(kind, a, o, word ? word : sent_state, ret_wait_ms, ret_why);
	json_decref(o);
	return v;
}
