/* SPDX-License-Identifier: MIT */
/*
 * Forges: signatures against the documented vectors, payloads good and
 * hostile, the requests for statuses, and what answers mean.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/enc.h"
#include "base/json.h"
#include "forge/forge.h"
#include "model/config.h"
#include "model/push.h"

#include "tap.h"

#include <dirent.h>
#include <strings.h>

#define SHA_A "1111111111111111111111111111111111111111"
#define SHA_B "2222222222222222222222222222222222222222"

/* Headers are "name", "value" pairs, ended by NULL. */
static const char *
header(const char *name, void *arg)
{
	for (const char *const *at = arg; at && *at; at += 2)
		if (!strcasecmp(name, at[0]))
			return at[1];
	return NULL;
}

static struct forge_request
request(const char *const *headers, const char *body)
{
	return (struct forge_request){
		.header = header,
		.arg = (void *)(uintptr_t)headers,
		.body = body,
		.len = strlen(body),
		.now_s = 1614265330,
	};
}

/* ---- signatures ---- */

#define HUB_SECRET "It's a Secret to Everybody"
#define HUB_BODY "Hello, World!"
#define HUB_SIG                                                                \
	"757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

static bool
verifies(enum forge_kind kind, const char *secret, const char *signing,
	const char *const *headers, const char *body)
{
	struct repo_conf repo = {
		.name = (char *)(uintptr_t) "a/b",
		.kind = kind,
		.webhook_secret = (char *)(uintptr_t)secret,
		.signing_secret = (char *)(uintptr_t)signing,
	};
	struct forge_request r = request(headers, body);
	struct err e = { 0 };

	if (forge_verify(kind, &r, &repo, &e) == 0)
		return true;
	if (e.code != ERR_DENIED || !e.msg[0])
		printf("# refused, but not as ERR_DENIED: %s\n", e.msg);
	return false;
}

static void
hub_signatures(void)
{
	static const char *const good[] = { "x-hub-signature-256",
		"sha256=" HUB_SIG, NULL };
	static const struct {
		const char *name, *value, *what;
	} bad[] = {
		{ "X-Hub-Signature-256", HUB_SIG, "no sha256= before it" },
		{ "X-Hub-Signature-256", "sha256=", "an empty digest" },
		{ "X-Hub-Signature-256", "", "an empty header" },
		{ "X-Hub-Signature-256", "sha256=7571", "a short digest" },
		{ "X-Hub-Signature-256", "sha256=" HUB_SIG "00",
			"a long digest" },
		{ "X-Hub-Signature-256", "sha256= " HUB_SIG, "a blank" },
		{ "X-Hub-Signature", "sha1=" HUB_SIG, "the old header" },
		{ "X-Gitea-Signature", HUB_SIG, "another forge's header" },
		{ "X-Gitlab-Token", HUB_SECRET, "a token" },
	};
	char body[] = HUB_BODY;
	bool flipped = false;

	ok(verifies(FORGE_GITHUB, HUB_SECRET, NULL, good, HUB_BODY),
		"GitHub's documented signature verifies");
	for (size_t i = 0; i < sizeof(body) - 1; i++)
		for (int bit = 0; bit < 7; bit++) {
			body[i] ^= (char)(1 << bit);
			if (body[i])
				flipped |= verifies(FORGE_GITHUB, HUB_SECRET,
					NULL, good, body);
			body[i] ^= (char)(1 << bit);
		}
	ok(!flipped, "no body with one bit flipped verifies");
	ok(!verifies(FORGE_GITHUB, "other", NULL, good, HUB_BODY),
		"another secret does not verify");
	ok(!verifies(FORGE_GITHUB, NULL, NULL, good, HUB_BODY),
		"without a secret nothing verifies");
	ok(!verifies(FORGE_GITHUB, "", NULL, good, HUB_BODY),
		"with an empty secret nothing verifies");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const char *headers[] = { bad[i].name, bad[i].value, NULL };

		ok(!verifies(FORGE_GITHUB, HUB_SECRET, NULL, headers, HUB_BODY),
			"refused by GitHub's rule: %s", bad[i].what);
	}
}

