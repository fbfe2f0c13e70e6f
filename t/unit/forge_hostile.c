/* SPDX-License-Identifier: MIT */
/*
 * Values that no forge sends but anybody may: each field in turn that is
 * missing or wrong, and texts that are too long or not what they should be,
 * in payloads and in statuses.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/json.h"
#include "forge/forge.h"

#include "forge_request.h"

#define SHA_C "3333333333333333333333333333333333333333"

static const char hub_push[] =
	"{\"ref\":\"refs/heads/main\",\"before\":\"" SHA_B
	"\",\"after\":\"" SHA_A
	"\",\"forced\":true,\"compare\":\"https://forge/compare\","
	"\"head_commit\":{\"id\":\"" SHA_A
	"\",\"message\":\"fix it\\n\\nmore\","
	"\"url\":\"https://forge/c\",\"author\":{\"name\":\"Ann\"}},"
	"\"repository\":{\"id\":1,\"full_name\":\"o/r\"},"
	"\"sender\":{\"login\":\"ann\"}}";

static const char hub_request[] =
	"{\"action\":\"opened\",\"number\":7,\"pull_request\":{"
	"\"title\":\"Better\",\"html_url\":\"https://forge/7\","
	"\"user\":{\"login\":\"bob\"},"
	"\"head\":{\"sha\":\"" SHA_A "\",\"ref\":\"topic\","
	"\"repo\":{\"id\":1}},"
	"\"base\":{\"sha\":\"" SHA_B "\",\"ref\":\"main\","
	"\"repo\":{\"id\":1}}},"
	"\"repository\":{\"id\":1,\"full_name\":\"o/r\"},"
	"\"sender\":{\"login\":\"ann\"}}";

static const char lab_push[] =
	"{\"object_kind\":\"push\",\"ref\":\"refs/heads/"
	"main\",\"before\":\"" SHA_B "\",\"after\":\"" SHA_A
	"\",\"checkout_sha\":\"" SHA_A "\","
	"\"user_username\":\"ann\","
	"\"project\":{\"id\":1,\"path_with_namespace\":\"g/sub/r\"},"
	"\"commits\":[{\"id\":\"" SHA_C "\",\"message\":\"older\"},"
	"{\"id\":\"" SHA_A "\",\"message\":\"fix it\\n\",\"url\":"
	"\"https://forge/c\",\"author\":{\"name\":\"Ann\"}}]}";

static const char lab_request[] =
	"{\"object_kind\":\"merge_request\",\"user\":{\"username\":\"ann\"},"
	"\"project\":{\"id\":1,\"path_with_namespace\":\"g/sub/r\"},"
	"\"object_attributes\":{\"iid\":7,\"action\":\"open\","
	"\"source_branch\":\"topic\",\"target_branch\":\"main\","
	"\"source_project_id\":1,\"target_project_id\":1,"
	"\"title\":\"Better\",\"url\":\"https://forge/7\","
	"\"last_commit\":{\"id\":\"" SHA_A "\",\"message\":\"fix it\","
	"\"author\":{\"name\":\"Ann\"}}}}";

/* The last result of change(). */
static struct delivery got;
static struct err why;

/* Sets the member at a path as "a.b.c" to JSON text; NULL removes it. */
static void
set_member(json_t *root, const char *path, const char *value)
{
	const char *dot;
	json_t *at = root;

	while ((dot = strchr(path, '.'))) {
		AUTO(freep) char *key = xstrndup(path, (size_t)(dot - path));

		at = json_object_get(at, key);
		path = dot + 1;
	}
	if (value)
		json_object_set_new(
			at, path, json_loads(value, JSON_DECODE_ANY, NULL));
	else
		json_object_del(at, path);
}

/* Parses the payload with one member changed. */
static int
change(enum forge_kind kind, const char *event, const char *payload,
	const char *path, const char *value)
{
	json_t *root = json_loads(payload, 0, NULL);
	char *text;
	int rc;

	set_member(root, path, value);
	text = json_dumps(root, JSON_COMPACT);
	delivery_release(&got);
	rc = parse(kind, event, text, &got, &why);
	free(text);
	json_decref(root);
	return rc;
}

/* A field that is missing, or is one of these, makes the payload bad.  Only
 * the last is a name that a branch may have. */
