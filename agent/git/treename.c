/* SPDX-License-Identifier: MIT */
/*
 * See treename.h.  A step may be run where its files are copied on to
 * another system, and git inside the box trusts what is called ".git": so
 * its spellings on case-folding, HFS+ and NTFS systems are refused too.
 */
#include "base/base.h"
#include "git/treename.h"
#include "base/enc.h"

#include <ctype.h>

#define ID_LEN 20
#define MODE_DIGITS_MAX 7

static enum entry_kind
kind_of(unsigned int mode)
{
	switch (mode) {
	case 0100644:
	case 0100664:
		return ENTRY_FILE;
	case 0100755:
		return ENTRY_EXEC;
	case 0120000:
		return ENTRY_LINK;
	case 0040000:
		return ENTRY_DIR;
	case 0160000:
		return ENTRY_SUBMODULE;
	default:
		return ENTRY_BAD;
	}
}

int
entry_next(const char **at, const char *end, struct entry *ret)
{
	const char *p = *at;
	const char *nul;
	unsigned int mode = 0;

	if (p == end)
		return 0;
	for (; p < end && *p != ' '; p++) {
		if (*p < '0' || *p > '7' || p - *at >= MODE_DIGITS_MAX)
			return -1;
		mode = mode * 8 + (unsigned int)(*p - '0');
	}
	if (p == end || p == *at)
		return -1;
	p++;
	nul = memchr(p, '\0', (size_t)(end - p));
	if (!nul || end - nul < 1 + ID_LEN)
		return -1;
	ret->mode = mode;
	ret->kind = kind_of(mode);
	ret->name = p;
	ret->len = (size_t)(nul - p);
	memcpy(ret->id.id, nul + 1, ID_LEN);
	*at = nul + 1 + ID_LEN;
	return 1;
}

/* Code points that HFS+ leaves out when it compares names. */
static bool
hfs_ignores(const char *s, size_t n)
{
	static const char *const list[] = { "\xe2\x80\x8c", "\xe2\x80\x8d",
		"\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xaa", "\xe2\x80\xab",
		"\xe2\x80\xac", "\xe2\x80\xad", "\xe2\x80\xae", "\xe2\x81\xaa",
		"\xe2\x81\xab", "\xe2\x81\xac", "\xe2\x81\xad", "\xe2\x81\xae",
		"\xe2\x81\xaf", "\xef\xbb\xbf" };

	if (n < 3)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		if (!memcmp(s, list[i], 3))
			return true;
	return false;
}

/* The name as the most forgiving of file systems sees it. */
static void
folded(const char *s, size_t n, char *out, size_t room)
{
	size_t len = 0;

	for (size_t i = 0; i < n && len + 1 < room; i++) {
		if (hfs_ignores(s + i, n - i)) {
			i += 2;
			continue;
		}
		if (s[i] == ':')
			break; /* an NTFS stream of that file */
		out[len++] = (char)tolower((unsigned char)s[i]);
	}
	while (len && (out[len - 1] == ' ' || out[len - 1] == '.'))
		len--;
	out[len] = '\0';
}

/* Is the part (no '\\' in it) read as one of the two names somewhere? */
static bool
is_spelling_of(const char *s, size_t n, const char *full, const char *dos)
{
	char name[TREE_NAME_MAX + 1];

	folded(s, n, name, sizeof(name));
	return str_eq(name, full) || str_eq(name, dos);
}

static bool
any_part_is(const struct entry *entry, const char *full, const char *dos)
{
	const char *s = entry->name;

	for (;;) {
		size_t n = strcspn(s, "\\");

		if (is_spelling_of(s, n, full, dos))
			return true;
		if (!s[n])
			return false;
		s += n + 1;
	}
}

const char *
entry_name_wrong(const struct entry *entry)
{
	if (!entry->len)
		return "an entry has no name";
	if (entry->len > TREE_NAME_MAX)
		return "the name is longer than 255 bytes";
	if (memchr(entry->name, '/', entry->len))
		return "the name has a '/' in it";
	if (str_eq(entry->name, ".") || str_eq(entry->name, ".."))
		return "the name is '.' or '..'";
	if (any_part_is(entry, ".git", "git~1"))
		return "the name is a spelling of '.git'";
	if (entry->kind == ENTRY_LINK &&
		any_part_is(entry, ".gitmodules", "gitmod~1"))
		return "'.gitmodules' is a symbolic link";
	return NULL;
}
