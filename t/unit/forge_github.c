/* SPDX-License-Identifier: MIT */
/* Payloads in GitHub's shape, good and hostile; Gitea's differences. */
#include "base/base.h"
#include "base/buf.h"
#include "forge/forge.h"

#include "forge_request.h"

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

int
main(void)
{
	hub_pushes();
	hub_ignored();
	hub_skips();
	hub_requests();
	hub_hostile();
	envelope();
	return tap_done();
}