static void
tea_signatures(void)
{
	static const char *const bare[] = { "X-Gitea-Signature", HUB_SIG,
		NULL };
	static const char *const prefixed[] = { "X-Hub-Signature-256",
		"sha256=" HUB_SIG, NULL };
	static const char *const empty[] = { "X-Gitea-Signature", "",
		"X-Hub-Signature-256", "sha256=", NULL };

	ok(verifies(FORGE_GITEA, HUB_SECRET, NULL, bare, HUB_BODY),
		"Gitea's bare hex verifies");
	ok(verifies(FORGE_GITEA, HUB_SECRET, NULL, prefixed, HUB_BODY),
		"Gitea's sha256= verifies");
	ok(!verifies(FORGE_GITEA, HUB_SECRET, NULL, empty, HUB_BODY),
		"Gitea's empty signatures are refused");
	ok(!verifies(FORGE_GITEA, "", NULL, empty, HUB_BODY),
		"also where the secret is empty");
}

#define STD_SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define STD_ID "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define STD_TIME "1614265330"
#define STD_SIG "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define STD_BODY "{\"test\": 2432232314}"

/* The request of the vector with one header changed (NULL: left out). */
static bool
std_with(const char *name, const char *value)
{
	const char *h[] = { "webhook-id", STD_ID, "webhook-timestamp", STD_TIME,
		"webhook-signature", STD_SIG, "X-Gitlab-Token", "plain", NULL };

	for (size_t i = 0; h[i]; i += 2)
		if (str_eq(h[i], name)) {
			h[i] = value ? name : "x-other";
			h[i + 1] = value;
		}
	return verifies(FORGE_GITLAB, "plain", STD_SECRET, h, STD_BODY);
}

static bool
std_at(int64_t now_s)
{
	static const char *const h[] = { "webhook-id", STD_ID,
		"webhook-timestamp", STD_TIME, "webhook-signature", STD_SIG,
		NULL };
	struct forge_request r = request(h, STD_BODY);
	struct repo_conf repo = {
		.name = (char *)(uintptr_t) "a/b",
		.kind = FORGE_GITLAB,
		.signing_secret = (char *)(uintptr_t)STD_SECRET,
	};
	struct err e;

	r.now_s = now_s;
	return forge_verify(FORGE_GITLAB, &r, &repo, &e) == 0;
}

static void
lab_signatures(void)
{
	static const char *const token[] = { "X-Gitlab-Token", "plain", NULL };
	static const char *const wrong[] = { "X-Gitlab-Token", "plain ", NULL };

	ok(verifies(FORGE_GITLAB, "plain", NULL, token, "{}"),
		"GitLab's token verifies");
	ok(!verifies(FORGE_GITLAB, "plain", NULL, wrong, "{}"),
		"a token with a blank more does not");
	ok(!verifies(FORGE_GITLAB, "plain", NULL, NULL, "{}"), "nor does none");
	ok(!verifies(FORGE_GITLAB, NULL, NULL, token, "{}"),
		"nor any where no secret is configured");
	ok(std_with("none", NULL), "the Standard Webhooks' vector verifies");
	ok(!verifies(FORGE_GITLAB, "plain", STD_SECRET, token, "{}"),
		"with a signing secret the plain token does not count");
	ok(!std_with("webhook-id", NULL), "the id is needed");
	ok(!std_with("webhook-id", "msg_other"), "the id is signed");
	ok(!std_with("webhook-id", "msg.p5"), "an id with a dot is refused");
	ok(!std_with("webhook-timestamp", NULL), "the time is needed");
	ok(!std_with("webhook-timestamp", "1614265331"), "the time is signed");
	ok(!std_with("webhook-timestamp", "now"), "the time is a number");
	ok(!std_with("webhook-signature", NULL), "the signature is needed");
	ok(!std_with("webhook-signature", "v1,"), "an empty one is refused");
	ok(!std_with("webhook-signature", "v1a" STD_SIG),
		"another version is no v1");
	ok(!std_with("webhook-signature", STD_SIG "A"),
		"more than base64 is refused");
	ok(std_with("webhook-signature", "v1a,AAAA v1,AAAA " STD_SIG),
		"one of several signatures is enough");
	ok(std_at(1614265330 + 300) && std_at(1614265330 - 300),
		"a clock five minutes off is accepted");
	ok(!std_at(1614265330 + 301), "a stale time is refused");
	ok(!std_at(1614265330 - 301), "a future time is refused");
}