static void
hostile(enum forge_kind kind, const char *event, const char *payload,
	const char *path)
{
	static const char *const values[] = { "7", "{}", "[]", "true", "\"\"",
		"\"../../etc\"", "\"a\\nb\"", "\"a b\"", "\"\\u202e\\u0007\"",
		"null", NULL, "\"0123456789ABCDEF0123456789abcdef01234567\"" };
	const char *leaf = strrchr(path, '.') ? strrchr(path, '.') + 1 : path;
	size_t n = ARRAY_LEN(values) - !!strstr(path, "_branch") -
		   str_ends(path, ".ref");
	size_t accepted = 0, unnamed = 0;

	for (size_t i = 0; i < n; i++) {
		if (change(kind, event, payload, path, values[i]) < 0)
			unnamed += !strstr(why.msg, leaf);
		else if (got.what == DELIVERY_PUSH)
			accepted++;
	}
	is_int(accepted, 0, path);
	is_int(unnamed, 0, "and each message names the field");
}

static void
test_hostile(void)
{
	static const char *const push[] = { "ref", "before", "after" };
	static const char *const request[] = { "pull_request.head.sha",
		"pull_request.base.sha", "pull_request.head.ref",
		"pull_request.base.ref" };
	static const char *const lab[] = { "object_attributes.last_commit.id",
		"object_attributes.source_branch",
		"object_attributes.target_branch" };

	for (size_t i = 0; i < ARRAY_LEN(push); i++) {
		hostile(FORGE_GITHUB, "push", hub_push, push[i]);
		hostile(FORGE_GITEA, "push", hub_push, push[i]);
		hostile(FORGE_GITLAB, NULL, lab_push, push[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(request); i++)
		hostile(FORGE_GITHUB, "pull_request", hub_request, request[i]);
	for (size_t i = 0; i < ARRAY_LEN(lab); i++)
		hostile(FORGE_GITLAB, NULL, lab_request, lab[i]);
}

static void
test_texts(void)
{
	AUTO(buf_release) struct buf longer = BUF_INIT;

	ok(!change(FORGE_GITHUB, "push", hub_push, "head_commit.url",
		   "\"javascript:alert(1)\"") &&
			str_eq(got.push.link, "https://forge/compare"),
		"a link of another scheme is dropped");
	ok(!change(FORGE_GITHUB, "push", hub_push, "head_commit.message",
		   "\"a\\u001b[31mb\"") &&
			!strchr(got.push.title, '\033'),
		"no escape gets into a title");
	buf_addc(&longer, '"');
	for (int i = 0; i < 5000; i++)
		buf_addz(&longer, "\xc3\xa9");
	buf_addc(&longer, '"');
	ok(!change(FORGE_GITHUB, "push", hub_push, "head_commit.message",
		   longer.data) &&
			strlen(got.push.title) <= 200,
		"a title of 10,000 bytes is cut to 200");
	ok(change(FORGE_GITHUB, "push", hub_push, "repository.full_name",
		   longer.data) < 0,
		"a repository's name of 10,000 bytes is refused");
}

static void
test_options(void)
{
	static const char *const none[] = { "{\"ci\":{\"skip\":false}}",
		"{\"ci\":{\"skip\":null}}", "{\"ci\":[]}", "{\"ci\":true}",
		"{}", "[]", "null", "7" };

	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		ok(!change(FORGE_GITLAB, NULL, lab_push, "push_options",
			   none[i]) &&
				got.what == DELIVERY_PUSH,
			"push_options %s are built", none[i]);
}

/* Every prefix of a good payload is refused, none crashes. */
static void
test_prefixes(void)
{
	size_t n = strlen(lab_request), parsed = 0;

	for (size_t i = 0; i < n; i++) {
		AUTO(freep) char *part = xstrndup(lab_request, i);
		struct delivery d;

		parsed += parse(FORGE_GITLAB, NULL, part, &d, &why) == 0;
		delivery_release(&d);
	}
	is_int(parsed, 0, "a payload that is cut anywhere is refused");
}

/* ---- statuses ---- */

/* The body that is made of them, or NULL. */
static json_t *
body_of(enum forge_kind kind, const char *description, const char *target_url)
{
	struct repo_conf repo = {
		.name = (char *)(uintptr_t) "a/b",
		.kind = kind,
		.api = (char *)(uintptr_t) "https://api.example.org",
		.token = (char *)(uintptr_t) "t0ken",
	};
	struct status s = {
		.repository = "a/b",
		.sha = SHA_A,
		.ref = "refs/heads/main",
		.context = "tellus/ci",
		.state = "failed",
		.description = description,
		.target_url = target_url,
	};
	struct status_request r = { 0 };
	json_t *body = NULL;

	if (forge_status(&repo, &s, &r, &why) == 0)
		body = json_parse(r.body, strlen(r.body), &why);
	status_request_release(&r);
	return body;
}

static void
test_descriptions(void)
{
	for (int n = 139; n <= 141; n++) {
		AUTO(buf_release) struct buf text = BUF_INIT;
		const char *d;
		size_t chars = 0;
		json_t *b;

		for (int i = 0; i < n; i++)
			buf_addz(&text, "\xf0\x9f\x90\xa2");
		b = body_of(FORGE_GITHUB, text.data, NULL);
		d = jget_str(b, "description");
		for (size_t i = 0; d && d[i]; i++)
			chars += ((unsigned char)d[i] & 0xc0) != 0x80;
		if (n <= 140)
			is_str(d, text.data, "up to 140 code points are whole");
		else
			ok(d && chars == 140 && str_ends(d, "..."),
				"%d code points become 140, and it shows", n);
		json_decref(b);
	}
}

static void
test_pages(void)
{
	static const struct {
		const char *url;
		bool sent;
	} rows[] = {
		{ "https://ci.example.org/runs/1", true },
		{ "http://ci.example.org:8420/runs/1", true },
		{ "ftp://ci.example.org/", false },
		{ "//ci.example.org/runs/1", false },
		{ "https://", false },
		{ "https:///runs/1", false },
		{ "https://ci.example.org/a b", false },
		{ "https://ci.example.org/\n", false },
		{ "https://ci.example.org/\xff", false },
		{ "", false },
	};
	char page[300];
	json_t *b;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		b = body_of(FORGE_GITLAB, "x", rows[i].url);
		ok(b && !json_object_get(b, "target_url") == !rows[i].sent,
			"the page \"%s\" is %s", rows[i].url,
			rows[i].sent ? "sent" : "left out");
		json_decref(b);
	}
	for (size_t n = 255; n <= 256; n++) {
		memset(page, 'x', sizeof(page));
		memcpy(page, "https://h/", 10);
		page[n] = '\0';
		b = body_of(FORGE_GITLAB, "x", page);
		ok(b && !json_object_get(b, "target_url") == (n > 255),
			"a page of %zu bytes is %s", n,
			n > 255 ? "left out" : "sent");
		json_decref(b);
	}
}

/* ---- answers ---- */

static void
test_resets(void)
{
	static const struct {
		const char *reset;
		int64_t wait_ms;
	} rows[] = {
		{ "1700000120", 120000 },
		{ "1700000000", 1000 },
		{ "1", 1000 },
		{ "1900000000", 3600000 },
		{ "99999999999999999999999", 60000 },
		{ "-1700000120", 60000 },
		{ "soon", 60000 },
		{ NULL, 60000 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *const headers[] = { "X-RateLimit-Remaining", "0",
			rows[i].reset ? "X-RateLimit-Reset" : NULL,
			rows[i].reset, NULL };
		struct status_answer a = {
			.code = 403,
			.body = "",
			.header = header,
			.arg = (void *)(uintptr_t)headers,
			.now_s = 1700000000,
		};
		int64_t wait;

		ok(forge_verdict(FORGE_GITHUB, &a, "passed", &wait, &why) ==
					STATUS_RETRY &&
				wait == rows[i].wait_ms,
			"a quota that is filled again at %s is waited for "
			"%" PRId64 " ms",
			rows[i].reset, wait);
	}
}

/* A reason is a line for people, whatever the forge writes. */
static void
test_words(void)
{
	AUTO(buf_release) struct buf body = BUF_INIT;
	struct status_answer a = { .code = 422, .header = header };
	int64_t wait;

	buf_addz(&body, "{\"message\":\"\\u001b[31m\\n");
	for (int i = 0; i < 5000; i++)
		buf_addz(&body, "\xc3\xa9");
	buf_addz(&body, "\"}");
	a.body = body.data;
	a.len = body.len;
	ok(forge_verdict(FORGE_GITHUB, &a, "passed", &wait, &why) ==
				STATUS_DEAD &&
			strlen(why.msg) < 400 && !strpbrk(why.msg, "\x1b\n"),
		"the forge's words are cut and cleaned");
}

int
main(void)
{
	test_hostile();
	test_texts();
	test_options();
	test_prefixes();
	test_descriptions();
	test_pages();
	test_resets();
	test_words();
	delivery_release(&got);
	return tap_done();
}
