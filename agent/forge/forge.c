/* SPDX-License-Identifier: MIT */
/*
 * The table of forges, and what verifying and parsing have in common.  A
 * new forge is a row here and a file with its payloads.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/enc.h"
#include "base/json.h"
#include "forge/forge.h"
#include "forge/kind.h"

#include <strings.h>

#define DELIVERY_ID_MAX 200

static const struct forge_row rows[] = {
	{
		.kind = FORGE_GITHUB,
		.verify = github_verify,
		.parse = github_parse,
		.id_headers = { "X-GitHub-Delivery" },
		.status_path = status_path_github,
		.auth = "Authorization: Bearer ",
		.accept = "application/vnd.github+json",
		.status_body = status_body_github,
	},
	{
		.kind = FORGE_GITLAB,
		.verify = gitlab_verify,
		.parse = gitlab_parse,
		/* not X-Gitlab-Event-UUID: different hooks share it */
		.id_headers = { "Idempotency-Key", "webhook-id" },
		.status_path = status_path_gitlab,
		.auth = "PRIVATE-TOKEN: ",
		.accept = "application/json",
		.status_body = status_body_gitlab,
	},
	{
		.kind = FORGE_GITEA,
		.verify = gitea_verify,
		.parse = gitea_parse,
		.id_headers = { "X-Forgejo-Delivery", "X-Gitea-Delivery",
			"X-Gogs-Delivery", "X-GitHub-Delivery" },
		.status_path = status_path_github,
		.auth = "Authorization: token ",
		.accept = "application/json",
		.status_body = status_body_github,
	},
};

const struct forge_row *
forge_row(enum forge_kind kind)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].kind == kind)
			return &rows[i];
	return NULL;
}

int
forge_verify(enum forge_kind kind, const struct forge_request *r,
	const struct repo_conf *repo, struct err *e)
{
	const struct forge_row *row = forge_row(kind);

	if (!row || repo->kind != kind)
		return err_set(e, ERR_DENIED,
			"the repository \"%s\" is not of "
			"that forge",
			repo->name);
	if (row->verify(r, repo, e) < 0)
		return err_wrap(e, "%s", repo->name);
	return 0;
}

void
delivery_release(struct delivery *d)
{
	free(d->repository);
	free(d->id);
	free(d->why);
	push_release(&d->push);
	memset(d, 0, sizeof(*d));
}

int
delivery_ignore(struct delivery *d, const char *fmt, ...)
{
	AUTO(buf_release) struct buf clean = BUF_INIT;
	AUTO(freep) char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	utf8_addcut(&clean, text, ERR_MAX);
	d->what = DELIVERY_IGNORED;
	free(d->why);
	d->why = buf_take(&clean);
	return 0;
}

bool
delivery_ref_ignored(struct delivery *d, const char *sha)
{
	const char *ref = d->push.ref;
	bool tag = ref_is_tag(ref);

	if (!tag && !ref_is_branch(ref))
		return !delivery_ignore(d,
			"only branches and tags start runs, "
			"not \"%s\"",
			ref);
	if (!sha || sha_is_zero(sha))
		return !delivery_ignore(
			d, "the %s was deleted", tag ? "tag" : "branch");
	return false;
}

/* "skip-checks: true", as git writes and reads trailers. */
static bool
is_skip_trailer(const char *line, size_t n)
{
	static const char key[] = "skip-checks:";
	size_t at = sizeof(key) - 1;

	if (n < at || strncasecmp(line, key, at) != 0)
		return false;
	while (at < n && line[at] == ' ')
		at++;
	while (n > at && (line[n - 1] == ' ' || line[n - 1] == '\r'))
		n--;
	return n - at == 4 && !strncasecmp(line + at, "true", 4);
}

/* Trailers are the lines after the last empty one. */
static bool
has_skip_trailer(const char *message)
{
	const char *last = strchr(message, '\n');
	bool found = false, after_blank = false;

	while (last && *++last) {
		size_t n = strcspn(last, "\n");
		bool blank = !n || (n == 1 && *last == '\r');

		if (blank) {
			after_blank = true;
			/* blank lines at the end end nothing */
			found = found && !last[strspn(last, "\r\n")];
		} else if (after_blank) {
			found |= is_skip_trailer(last, n);
		}
		last = last[n] ? last + n : NULL;
	}
	return found;
}

bool
message_asks_skip(const char *message)
{
	static const char *const marks[] = { "[skip ci]", "[ci skip]" };

	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (!strncasecmp(message, marks[i], strlen(marks[i])))
			return true;
	return has_skip_trailer(message);
}

/* The id is outside the signature: it is a key, so it is bounded. */
static int
read_id(const struct forge_row *row, const struct forge_request *r,
	struct delivery *d, struct err *e)
{
	const char *id = NULL, *name = NULL;
	size_t n;

	for (size_t i = 0; !id && i < ARRAY_LEN(row->id_headers); i++) {
		name = row->id_headers[i];
		if (name)
			id = r->header(name, r->arg);
	}
	if (!id || !*id)
		return 0;
	n = strlen(id);
	for (size_t i = 0; i < n; i++)
		if (id[i] <= ' ' || id[i] >= 0x7f || n > DELIVERY_ID_MAX)
			return err_set(e, ERR_PERM,
				"the header %s is longer "
				"than %d bytes or has blanks",
				name, DELIVERY_ID_MAX);
	d->id = xstrdup(id);
	return 0;
}

static int
parse_body(const struct forge_request *r, json_t **ret, struct err *e)
{
	const char *type = r->header("Content-Type", r->arg);

	if (type && !strncasecmp(type, "application/x-www-form-urlencoded",
			    strlen("application/x-www-form-urlencoded")))
		return err_set(e, ERR_PERM,
			"the body is a form; set the "
			"webhook's content type to application/json");
	*ret = json_parse(r->body, r->len, e);
	if (!*ret)
		return err_wrap(e, "the body is not JSON");
	if (!json_is_object(*ret))
		return err_set(e, ERR_PERM, "the body is not a JSON object");
	return 0;
}

static void
fill_push(struct delivery *d)
{
	if (d->what != DELIVERY_PUSH)
		return;
	d->push.repository = xstrdup(d->repository);
	d->push.delivery = d->id ? xstrdup(d->id) : NULL;
}

int
forge_parse(enum forge_kind kind, const struct forge_request *r,
	struct delivery *ret, struct err *e)
{
	const struct forge_row *row = forge_row(kind);
	struct delivery d = { .what = DELIVERY_IGNORED };
	json_t *root = NULL;
	int rc;

	if (!row)
		return err_set(e, ERR_PERM, "that forge sends no webhooks");
	rc = parse_body(r, &root, e);
	if (!rc)
		rc = read_id(row, r, &d, e);
	if (!rc)
		rc = row->parse(r, root, &d, e);
	json_decref(root);
	if (rc < 0) {
		delivery_release(&d);
		return -1;
	}
	fill_push(&d);
	*ret = d;
	return 0;
}