/* ---- payloads ---- */

/* Parses; the caller releases.  On error why is in e. */
static int
parse(enum forge_kind kind, const char *event, const char *body,
	struct delivery *d, struct err *e)
{
	const char *const headers[] = { "X-GitHub-Event", event,
		"X-Gitea-Event", event, "X-GitHub-Delivery", "id-1",
		"X-Gitea-Delivery", "id-2", "Idempotency-Key", "id-3", NULL };
	struct forge_request r = request(headers, body);

	memset(d, 0, sizeof(*d));
	return forge_parse(kind, &r, d, e);
}

static void
ignored(enum forge_kind kind, const char *event, const char *body,
	const char *want, const char *what)
{
	struct delivery d;
	struct err e = { 0 };
	int rc = parse(kind, event, body, &d, &e);

	ok(rc == 0 && d.what == DELIVERY_IGNORED && d.why &&
			strstr(d.why, want),
		"%s", what);
	if (rc)
		printf("# %s\n", e.msg);
	else if (d.why && !strstr(d.why, want))
		printf("# %s\n", d.why);
	delivery_release(&d);
}

static void
refused(enum forge_kind kind, const char *event, const char *body,
	const char *want)
{
	struct delivery d;
	struct err e = { 0 };
	int rc = parse(kind, event, body, &d, &e);

	ok(rc < 0 && e.code == ERR_PERM && strstr(e.msg, want), "refused: %s",
		want);
	if (rc == 0 || !strstr(e.msg, want))
		printf("# %d '%s'\n", rc, e.msg);
	delivery_release(&d);
}

#define HUB_REPO "\"repository\":{\"full_name\":\"acme/widget\"}"
#define HUB_COMMIT(id, msg)                                                    \
	"\"head_commit\":{\"id\":\"" id "\",\"message\":\"" msg "\","          \
	"\"url\":\"https://github.com/c\",\"author\":{\"name\":\"An\"}}"
#define HUB_PUSH(ref, before, after, more)                                     \
	"{\"ref\":\"" ref "\",\"before\":\"" before "\",\"after\":\"" after    \
	"\",\"sender\":{\"login\":\"ann\"}," HUB_REPO more "}"
#define HUB_REQ(action, head_repo, more)                                       \
	"{\"action\":\"" action "\",\"number\":7,\"sender\":"                  \
	"{\"login\":\"bob\"}," HUB_REPO ","                                    \
	"\"pull_request\":{\"title\":\"T\",\"html_url\":"                      \
	"\"https://github.com/p/7\",\"user\":{\"login\":\"ann\"},"             \
	"\"head\":{\"ref\":\"topic\",\"sha\":\"" SHA_B                         \
	"\",\"repo\":" head_repo                                               \
	"},\"base\":{\"ref\":\"main\",\"sha\":\"" SHA_A "\","                  \
	"\"repo\":{\"id\":1}}}" more "}"

