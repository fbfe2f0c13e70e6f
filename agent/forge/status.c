/* SPDX-License-Identifier: MIT */
/*
 * Builds the request that sets a commit's status.  Sources:
 * docs.github.com "REST API endpoints for commit statuses"; docs.gitlab.com
 * "Commits API", "Set commit pipeline status"; Gitea's API page,
 * "repoCreateStatus".  Sending is post.c's, judging the answer verdict.c's.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/enc.h"
#include "base/json.h"
#include "forge/field.h"
#include "forge/forge.h"
#include "forge/kind.h"

#define DESCRIPTION_MAX_CHARS 140 /* GitHub's limit, the smallest */
#define TARGET_URL_MAX 255        /* GitLab's limit */
#define CONTEXT_MAX_CHARS 100
#define GITLAB_REF_MAX 255
#define GITHUB_API_VERSION "2022-11-28"

/* clang-format off */
static const struct {
	const char *state, *github, *gitlab, *gitea;
} words[] = {
	{ "received",   "pending", "pending",  "pending" },
	{ "planning",   "pending", "pending",  "pending" },
	{ "queued",     "pending", "pending",  "pending" },
	{ "waiting",    "pending", "pending",  "pending" },
	{ "running",    "pending", "running",  "pending" },
	{ "blocked",    "error",   "failed",   "error"   },
	{ "passed",     "success", "success",  "success" },
	/* "skipped" is known to newer GitLab and Gitea only */
	{ "skipped",    "success", "success",  "success" },
	{ "failed",     "failure", "failed",   "failure" },
	{ "error",      "error",   "failed",   "error"   },
	{ "canceled",   "error",   "canceled", "error"   },
	{ "superseded", "error",   "canceled", "error"   },
};
/* clang-format on */

const char *
status_word(enum forge_kind kind, const char *state)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!str_eq(words[i].state, state))
			continue;
		if (kind == FORGE_GITLAB)
			return words[i].gitlab;
		return kind == FORGE_GITEA ? words[i].gitea : words[i].github;
	}
	return NULL;
}

int
status_path_github(const struct status *s, struct buf *out, struct err *e)
{
	const char *slash = strchr(s->repository, '/');
	AUTO(freep) char *owner = NULL;

	if (!slash || slash == s->repository || !slash[1] ||
		strchr(slash + 1, '/'))
		return err_set(e, ERR_PERM,
			"\"%s\" is not a repository's full "
			"name, owner/name",
			s->repository);
	owner = xstrndup(s->repository, (size_t)(slash - s->repository));
	buf_addz(out, "/repos/");
	percent_put(out, owner);
	buf_addc(out, '/');
	percent_put(out, slash + 1);
	buf_addf(out, "/statuses/%s", s->sha);
	return 0;
}

int
status_path_gitlab(
	const struct status *s, struct buf *out, struct err *e UNUSED)
{
	buf_addz(out, "/projects/");
	percent_put(out, s->repository);
	buf_addf(out, "/statuses/%s", s->sha);
	return 0;
}

static void
put_cut(struct json_out *o, const char *key, const char *text, size_t max)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	utf8_addcut_chars(&b, text, max);
	jout_str(o, key, b.data);
}

void
status_body_github(const struct status *s, struct json_out *o)
{
	put_cut(o, "context", s->context, CONTEXT_MAX_CHARS);
}

/* Without ref GitLab guesses a branch that holds the commit.  The head of a
 * merge request is neither branch nor tag for it. */
void
status_body_gitlab(const struct status *s, struct json_out *o)
{
	put_cut(o, "name", s->context, CONTEXT_MAX_CHARS);
	if (s->ref && (ref_is_branch(s->ref) || ref_is_tag(s->ref)) &&
		strlen(ref_short(s->ref)) <= GITLAB_REF_MAX)
		jout_str(o, "ref", ref_short(s->ref));
}

void
status_request_release(struct status_request *r)
{
	free(r->url);
	strv_release(&r->headers);
	free(r->auth);
	free(r->body);
	memset(r, 0, sizeof(*r));
}

static void
put_headers(
	enum forge_kind kind, const struct forge_row *row, struct strv *headers)
{
	strv_addf(headers, "Accept: %s", row->accept);
	strv_add(headers, "Content-Type: application/json");
	strv_add(headers, "User-Agent: tellus/" PACKAGE_VERSION);
	if (kind == FORGE_GITHUB)
		strv_add(headers, "X-GitHub-Api-Version: " GITHUB_API_VERSION);
}

static void
put_body(const struct forge_row *row, const struct status *s, const char *word,
	struct buf *out)
{
	struct json_out o;

	jout_start(&o, out);
	jout_obj(&o, NULL);
	jout_str(&o, "state", word);
	row->status_body(s, &o);
	if (s->description && *s->description)
		put_cut(&o, "description", s->description,
			DESCRIPTION_MAX_CHARS);
	if (s->target_url && link_is_valid(s->target_url, TARGET_URL_MAX) &&
		utf8_valid(s->target_url, strlen(s->target_url)))
		jout_str(&o, "target_url", s->target_url);
	jout_end(&o);
}

/* A header line ends at a control character: none may be in the token. */
static bool
token_is_good(const char *token)
{
	for (; *token; token++)
		if ((unsigned char)*token < ' ' || *token == 0x7f)
			return false;
	return true;
}

int
forge_status(const struct repo_conf *repo, const struct status *s,
	struct status_request *ret, struct err *e)
{
	const struct forge_row *row = forge_row(repo->kind);
	const char *word = row ? status_word(repo->kind, s->state) : NULL;
	AUTO(buf_release) struct buf url = BUF_INIT;
	AUTO(buf_release) struct buf body = BUF_INIT;

	if (!row || !repo->api)
		return err_set(e, ERR_PERM,
			"the repository \"%s\" has no "
			"forge to tell",
			repo->name);
	if (!repo->token || !*repo->token || !token_is_good(repo->token))
		return err_set(e, ERR_PERM,
			"the repository \"%s\" has no "
			"usable token; set its token-file",
			repo->name);
	if (!word)
		return err_set(
			e, ERR_PERM, "\"%s\" is no state of a run", s->state);
	if (!s->sha || !sha_is_valid(s->sha) || sha_is_zero(s->sha))
		return err_set(e, ERR_PERM, "\"%.60s\" is not a commit",
			s->sha ? s->sha : "");
	buf_addz(&url, repo->api);
	if (row->status_path(s, &url, e) < 0)
		return -1;
	put_body(row, s, word, &body);
	memset(ret, 0, sizeof(*ret));
	ret->url = buf_take(&url);
	ret->body = buf_take(&body);
	ret->auth = xasprintf("%s%s", row->auth, repo->token);
	put_headers(repo->kind, row, &ret->headers);
	return 0;
}
