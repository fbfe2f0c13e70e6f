/* SPDX-License-Identifier: MIT */
/* The git layer's pure parts: addresses, names, tree entries, the table. */
#include "base/base.h"
#include "git/git.h"
#include "git/oidmap.h"
#include "git/treename.h"
#include "git/url.h"
#include "tap.h"

static void
test_url_allowed(void)
{
	static const char *const good[] = { "https://github.com/a/b.git",
		"HTTPS://GitHub.com/a/b", "http://127.0.0.1:3000/a/b.git",
		"https://user@host.example/a", "git://host/a.git",
		"ssh://git@host:2222/a/b.git", "git@host:a/b.git",
		"https://[::1]:8443/a", "file:///srv/git/a.git",
		"file://localhost/srv/a", "/srv/git/a.git",
		"https://host/a%20b", "https://host/~user/x" };
	static const char *const bad[] = { "", "ftp://host/a", "ext::sh -c id",
		"https://user:secret@host/a", "https://host/a\nb",
		"https://host/\x7f", "-oProxyCommand=id",
		"ssh://-oProxyCommand=id/a", "ssh://host/-a", "https:///a",
		"https://host", "https://host/", "https://host:99999/a",
		"https://host:x/a", "https://host/a#b", "https://host/a?b=c",
		"git@host:-a", "git@host:", "relative/path", "file://other/a",
		"file:", "https://ho st/a", "https://-host/a",
		"javascript:alert(1)", "https://host\\@evil/a",
		"git://user@host/a" };
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ok(mirror_url_ok(good[i], &e), "'%s' may be fetched from",
			good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ok(!mirror_url_ok(bad[i], &e) && e.code == ERR_PERM,
			"bad address %zu is refused", i);
	mirror_url_ok("https://u:s3cret@h/p", &e);
	ok(!strstr(e.msg, "s3cret"), "a refusal does not show the password");
	ok(strstr(e.msg, "token-file") != NULL,
		"a refused password says where it belongs");
}

static const char *
cleaned(const char *url, struct buf *b)
{
	buf_reset(b);
	mirror_url_clean(url, b);
	return b->data;
}

static void
test_url_clean(void)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	is_str(cleaned("https://u:p@host/a", &b), "https://host/a",
		"user and password are left out");
	is_str(cleaned("https://u:p@ss@host/a@b", &b), "https://host/a@b",
		"a password with an @ in it is left out whole");
	is_str(cleaned("ssh://git@host/a", &b), "ssh://host/a",
		"a user is left out");
	is_str(cleaned("git@host:a/b", &b), "git@host:a/b",
		"the short form of ssh stays as it is");
	is_str(cleaned("u:p@host:a", &b), "host:a",
		"a password in the short form is left out");
	is_str(cleaned("https://host/a\nb", &b), "https://host/a b",
		"a line break does not get into a message");
}

static void
test_url_origin(void)
{
	ok(url_same_origin("https://h/a", "https://H:443/b"),
		"the scheme's own port may be left out");
	ok(!url_same_origin("https://h/a", "http://h/a"),
		"another scheme is another origin");
	ok(!url_same_origin("https://h/a", "https://h:444/a"),
		"another port is another origin");
	ok(!url_same_origin("https://h/a", "https://h.evil/a"),
		"another host is another origin");
	ok(!url_same_origin("https://h/a", "https://h@evil/a"),
		"a host in the user's place does not count");
	ok(url_same_origin("http://[::1]:80/a", "http://[::1]/"),
		"addresses in brackets are compared");
}

static void
test_local_path(void)
{
	AUTO(freep) char *a = url_local_path("file:///srv/a%20b.git");
	AUTO(freep) char *b = url_local_path("/srv/a%20b.git");
	AUTO(freep) char *c = url_local_path("https://h/srv");

	is_str(a, "/srv/a b.git", "a file address is decoded");
	is_str(b, "/srv/a%20b.git", "a path is taken as it is");
	ok(!c, "an https address has no local path");
}

static const char *
named(const char *repository, struct buf *b)
{
	buf_reset(b);
	mirror_name(repository, b);
	return b->data;
}

static void
test_mirror_name(void)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	AUTO(freep) char *first = NULL;
	char name[600];

	is_str(named("acme/widget", &b), "acme%2Fwidget.git",
		"a mirror's name has no slash");
	is_str(named("..", &b), "...git", "a mirror is never called '..'");
	ok(!strchr(named("a:b", &b), ':'), "a mirror's name has no colon");
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	first = xstrdup(named(name, &b));
	ok(strlen(first) <= 250, "a long name fits into a file name");
	name[sizeof(name) - 2] = 'b';
	ok(!str_eq(first, named(name, &b)),
		"long names that differ at their end stay different");
}