static void
hub_pushes(void)
{
	struct delivery d;
	struct err e = { 0 };

	ok(parse(FORGE_GITHUB, "push",
		   HUB_PUSH("refs/heads/main", SHA_A, SHA_B,
			   ",\"forced\":true," HUB_COMMIT(
				   SHA_B, "title\\n\\nbody")),
		   &d, &e) == 0 &&
			d.what == DELIVERY_PUSH,
		"a push is parsed");
	is_str(d.repository, "acme/widget", "its repository");
	is_str(d.id, "id-1", "its id");
	is_str(d.push.repository, "acme/widget", "the push has it too");
	is_str(d.push.delivery, "id-1", "and the id");
	is_str(d.push.event, "push", "the event");
	is_str(d.push.source, "github", "the source");
	is_str(d.push.ref, "refs/heads/main", "the ref");
	is_str(d.push.before, SHA_A, "the old commit");
	is_str(d.push.sha, SHA_B, "the commit");
	is_str(d.push.title, "title", "the title is the first line");
	is_str(d.push.author, "An", "the author");
	is_str(d.push.actor, "ann", "the account");
	is_str(d.push.link, "https://github.com/c", "the page");
	ok(d.push.forced && !d.push.fork, "forced, not from a fork");
	delivery_release(&d);
	ok(parse(FORGE_GITHUB, "push",
		   HUB_PUSH("refs/tags/v1", SHA_ZERO, SHA_A,
			   "," HUB_COMMIT(SHA_B, "t")),
		   &d, &e) == 0,
		"a pushed tag is parsed");
	is_str(d.push.sha, SHA_B,
		"of an annotated tag the commit is built, not the tag");
	delivery_release(&d);
	ok(parse(FORGE_GITHUB, "push",
		   HUB_PUSH("refs/heads/x", SHA_ZERO, SHA_A,
			   ",\"head_commit\":null,\"pusher\":null"),
		   &d, &e) == 0,
		"a push without a head commit is parsed");
	delivery_release(&d);
}

static void
hub_ignored(void)
{
	enum forge_kind k = FORGE_GITHUB;
	struct delivery d;
	struct err e = { 0 };

	ignored(k, "push", HUB_PUSH("refs/heads/x", SHA_A, SHA_ZERO, ""),
		"the branch was deleted", "a deleted branch starts nothing");
	ignored(k, "push", HUB_PUSH("refs/tags/x", SHA_A, SHA_ZERO, ""),
		"the tag was deleted", "a deleted tag starts nothing");
	ignored(k, "push", HUB_PUSH("refs/notes/x", SHA_A, SHA_B, ""),
		"refs/notes/x", "notes start nothing");
	ignored(k, "create", "{" HUB_REPO "}", "create",
		"create starts nothing");
	ignored(k, "issues", "{\"action\":\"opened\"}", "issues",
		"other events start nothing");
	ignored(k, "a\nb", "{}", "a b", "a reason is one line");
	ignored(k, "pull_request", HUB_REQ("closed", "{\"id\":1}", ""),
		"closed", "a closed request starts nothing");
	ok(parse(k, "ping", "{\"zen\":\"x\"}", &d, &e) == 0 &&
			d.what == DELIVERY_PING && !d.repository,
		"a ping may be of an organisation");
	delivery_release(&d);
}

#define SKIPS(msg)                                                             \
	HUB_PUSH("refs/heads/x", SHA_A, SHA_B, "," HUB_COMMIT(SHA_B, msg))

static void
hub_skips(void)
{
	static const char *const skip[] = {
		SKIPS("[skip ci] docs"),
		SKIPS("[CI skip] docs"),
		SKIPS("docs\\n\\nbody\\n\\nskip-checks: true"),
		SKIPS("docs\\n\\nSkip-Checks:true\\nSigned-off-by: x\\n\\n"),
		SKIPS("docs\\r\\n\\r\\nskip-checks: true\\r\\n"),
	};
	static const char *const run[] = {
		SKIPS("docs [skip ci]"),
		SKIPS("docs\\n\\n[skip ci]"),
		SKIPS("skip-checks: true"),
		SKIPS("docs\\nskip-checks: true"),
		SKIPS("docs\\n\\nskip-checks: true\\n\\nmore"),
		SKIPS("docs\\n\\nskip-checks: truely"),
		SKIPS("docs\\n\\nno skip-checks: true"),
		SKIPS(""),
	};

	for (size_t i = 0; i < ARRAY_LEN(skip); i++)
		ignored(FORGE_GITHUB, "push", skip[i], "asks for no run",
			"a marker that leads the title, or a trailer, skips");
	for (size_t i = 0; i < ARRAY_LEN(run); i++) {
		struct delivery d;
		struct err e;

		ok(parse(FORGE_GITHUB, "push", run[i], &d, &e) == 0 &&
				d.what == DELIVERY_PUSH,
			"a marker elsewhere does not skip (%zu)", i);
		delivery_release(&d);
	}
}

