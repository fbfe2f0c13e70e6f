/* SPDX-License-Identifier: MIT */
/* GitLab's payloads: made by hand, and those that Debian has. */
#include "base/base.h"
#include "base/buf.h"
#include "forge/forge.h"

#include "forge_request.h"

#include <dirent.h>

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
			",\"push_options\":{\"ci\":{\"skip\":\"1\"}}"),
		"ci.skip", "with any value");
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

int
main(void)
{
	lab_pushes();
	lab_requests();
	lab_real();
	return tap_done();
}
