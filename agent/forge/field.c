/* SPDX-License-Identifier: MIT */
/* See field.h.  Knows nothing of any forge. */
#include "base/base.h"
#include "base/buf.h"
#include "base/enc.h"
#include "forge/field.h"
#include "model/push.h"

int
field_any(
	const json_t *root, const char *path, const json_t **ret, struct err *e)
{
	const json_t *at = root;
	const char *part = path;

	*ret = NULL;
	while (at && !json_is_null(at)) {
		size_t n = strcspn(part, ".");
		AUTO(freep) char *key = xstrndup(part, n);

		if (!json_is_object(at))
			return err_set(e, ERR_PERM, "\"%.*s\" is not an object",
				(int)MAX(part - path - 1, 0), path);
		at = json_object_get(at, key);
		if (!part[n]) {
			*ret = json_is_null(at) ? NULL : at;
			return 0;
		}
		part += n + 1;
	}
	return 0;
}

int
field_str(const json_t *root, const char *path, const char **ret, struct err *e)
{
	const json_t *v;

	if (field_any(root, path, &v, e) < 0)
		return -1;
	if (v && !json_is_string(v))
		return err_set(e, ERR_PERM, "\"%s\" is not a string", path);
	if (v)
		*ret = json_string_value(v);
	return 0;
}

static int
required(const json_t *root, const char *path, const char **ret, struct err *e)
{
	*ret = NULL;
	if (field_str(root, path, ret, e) < 0)
		return -1;
	if (!*ret)
		return err_set(e, ERR_PERM, "\"%s\" is missing", path);
	return 0;
}

static bool
name_is_valid(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f)
			return false;
	return n && n <= FIELD_NAME_MAX;
}

int
field_name(const json_t *root, const char *path, char **ret, struct err *e)
{
	const char *s;

	if (required(root, path, &s, e) < 0)
		return -1;
	if (!name_is_valid(s))
		return err_set(e, ERR_PERM,
			"\"%s\" is empty, longer than %d "
			"bytes, or has blanks",
			path, FIELD_NAME_MAX);
	free(*ret);
	*ret = xstrdup(s);
	return 0;
}

int
field_sha(const json_t *root, const char *path, char **ret, struct err *e)
{
	const char *s;

	if (required(root, path, &s, e) < 0)
		return -1;
	if (!sha_is_valid(s))
		return err_set(e, ERR_PERM,
			"\"%s\" is not a commit id of %d "
			"lower-case hex digits",
			path, SHA_HEX);
	free(*ret);
	*ret = xstrdup(s);
	return 0;
}

int
field_ref(const json_t *root, const char *path, char **ret, struct err *e)
{
	const char *s;

	if (required(root, path, &s, e) < 0)
		return -1;
	if (!ref_is_valid(s) || !str_starts(s, "refs/"))
		return err_set(e, ERR_PERM, "\"%s\" is not a ref", path);
	free(*ret);
	*ret = xstrdup(s);
	return 0;
}

int
field_branch(const json_t *root, const char *path, char **ret, struct err *e)
{
	AUTO(freep) char *ref = NULL;
	const char *s;

	if (required(root, path, &s, e) < 0)
		return -1;
	ref = xasprintf("refs/heads/%s", s);
	if (!ref_is_valid(ref))
		return err_set(e, ERR_PERM, "\"%s\" is not a branch", path);
	free(*ret);
	*ret = xstrdup(s);
	return 0;
}

int
field_int(const json_t *root, const char *path, int64_t *ret, struct err *e)
{
	const json_t *v;

	if (field_any(root, path, &v, e) < 0)
		return -1;
	if (!v)
		return err_set(e, ERR_PERM, "\"%s\" is missing", path);
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return err_set(e, ERR_PERM, "\"%s\" is not a number", path);
	*ret = json_integer_value(v);
	return 0;
}

int
field_bool(const json_t *root, const char *path, bool *ret, struct err *e)
{
	const json_t *v;

	if (field_any(root, path, &v, e) < 0)
		return -1;
	if (v && !json_is_boolean(v))
		return err_set(
			e, ERR_PERM, "\"%s\" is not true or false", path);
	if (v)
		*ret = json_is_true(v);
	return 0;
}

int
field_text(const json_t *root, const char *path, char **ret, struct err *e)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	AUTO(freep) char *line = NULL;
	const char *s = NULL;

	if (field_str(root, path, &s, e) < 0)
		return -1;
	if (!s)
		return 0;
	line = xstrndup(s, strcspn(s, "\r\n"));
	utf8_addcut(&b, line, FIELD_TEXT_MAX);
	free(*ret);
	*ret = buf_take(&b);
	return 0;
}

bool
link_is_valid(const char *s, size_t max)
{
	size_t n = strlen(s);
	const char *host;

	if (n > max)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f)
			return false;
	if (str_starts(s, "https://"))
		host = s + strlen("https://");
	else if (str_starts(s, "http://"))
		host = s + strlen("http://");
	else
		return false;
	return *host && *host != '/' && *host != ':';
}

int
field_link(const json_t *root, const char *path, char **ret, struct err *e)
{
	const char *s = NULL;

	if (field_str(root, path, &s, e) < 0)
		return -1;
	if (!s || !link_is_valid(s, FIELD_LINK_MAX))
		return 0;
	free(*ret);
	*ret = xstrdup(s);
	return 0;
}