static void
hub_requests(void)
{
	static const struct {
		const char *body, *action;
		bool fork;
	} rows[] = {
		{ HUB_REQ("opened", "{\"id\":1}", ""), "opened", false },
		{ HUB_REQ("reopened", "{\"id\":1}", ""), "reopened", false },
		{ HUB_REQ("synchronize", "{\"id\":1}", ""), "synchronize",
			false },
		{ HUB_REQ("ready_for_review", "{\"id\":1}", ""),
			"ready_for_review", false },
		{ HUB_REQ("opened", "{\"id\":2}", ""), "opened", true },
		{ HUB_REQ("opened", "null", ""), "opened", true },
	};
	struct delivery d;
	struct err e = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ok(parse(FORGE_GITHUB, "pull_request", rows[i].body, &d, &e) ==
				0,
			"a pull request is parsed");
		ok(str_eq(d.push.event, "pull_request") &&
				str_eq(d.push.action, rows[i].action) &&
				str_eq(d.push.ref, "refs/pull/7/head") &&
				str_eq(d.push.sha, SHA_B) &&
				str_eq(d.push.base_sha, SHA_A) &&
				str_eq(d.push.base_ref, "main") &&
				str_eq(d.push.head_ref, "topic") &&
				str_eq(d.push.actor, "bob") &&
				str_eq(d.push.author, "ann") &&
				d.push.number == 7,
			"all of it is right");
		is_int(d.push.fork, rows[i].fork, "and whether it is a fork");
		delivery_release(&d);
	}
	ok(parse(FORGE_GITEA, "pull_request",
		   HUB_REQ("synchronized", "{\"id\":1}", ""), &d, &e) == 0 &&
			d.what == DELIVERY_PUSH,
		"Gitea's word for new commits is known");
	is_str(d.push.action, "synchronize", "and put as GitHub's");
	is_str(d.push.source, "gitea", "the source is gitea");
	is_str(d.id, "id-2", "the id is from Gitea's own header");
	delivery_release(&d);
	ignored(FORGE_GITEA, "pull_request",
		HUB_REQ("synchronize", "{\"id\":1}", ""), "synchronize",
		"GitHub's word is not Gitea's");
}