static const char *
wrong(const char *name, enum entry_kind kind)
{
	struct entry entry = {
		.name = name, .len = strlen(name), .kind = kind
	};

	return entry_name_wrong(&entry);
}

static void
test_names(void)
{
	static const char *const bad[] = { "", ".", "..", "a/b", ".git", ".GIT",
		".Git", "git~1", "GIT~1", ".git ", ".git.", ".git. .", ".git:x",
		".git::$INDEX_ALLOCATION", ".g\xe2\x80\x8cit",
		"\xef\xbb\xbf.git", ".git\xe2\x80\x8d", "a\\.git", ".git\\a",
		"x\\GIT~1\\y" };
	static const char *const good[] = { ".gitignore", ".github", "git",
		".gi", "a\nb", "-rf", "\xff\xfe", "...", "a..b", ".gitt",
		"git~2", "a\\b", ".gitmodules", " ", "con" };
	char name[300];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ok(wrong(bad[i], ENTRY_FILE), "bad name %zu is refused", i);
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ok(!wrong(good[i], ENTRY_FILE), "good name %zu is taken", i);
	ok(wrong(".GitModules", ENTRY_LINK) != NULL,
		"a link called .gitmodules is refused");
	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	ok(!wrong(name, ENTRY_FILE), "a name of 255 bytes is taken");
	name[255] = 'n';
	name[256] = '\0';
	ok(wrong(name, ENTRY_FILE) != NULL, "a name of 256 bytes is refused");
}

#define ID20 "01234567890123456789"

static void
test_entries(void)
{
	static const char raw[] =
		"100644 a\0" ID20 "40000 b\0" ID20 "104755 c\0" ID20;
	static const char *const broken[] = { "100644", "100644 a", "9 a", " a",
		"100644 a\0short" };
	static const size_t lens[] = { 6, 8, 3, 2, 14 };
	const char *at = raw;
	const char *end = raw + sizeof(raw) - 1;
	struct entry entry;

	ok(entry_next(&at, end, &entry) == 1 && entry.kind == ENTRY_FILE,
		"a file is read as one");
	is_str(entry.name, "a", "an entry has its name");
	ok(!memcmp(entry.id.id, ID20, 20), "an entry has its id");
	ok(entry_next(&at, end, &entry) == 1 && entry.kind == ENTRY_DIR,
		"a folder is read as one");
	ok(entry_next(&at, end, &entry) == 1 && entry.kind == ENTRY_BAD,
		"a set-user-id mode is bad");
	ok(entry_next(&at, end, &entry) == 0, "the end is the end");
	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		at = broken[i];
		ok(entry_next(&at, broken[i] + lens[i], &entry) == -1,
			"broken entry %zu is seen", i);
	}
}

static void
test_oidmap(void)
{
	struct oidmap m;
	git_oid id = { { 0 } };
	int value = 0, wrong_ones = 0;

	oidmap_init(&m, sizeof(int));
	ok(!oidmap_get(&m, &id, &value), "an empty table has nothing");
	/* The first bytes collide on purpose. */
	for (int i = 0; i < 5000; i++) {
		memcpy(id.id + 12, &i, sizeof(i));
		id.id[0] = (unsigned char)(i % 7);
		oidmap_put(&m, &id, &i);
	}
	for (int i = 0; i < 5000; i++) {
		memcpy(id.id + 12, &i, sizeof(i));
		id.id[0] = (unsigned char)(i % 7);
		wrong_ones += !oidmap_get(&m, &id, &value) || value != i;
	}
	is_int(wrong_ones, 0, "every id has the value it was given");
	is_int(m.len, 5000, "each id is there once");
	oidmap_put(&m, &id, &(int){ 7 });
	oidmap_get(&m, &id, &value);
	is_int(value, 7, "putting again replaces");
	oidmap_release(&m);
}

int
main(void)
{
	struct err e;

	if (git_start(&e) < 0)
		return 1;
	test_url_allowed();
	test_url_clean();
	test_url_origin();
	test_local_path();
	test_mirror_name();
	test_names();
	test_entries();
	test_oidmap();
	git_stop();
	return tap_done();
}
