/* SPDX-License-Identifier: MIT */
/* See push.h. */
#include "base/base.h"
#include "base/enc.h"
#include "model/push.h"

#include <ctype.h>

#define REF_MAX 1000
#define TEXT_MAX 4096

static const struct {
	const char *name;
	size_t offset;
} strings[] = {
	{ "repository", offsetof(struct push, repository) },
	{ "event", offsetof(struct push, event) },
	{ "action", offsetof(struct push, action) },
	{ "ref", offsetof(struct push, ref) },
	{ "before", offsetof(struct push, before) },
	{ "sha", offsetof(struct push, sha) },
	{ "base_ref", offsetof(struct push, base_ref) },
	{ "base_sha", offsetof(struct push, base_sha) },
	{ "head_ref", offsetof(struct push, head_ref) },
	{ "title", offsetof(struct push, title) },
	{ "author", offsetof(struct push, author) },
	{ "actor", offsetof(struct push, actor) },
	{ "link", offsetof(struct push, link) },
	{ "delivery", offsetof(struct push, delivery) },
	{ "source", offsetof(struct push, source) },
	{ "objects", offsetof(struct push, objects) },
	{ "file", offsetof(struct push, file) },
	{ "rev", offsetof(struct push, rev) },
};

static const struct {
	const char *name;
	size_t offset;
} flags[] = {
	{ "forced", offsetof(struct push, forced) },
	{ "fork", offsetof(struct push, fork) },
	{ "snapshot", offsetof(struct push, snapshot) },
	{ "dirty", offsetof(struct push, dirty) },
};

static char **
string_at(const struct push *p, size_t i)
{
	return (char **)(uintptr_t)((const char *)p + strings[i].offset);
}

static bool *
flag_at(const struct push *p, size_t i)
{
	return (bool *)(uintptr_t)((const char *)p + flags[i].offset);
}

void
push_release(struct push *p)
{
	for (size_t i = 0; i < ARRAY_LEN(strings); i++)
		free(*string_at(p, i));
	memset(p, 0, sizeof(*p));
}

void
push_copy(struct push *to, const struct push *from)
{
	*to = *from;
	for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
		char **s = string_at(to, i);

		*s = *s ? xstrdup(*s) : NULL;
	}
}

json_t *
push_to_json(const struct push *p)
{
	json_t *o = json_object();

	for (size_t i = 0; i < ARRAY_LEN(strings); i++)
		jset_str(o, strings[i].name, *string_at(p, i));
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (*flag_at(p, i))
			json_object_set_new(o, flags[i].name, json_true());
	if (p->number)
		jset_int(o, "number", p->number);
	return o;
}

static int
check(const struct push *p, struct err *e)
{
	const char *const shas[] = { p->sha, p->before, p->base_sha };

	if (!p->repository || !*p->repository)
		return err_set(e, ERR_PERM, "the push has no repository");
	if (!p->event || !*p->event)
		return err_set(e, ERR_PERM, "the push has no event");
	if (!p->sha)
		return err_set(e, ERR_PERM, "the push has no sha");
	for (size_t i = 0; i < ARRAY_LEN(shas); i++)
		if (shas[i] && !sha_is_valid(shas[i]))
			return err_set(e, ERR_PERM,
				"'%.60s' is not a commit id of 40 hex digits",
				shas[i]);
	if (p->ref && !ref_is_valid(p->ref))
		return err_set(
			e, ERR_PERM, "'%.80s' is not a valid ref", p->ref);
	return 0;
}

int
push_from_json(struct push *ret, const json_t *o, struct err *e)
{
	AUTO(push_release) struct push p = { 0 };

	if (!json_is_object(o))
		return err_set(e, ERR_PERM, "the push is not an object");
	for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
		json_t *v = json_object_get(o, strings[i].name);

		if (!v || json_is_null(v))
			continue;
		if (!json_is_string(v) || json_string_length(v) > TEXT_MAX)
			return err_set(e, ERR_PERM,
				"the push's \"%s\" is not a short text",
				strings[i].name);
		*string_at(&p, i) = xstrdup(json_string_value(v));
	}
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		*flag_at(&p, i) = jget_bool(o, flags[i].name, false);
	p.number = jget_int(o, "number", 0);
	if (check(&p, e) < 0)
		return -1;
	*ret = p;
	memset(&p, 0, sizeof(p));
	return 0;
}

const char *
ref_short(const char *ref)
{
	if (!ref)
		return "";
	if (ref_is_branch(ref))
		return ref + strlen("refs/heads/");
	if (ref_is_tag(ref))
		return ref + strlen("refs/tags/");
	return ref;
}

bool
ref_is_branch(const char *ref)
{
	return ref && str_starts(ref, "refs/heads/");
}

bool
ref_is_tag(const char *ref)
{
	return ref && str_starts(ref, "refs/tags/");
}

bool
sha_is_valid(const char *s)
{
	if (!s || strlen(s) != SHA_HEX)
		return false;
	for (; *s; s++)
		if (!strchr("0123456789abcdef", *s))
			return false;
	return true;
}

bool
sha_is_zero(const char *s)
{
	return str_eq(s, SHA_ZERO);
}

/* One part between slashes. */
static bool
part_is_valid(const char *s, size_t n)
{
	static const char lock[] = ".lock";

	if (!n || s[0] == '.')
		return false;
	return n < sizeof(lock) - 1 ||
	       memcmp(s + n - sizeof(lock) + 1, lock, sizeof(lock) - 1) != 0;
}

bool
ref_is_valid(const char *ref)
{
	size_t n = strlen(ref), at = 0;

	if (!str_starts(ref, "refs/") || n > REF_MAX || ref[n - 1] == '/' ||
		ref[n - 1] == '.' || !utf8_valid(ref, n))
		return false;
	if (strstr(ref, "..") || strstr(ref, "@{") || strstr(ref, "//"))
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)ref[i];

		if (c <= 0x20 || c == 0x7f || strchr("~^:?*[\\", c))
			return false;
	}
	while (at < n) {
		size_t len = strcspn(ref + at, "/");

		if (!part_is_valid(ref + at, len))
			return false;
		at += len + 1;
	}
	return true;
}