static void
hub_hostile(void)
{
	enum forge_kind k = FORGE_GITHUB;

	refused(k, "push", "", "the body is not JSON");
	refused(k, "push", "[]", "not a JSON object");
	refused(k, "push", "{\"ref\":1,\"ref\":2}", "not JSON");
	refused(k, "push", "{}", "\"repository.full_name\" is missing");
	refused(k, "push", "{\"repository\":7}", "\"repository\" is not an");
	refused(k, "push", "{\"repository\":{\"full_name\":7}}",
		"\"repository.full_name\" is not a string");
	refused(k, "push", "{\"repository\":{\"full_name\":\"a b\"}}",
		"\"repository.full_name\"");
	refused(k, "push", "{" HUB_REPO "}", "\"ref\" is missing");
	refused(k, "push", "{" HUB_REPO ",\"ref\":\"main\"}",
		"\"ref\" is not a ref");
	refused(k, "push", "{" HUB_REPO ",\"ref\":\"refs/heads/a..b\"}",
		"\"ref\" is not a ref");
	refused(k, "push", "{" HUB_REPO ",\"ref\":\"refs/heads/\\u0000\"}",
		"not JSON");
	refused(k, "push", HUB_PUSH("refs/heads/x", "", SHA_B, ""),
		"\"before\" is not a commit id");
	refused(k, "push", HUB_PUSH("refs/heads/x", SHA_A, "HEAD", ""),
		"\"after\" is not a commit id");
	refused(k, "push",
		HUB_PUSH("refs/heads/x", SHA_A,
			"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ""),
		"\"after\" is not a commit id");
	refused(k, "push",
		HUB_PUSH("refs/heads/x", SHA_A, SHA_B, ",\"forced\":\"yes\""),
		"\"forced\" is not true or false");
	refused(k, "push",
		HUB_PUSH(
			"refs/heads/x", SHA_A, SHA_B, ",\"head_commit\":\"x\""),
		"\"head_commit\" is not an object");
	refused(k, "push",
		HUB_PUSH("refs/heads/x", SHA_A, SHA_B,
			",\"head_commit\":{\"message\":[]}"),
		"\"head_commit.message\" is not a string");
	refused(k, "push",
		HUB_PUSH("refs/tags/x", SHA_A, SHA_B,
			",\"head_commit\":{\"id\":\"x\"}"),
		"\"head_commit.id\" is not a commit id");
	refused(k, "pull_request", "{" HUB_REPO "}", "\"action\" is missing");
	refused(k, "pull_request", "{" HUB_REPO ",\"action\":\"opened\"}",
		"\"number\" is missing");
	refused(k, "pull_request", HUB_REQ("opened", "{\"id\":\"1\"}", ""),
		"\"pull_request.head.repo.id\" is not a number");
	refused(k, "pull_request", HUB_REQ("opened", "{}", ""),
		"\"pull_request.head.repo.id\" is missing");
	refused(k, NULL, "{}", "X-GitHub-Event is missing");
	refused(FORGE_GITEA, NULL, "{}", "X-Gitea-Event is missing");
	refused(FORGE_LOCAL, "push", "{}", "sends no webhooks");
}

static void
envelope(void)
{
	static const char *const form[] = { "X-GitHub-Event", "push",
		"Content-Type", "application/x-www-form-urlencoded", NULL };
	char id[300];
	const char *headers[] = { "X-GitHub-Event", "ping", "X-GitHub-Delivery",
		id, NULL };
	struct forge_request r = request(form, "payload=%7B%7D");
	AUTO(buf_release) struct buf deep = BUF_INIT;
	struct delivery d = { 0 };
	struct err e;

	ok(forge_parse(FORGE_GITHUB, &r, &d, &e) < 0 &&
			strstr(e.msg, "application/json"),
		"a form is refused, saying what to set");
	memset(id, 'x', sizeof(id));
	id[250] = '\0';
	r = request(headers, "{}");
	ok(forge_parse(FORGE_GITHUB, &r, &d, &e) < 0 &&
			strstr(e.msg, "X-GitHub-Delivery"),
		"a long delivery id is refused");
	snprintf(id, sizeof(id), "a b");
	ok(forge_parse(FORGE_GITHUB, &r, &d, &e) < 0,
		"a delivery id with a blank is refused");
	for (int i = 0; i < 1000000; i++)
		buf_addc(&deep, '[');
	r = request(headers, deep.data);
	ok(forge_parse(FORGE_GITHUB, &r, &d, &e) < 0,
		"a million open brackets are refused");
	delivery_release(&d);
}

#define LAB_PROJECT "\"project\":{\"path_with_namespace\":\"g/s/app\"}"
#define LAB_PUSH(kind, ref, after, checkout, more)                             \
	"{\"object_kind\":\"" kind "\",\"ref\":\"" ref                         \
	"\",\"before\":\"" SHA_ZERO "\",\"after\":\"" after                    \
	"\",\"checkout_sha\":" checkout                                        \
	",\"user_username\":\"ann\"," LAB_PROJECT more "}"
#define LAB_COMMITS(msg)                                                       \
	",\"commits\":[{\"id\":\"" SHA_A "\",\"message\":\"old\"},"            \
	"{\"id\":\"" SHA_B "\",\"message\":\"" msg "\",\"url\":"               \
	"\"https://gitlab.com/c\",\"author\":{\"name\":\"An\"}}]"
#define LAB_REQ(action, source, more)                                          \
	"{\"object_kind\":\"merge_request\",\"user\":{\"username\":\"bob\"}"   \
	"," LAB_PROJECT ",\"object_attributes\":{\"action\":\"" action "\","   \
	"\"iid\":7,\"title\":\"T\",\"source_branch\":\"topic\","               \
	"\"target_branch\":\"main\",\"source_project_id\":" source ","         \
	"\"target_project_id\":1,\"url\":\"https://gitlab.com/7\","            \
	"\"last_commit\":{\"id\":\"" SHA_B "\",\"message\":\"m\"}" more "}}"

static void
lab_pushes(void)
{
	enum forge_kind k = FORGE_GITLAB;
	struct delivery d;
	struct err e = { 0 };

	ok(parse(k, NULL,
		   LAB_PUSH("push", "refs/heads/main", SHA_B, "\"" SHA_B "\"",
			   LAB_COMMITS("title\\nmore")),
		   &d, &e) == 0 &&
			d.what == DELIVERY_PUSH,
		"a push is parsed");
	is_str(d.repository, "g/s/app", "its project");
	is_str(d.id, "id-3", "its id is the idempotency key");
	ok(str_eq(d.push.sha, SHA_B) && str_eq(d.push.before, SHA_ZERO) &&
			str_eq(d.push.title, "title") &&
			str_eq(d.push.author, "An") &&
			str_eq(d.push.actor, "ann") &&
			str_eq(d.push.link, "https://gitlab.com/c"),
		"all of it is right");
	delivery_release(&d);
	ok(parse(k, NULL,
		   LAB_PUSH("tag_push", "refs/tags/v1", SHA_A, "\"" SHA_B "\"",
			   ""),
		   &d, &e) == 0,
		"a pushed tag is parsed");
	is_str(d.push.sha, SHA_B,
		"of an annotated tag the commit is built, not the tag");
	delivery_release(&d);
	ignored(k, NULL, LAB_PUSH("push", "refs/heads/x", SHA_ZERO, "null", ""),
		"the branch was deleted", "a deleted branch starts nothing");
	ignored(k, NULL,
		LAB_PUSH("tag_push", "refs/tags/x", SHA_ZERO, "null", ""),
		"the tag was deleted", "a deleted tag starts nothing");
	ignored(k, NULL, LAB_PUSH("push", "refs/heads/x", SHA_A, "null", ""),
		"no commit", "a push without a commit starts nothing");
	ignored(k, NULL,
		LAB_PUSH("push", "refs/heads/x", SHA_B, "\"" SHA_B "\"",
			",\"push_options\":{\"ci\":{\"skip\":true}}"),
		"ci.skip", "the push option is honoured");
	ignored(k, NULL,
		LAB_PUSH("push", "refs/heads/x", SHA_B, "\"" SHA_B "\"",
			LAB_COMMITS("[ci skip] x")),
		"asks for no run", "the commit's marker is honoured");
	ignored(k, NULL, "{\"object_kind\":\"pipeline\"," LAB_PROJECT "}",
		"pipeline", "other events start nothing");
	refused(k, NULL, "{}", "\"object_kind\" is missing");
	refused(k, NULL, "{\"object_kind\":\"push\"}",
		"\"project.path_with_namespace\" is missing");
	refused(k, NULL, LAB_PUSH("push", "refs/heads/x", SHA_A, "\"x\"", ""),
		"\"checkout_sha\" is not a commit id");
	refused(k, NULL,
		LAB_PUSH("push", "refs/heads/x", SHA_A, "\"" SHA_A "\"",
			",\"commits\":{}"),
		"\"commits\" is not an array");
}

static void
lab_requests(void)
{
	static const struct {
		const char *body, *action, *before;
		bool fork;
	} rows[] = {
		{ LAB_REQ("open", "1", ""), "opened", SHA_ZERO, false },
		{ LAB_REQ("reopen", "1", ""), "reopened", SHA_ZERO, false },
		{ LAB_REQ("update", "1", ",\"oldrev\":\"" SHA_A "\""),
			"synchronize", SHA_A, false },
		{ LAB_REQ("open", "2", ""), "opened", SHA_ZERO, true },
		{ LAB_REQ("open", "null", ""), "opened", SHA_ZERO, true },
	};
	struct err e = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct delivery d;

		ok(parse(FORGE_GITLAB, NULL, rows[i].body, &d, &e) == 0,
			"a merge request is parsed");
		ok(str_eq(d.push.event, "pull_request") &&
				str_eq(d.push.action, rows[i].action) &&
				str_eq(d.push.before, rows[i].before) &&
				str_eq(d.push.ref,
					"refs/merge-requests/7/head") &&
				str_eq(d.push.sha, SHA_B) &&
				str_eq(d.push.head_ref, "topic") &&
				str_eq(d.push.base_ref, "main") &&
				str_eq(d.push.actor, "bob") &&
				d.push.number == 7,
			"all of it is right");
		is_int(d.push.fork, rows[i].fork, "and whether it is a fork");
		delivery_release(&d);
	}
	ignored(FORGE_GITLAB, NULL, LAB_REQ("update", "1", ""),
		"without new commits", "a changed title starts nothing");
	ignored(FORGE_GITLAB, NULL, LAB_REQ("merge", "1", ""), "merge",
		"a merged request starts nothing");
	refused(FORGE_GITLAB, NULL, LAB_REQ("open", "\"1\"", ""),
		"source_project_id\" is not a number");
}

