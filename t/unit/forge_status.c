/* SPDX-License-Identifier: MIT */
/* The requests for statuses, and what the answers mean. */
#include "base/base.h"
#include "base/buf.h"
#include "base/json.h"
#include "forge/forge.h"
#include "model/config.h"

#include "forge_request.h"

static struct repo_conf
lab_repo(enum forge_kind kind)
{
	return (struct repo_conf){
		.name = (char *)(uintptr_t) "a/b",
		.kind = kind,
		.api = (char *)(uintptr_t) "https://api.example.org/v",
		.token = (char *)(uintptr_t) "t0ken",
	};
}

static struct status
a_status(const char *state)
{
	return (struct status){
		.repository = "acme/wid get",
		.sha = SHA_A,
		.ref = "refs/heads/feature/x",
		.context = "tellus/ci",
		.state = state,
		.description = "all well",
		.target_url = "https://ci.example.org/runs/42",
	};
}

static void
status_requests(void)
{
	struct repo_conf repo = lab_repo(FORGE_GITHUB);
	struct status s = a_status("passed");
	struct status_request r = { 0 };
	struct err e = { 0 };

	ok(forge_status(&repo, &s, &r, &e) == 0, "GitHub's request is made");
	is_str(r.url,
		"https://api.example.org/v/repos/acme/wid%20get/"
		"statuses/" SHA_A,
		"its address");
	is_str(r.body,
		"{\"state\":\"success\",\"context\":\"tellus/ci\","
		"\"description\":\"all well\",\"target_url\":"
		"\"https://ci.example.org/runs/42\"}",
		"its body");
	is_str(r.auth, "Authorization: Bearer t0ken", "its token");
	ok(strv_has(&r.headers, "Accept: application/vnd.github+json") &&
			strv_has(&r.headers,
				"X-GitHub-Api-Version: 2022-11-28") &&
			strv_has(&r.headers,
				"User-Agent: tellus/" PACKAGE_VERSION),
		"its headers");
	for (size_t i = 0; i < r.headers.len; i++)
		ok(!strstr(r.headers.v[i], "t0ken"), "the token is not in %s",
			r.headers.v[i]);
	status_request_release(&r);
	repo.kind = FORGE_GITLAB;
	s.repository = "group/sub/app";
	s.state = "running";
	ok(forge_status(&repo, &s, &r, &e) == 0, "GitLab's request is made");
	is_str(r.url,
		"https://api.example.org/v/projects/"
		"group%2Fsub%2Fapp/statuses/" SHA_A,
		"its address");
	is_str(r.body,
		"{\"state\":\"running\",\"name\":\"tellus/ci\","
		"\"ref\":\"feature/x\",\"description\":\"all well\","
		"\"target_url\":\"https://ci.example.org/runs/42\"}",
		"its body names the branch");
	is_str(r.auth, "PRIVATE-TOKEN: t0ken", "its token");
	status_request_release(&r);
	s.ref = "refs/merge-requests/7/head";
	s.description = s.target_url = NULL;
	ok(forge_status(&repo, &s, &r, &e) == 0, "for a merge request too");
	is_str(r.body, "{\"state\":\"running\",\"name\":\"tellus/ci\"}",
		"which is no branch");
	status_request_release(&r);
	repo.kind = FORGE_GITEA;
	ok(forge_status(&repo, &s, &r, &e) < 0 && strstr(e.msg, "owner/name"),
		"Gitea has no subgroups");
	s.repository = "a/b";
	ok(forge_status(&repo, &s, &r, &e) == 0, "Gitea's request is made");
	is_str(r.auth, "Authorization: token t0ken", "its token");
	is_str(r.body, "{\"state\":\"pending\",\"context\":\"tellus/ci\"}",
		"its body");
	status_request_release(&r);
}