/* Payloads that Debian ships with a client of GitLab. */
#define LAB_DATA "/usr/share/gocode/src/github.com/xanzy/go-gitlab/testdata/"

static int
parse_file(
	const char *folder, const char *name, struct delivery *d, struct err *e)
{
	AUTO(freep) char *path = xasprintf("%s/%s", folder, name);
	AUTO(buf_release) struct buf b = BUF_INIT;
	FILE *f = fopen(path, "r");
	size_t n;

	if (!f)
		return err_sys(e, "open '%s'", path);
	while ((n = fread(buf_room(&b, 4096), 1, 4096, f)) > 0)
		buf_grown(&b, n);
	fclose(f);
	return parse(FORGE_GITLAB, NULL, b.data, d, e);
}

static void
lab_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *de;

	if (!dir) {
		skip("golang-github-xanzy-go-gitlab-dev is not installed",
			"a client's payloads are parsed");
		return;
	}
	while ((de = readdir(dir))) {
		struct delivery d;
		struct err e = { 0 };
		int rc;

		if (!str_ends(de->d_name, ".json"))
			continue;
		rc = parse_file(folder, de->d_name, &d, &e);
		ok(rc == 0, "%s is parsed: %s", de->d_name,
			rc      ? e.msg
			: d.why ? d.why
				: "it starts a run");
		delivery_release(&d);
	}
	closedir(dir);
}