static void
status_limits(void)
{
	struct repo_conf repo = lab_repo(FORGE_GITHUB);
	AUTO(buf_release) struct buf text = BUF_INIT;
	struct status s = a_status("failed");
	struct status_request r = { 0 };
	struct err e = { 0 };
	AUTO(freep) char *url = NULL;

	for (int i = 0; i < 139; i++)
		buf_addz(&text, "\xc3\xa9");
	buf_addz(&text, "\xff\n\x1b[31mz\xe2\x82");
	s.description = text.data;
	url = xasprintf("https://x/%0300d", 1);
	s.target_url = url;
	ok(forge_status(&repo, &s, &r, &e) == 0, "hostile texts are cut");
	if (r.body) {
		json_t *o = json_parse(r.body, strlen(r.body), &e);
		const char *d = jget_str(o, "description");
		size_t chars = 0;

		for (size_t i = 0; d && d[i]; i++)
			chars += (d[i] & 0xc0) != 0x80;
		is_int((long long)chars, 140, "to 140 code points");
		ok(d && !strpbrk(d, "\n\x1b"), "without control characters");
		ok(!json_object_get(o, "target_url"),
			"a long address is left out");
		json_decref(o);
	}
	status_request_release(&r);
	s.target_url = "javascript:alert(1)";
	ok(forge_status(&repo, &s, &r, &e) == 0 &&
			!strstr(r.body, "javascript"),
		"so is one that is no http");
	status_request_release(&r);
	s.sha = "HEAD";
	ok(forge_status(&repo, &s, &r, &e) < 0, "a ref is no commit");
	s = a_status("great");
	ok(forge_status(&repo, &s, &r, &e) < 0 && strstr(e.msg, "great"),
		"an unknown state is refused");
	s = a_status("passed");
	repo.token = (char *)(uintptr_t) "a\r\nb: c";
	ok(forge_status(&repo, &s, &r, &e) < 0, "a token is one line");
	repo.token = NULL;
	ok(forge_status(&repo, &s, &r, &e) < 0 && strstr(e.msg, "token-file"),
		"without a token nothing is sent");
}

static void
status_words(void)
{
	static const struct {
		const char *state, *github, *gitlab, *gitea;
	} rows[] = {
		{ "queued", "pending", "pending", "pending" },
		{ "running", "pending", "running", "pending" },
		{ "waiting", "pending", "pending", "pending" },
		{ "blocked", "error", "failed", "error" },
		{ "passed", "success", "success", "success" },
		{ "failed", "failure", "failed", "failure" },
		{ "error", "error", "failed", "error" },
		{ "canceled", "error", "canceled", "error" },
		{ "superseded", "error", "canceled", "error" },
		{ "skipped", "success", "success", "success" },
	};
	static const enum forge_kind kinds[] = { FORGE_GITHUB, FORGE_GITLAB,
		FORGE_GITEA };

	for (size_t i = 0; i < ARRAY_LEN(rows) * 3; i++) {
		struct repo_conf repo = lab_repo(kinds[i % 3]);
		struct status s = a_status(rows[i / 3].state);
		const char *want[] = { rows[i / 3].github, rows[i / 3].gitlab,
			rows[i / 3].gitea };
		AUTO(freep)
		char *text = xasprintf("{\"state\":\"%s\",", want[i % 3]);
		struct status_request r = { 0 };
		struct err e;

		ok(forge_status(&repo, &s, &r, &e) == 0 &&
				str_starts(r.body, text),
			"%s is %s on %s", s.state, want[i % 3],
			forge_kind_name(kinds[i % 3]));
		status_request_release(&r);
	}
}

#define NOW 1700000000

struct answer {
	enum forge_kind kind;
	long code;
	const char *body, *header, *value;
	enum status_verdict want;
	int64_t wait_ms;
	const char *why, *what;
};

static void
answered(const struct answer *w)
{
	const char *const headers[] = { w->header, w->value,
		"X-RateLimit-Reset", "1700000100", NULL };
	struct status_answer a = {
		.code = w->code,
		.body = w->body,
		.len = strlen(w->body),
		.header = header,
		.arg = (void *)(uintptr_t)(w->header ? headers : NULL),
		.now_s = NOW,
	};
	int64_t wait = -1;
	struct err why;
	enum status_verdict v =
		forge_verdict(w->kind, &a, "passed", &wait, &why);

	ok(v == w->want && wait == w->wait_ms && strstr(why.msg, w->why), "%s",
		w->what);
	if (v != w->want || wait != w->wait_ms || !strstr(why.msg, w->why))
		printf("# verdict %d, wait %" PRId64 ", '%s'\n", (int)v, wait,
			why.msg);
}

static void
verdicts(void)
{
	static const struct answer rows[] = {
		{ FORGE_GITHUB, 201, "{\"state\":\"success\"}", NULL, NULL,
			STATUS_OK, 0, "", "201 with the state is done" },
		{ FORGE_GITEA, 201, "{\"status\":\"success\"}", NULL, NULL,
			STATUS_OK, 0, "", "Gitea and GitLab say status" },
		{ FORGE_GITHUB, 201, "{\"state\":\"pending\"}", NULL, NULL,
			STATUS_RETRY, 0, "does not repeat",
			"another state is not done" },
		{ FORGE_GITHUB, 200, "", NULL, NULL, STATUS_RETRY, 0,
			"does not repeat", "an empty answer is not done" },
		{ FORGE_GITHUB, 200, "<html>success</html>", NULL, NULL,
			STATUS_RETRY, 0, "does not repeat",
			"a page is not done" },
		{ FORGE_GITHUB, 201, "{\"state\":\"succ", NULL, NULL,
			STATUS_RETRY, 0, "does not repeat",
			"a cut answer is not done" },
		{ FORGE_GITHUB, 201, "[\"success\"]", NULL, NULL, STATUS_RETRY,
			0, "does not repeat", "an array is not done" },
		{ FORGE_GITHUB, 401, "{\"message\":\"Bad credentials\"}", NULL,
			NULL, STATUS_DEAD, 0,
			"token-file (401: Bad credentials)",
			"a refused token is final" },
		{ FORGE_GITHUB, 403, "{\"message\":\"no\"}", NULL, NULL,
			STATUS_DEAD, 0, "permission",
			"a missing permission is final" },
		{ FORGE_GITHUB, 404, "{}", NULL, NULL, STATUS_DEAD, 0,
			"no such repository or commit",
			"a missing commit is final" },
		{ FORGE_GITHUB, 422,
			"{\"message\":\"Validation "
			"Failed\",\"errors\":[{\"code\":"
			"\"custom\",\"message\":\"This SHA and context has "
			"reached the maximum number of statuses.\"}]}",
			NULL, NULL, STATUS_DEAD, 0,
			"1000 statuses of that name, the forge "
			"takes no more (422: Validation Failed: This SHA",
			"a full commit is final" },
		{ FORGE_GITHUB, 422,
			"{\"message\":\"No commit found for "
			"SHA\"}",
			NULL, NULL, STATUS_DEAD, 0, "gone",
			"a lost commit is final" },
		{ FORGE_GITLAB, 400,
			"{\"message\":\"Cannot transition status "
			"via :success from :success (Reason)\"}",
			NULL, NULL, STATUS_OK, 0, "",
			"GitLab holds that state already: done" },
		{ FORGE_GITHUB, 400,
			"{\"message\":\"Cannot transition status "
			"via :success from :success\"}",
			NULL, NULL, STATUS_DEAD, 0, "refused",
			"only GitLab says so" },
		{ FORGE_GITLAB, 400,
			"{\"message\":\"Cannot transition status "
			"via :success from :running\"}",
			NULL, NULL, STATUS_DEAD, 0, "from :running",
			"from another state it is a refusal" },
		{ FORGE_GITLAB, 400,
			"{\"message\":{\"name\":[\"has already "
			"been taken\"]}}",
			NULL, NULL, STATUS_DEAD, 0, "context",
			"a taken name is final" },
		{ FORGE_GITLAB, 400,
			"{\"message\":{\"target_url\":[\"only "
			"http\"]}}",
			NULL, NULL, STATUS_DEAD, 0, "only http",
			"a bad request is final, with the forge's words" },
		{ FORGE_GITHUB, 429, "", NULL, NULL, STATUS_RETRY, 60000,
			"limits requests", "429 alone waits a minute" },
		{ FORGE_GITHUB, 429, "", "Retry-After", "7", STATUS_RETRY, 7000,
			"limits", "Retry-After is obeyed" },
		{ FORGE_GITHUB, 403, "", "retry-after", "7", STATUS_RETRY, 7000,
			"limits", "with 403 too, in any case" },
		{ FORGE_GITHUB, 403, "", "X-RateLimit-Remaining", "0",
			STATUS_RETRY, 100000, "limits",
			"a used-up quota waits for its reset" },
		{ FORGE_GITHUB, 403, "", "X-RateLimit-Remaining", "5",
			STATUS_DEAD, 0, "permission",
			"a quota with rest is no limit" },
		{ FORGE_GITHUB, 403,
			"{\"message\":\"You have exceeded a "
			"secondary rate limit\"}",
			NULL, NULL, STATUS_RETRY, 60000, "limits",
			"a limit in words alone" },
		{ FORGE_GITHUB, 429, "", "Retry-After", "1000000000000",
			STATUS_RETRY, 3600000, "limits",
			"an absurd wait is an hour" },
		{ FORGE_GITHUB, 429, "", "Retry-After",
			"99999999999999999999999", STATUS_RETRY, 3600000,
			"limits", "so is one beyond 64 bits" },
		{ FORGE_GITHUB, 429, "", "Retry-After", "-5", STATUS_RETRY,
			60000, "limits", "a negative wait does not count" },
		{ FORGE_GITHUB, 429, "", "Retry-After", "0", STATUS_RETRY, 1000,
			"limits", "no wait is a second" },
		{ FORGE_GITHUB, 429, "", "Retry-After",
			"Tue, 14 Nov 2023 22:13:50 GMT", STATUS_RETRY, 30000,
			"limits", "a date is a wait" },
		{ FORGE_GITHUB, 503, "<html>", NULL, NULL, STATUS_RETRY, 0,
			"the forge failed (503)",
			"a failing forge is retried" },
		{ FORGE_GITHUB, 503, "", "Retry-After", "120", STATUS_RETRY,
			120000, "503", "and says when" },
		{ FORGE_GITHUB, 500, "", NULL, NULL, STATUS_RETRY, 0, "500",
			"500 is retried" },
		{ FORGE_GITHUB, 408, "", NULL, NULL, STATUS_RETRY, 0, "408",
			"408 is retried" },
		{ FORGE_GITHUB, 302, "", "Location", "https://x/\x1b",
			STATUS_DEAD, 0, "redirects (302) to https://x/ ",
			"a redirect is final, and shown clean" },
		{ FORGE_GITHUB, 0, "", NULL, NULL, STATUS_RETRY, 0, "no answer",
			"no answer is retried" },
	};
	struct status_answer a = { .code = 0, .body = "", .header = header };
	struct err refused_tls = { .code = ERR_DENIED, .msg = "certificate" };
	struct err why;
	int64_t wait;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		answered(&rows[i]);
	a.err = &refused_tls;
	ok(forge_verdict(FORGE_GITHUB, &a, "passed", &wait, &why) ==
				STATUS_DEAD &&
			str_eq(why.msg, "certificate"),
		"a refused certificate is final");
}

int
main(void)
{
	status_requests();
	status_limits();
	status_words();
	verdicts();
	return tap_done();
}