static void
lab_real(void)
{
	struct delivery d;
	struct err e = { 0 };

	lab_folder(LAB_DATA "webhooks");
	lab_folder(LAB_DATA "systemhooks");
	if (parse_file(LAB_DATA "webhooks", "push.json", &d, &e) < 0) {
		skip("golang-github-xanzy-go-gitlab-dev is not installed",
			"a client's push is right");
		return;
	}
	ok(d.what == DELIVERY_PUSH && str_eq(d.repository, "mike/diaspora") &&
			str_eq(d.push.ref, "refs/heads/master") &&
			str_eq(d.push.sha, "da1560886d4f094c3e6c9ef40349f7d38b"
					   "5d27d7") &&
			str_eq(d.push.title, "fixed readme") &&
			str_eq(d.push.actor, "jsmith"),
		"a client's push is right");
	delivery_release(&d);
}

/* ---- statuses ---- */

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
			"via :run from :running\"}",
			NULL, NULL, STATUS_OK, 0, "",
			"GitLab holds that state already: done" },
		{ FORGE_GITHUB, 400,
			"{\"message\":\"Cannot transition status "
			"via :run from :running\"}",
			NULL, NULL, STATUS_DEAD, 0, "refused",
			"only GitLab says so" },
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
	hub_signatures();
	tea_signatures();
	lab_signatures();
	hub_pushes();
	hub_ignored();
	hub_skips();
	hub_requests();
	hub_hostile();
	envelope();
	lab_pushes();
	lab_requests();
	lab_real();
	status_requests();
	status_limits();
	status_words();
	verdicts();
	return tap_done();
}
