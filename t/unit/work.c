/* SPDX-License-Identifier: MIT */
/* The worker's parsers: command files, shell lines, spec.json. */
#include "base/base.h"
#include "base/json.h"
#include "base/strv.h"
#include "os/fd.h"
#include "work/step.h"
#include "tap.h"

#include <fcntl.h>

static json_t *
pairs(const char *text, struct err *e)
{
	json_t *o = json_object();

	e->code = ERR_NONE;
	if (files_parse_pairs("GITHUB_OUTPUT", text, strlen(text), o, e) == 0)
		return o;
	json_decref(o);
	return NULL;
}

static void
one(const char *text, const char *name, const char *want, const char *what)
{
	struct err e;
	json_t *o = pairs(text, &e);

	is_str(o ? jget_str(o, name) : e.msg, want, what);
	if (o)
		json_decref(o);
}

static void
bad(const char *text, const char *want, const char *what)
{
	struct err e;
	json_t *o = pairs(text, &e);

	is_str(o ? "accepted" : e.msg, want, what);
	if (o)
		json_decref(o);
}

static void
test_pairs(void)
{
	one("a=b\n", "a", "b", "NAME=VALUE gives the value");
	one("a=b=c", "a", "b=c", "a value may hold '=' and end the file");
	one("a=\n", "a", "", "a value may be empty");
	one("a=1\na=2\n", "a", "2", "the last of a name counts");
	one("a=x\r\n", "a", "x", "a carriage return ends a line too");
	one("a=1<<2\n", "a", "1<<2", "'<<' after the '=' is text");
	one("a<<END\none\ntwo\nEND\nb=1\n", "a", "one\ntwo",
		"a block keeps its inner line ends");
	one("a<<END\none\nEND\nb=1\n", "b", "1",
		"what follows a block is read");
	one("a<<END\nEND\n", "a", "", "a block may be empty");
	one("a<<END\n\n\nEND\n", "a", "\n", "empty lines in a block are kept");
	one("a<<x=y\n1\nx=y\n", "a", "1", "a delimiter may hold '='");
	one("a=\xff\n", "a", "\xef\xbf\xbd",
		"a byte that is not UTF-8 is replaced");
	bad("a<<END\none\n",
		"GITHUB_OUTPUT: the value of 'a' has no closing line 'END'",
		"an open block is refused");
	bad("nonsense\n",
		"GITHUB_OUTPUT: 'nonsense' is neither NAME=VALUE nor "
		"NAME<<DELIMITER",
		"a line without '=' is refused");
	bad("=x\n",
		"GITHUB_OUTPUT: '=x' is neither NAME=VALUE nor NAME<<DELIMITER",
		"an empty name is refused");
	bad("a<<\n", "GITHUB_OUTPUT: 'a<<' has no delimiter",
		"a block without a delimiter is refused");
	bad("<<E\nE\n", "GITHUB_OUTPUT: a value without a name",
		"a block without a name is refused");
}

static void
test_shell(void)
{
	struct strv v = STRV_INIT;
	struct err e;

	ok(shell_argv(&v, "sh", &e) == 0 && v.len == 3,
		"sh takes an option and the script");
	ok(str_ends(v.v[0], "/sh"), "the shell is an absolute path");
	is_str(v.v[1], "-e", "sh stops at the first failure");
	is_str(v.v[2], "/run/tellus/script.sh", "the script is shown inside");
	strv_release(&v);
	ok(shell_argv(&v, "no-such-program -x {0} y", &e) == 0 && v.len == 5,
		"a template is split into words");
	is_str(v.v[0], "/usr/bin/env",
		"a program that is not there goes through env");
	is_str(v.v[1], "no-such-program", "env is told the program's name");
	is_str(v.v[3], "/run/tellus/script.sh",
		"{0} becomes the script's path");
	strv_release(&v);
	ok(shell_argv(&v, "fish", &e) < 0 && strstr(e.msg, "'fish'"),
		"an unknown shell is refused by name");
	strv_release(&v);
}

static int
load(const char *text, struct spec *s, struct err *e)
{
	char dir[] = "/tmp/tellus-work-XXXXXX";
	int fd, rc;

	if (!mkdtemp(dir))
		return -1;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = fd_put_file(fd, "spec.json", text, strlen(text), 0600, e);
	if (rc == 0)
		rc = spec_load(s, fd, e);
	unlinkat(fd, "spec.json", 0);
	close(fd);
	rmdir(dir);
	return rc;
}

#define HEAD                                                                   \
	"{\"version\":1,\"run\":42,\"attempt\":2,"                             \
	"\"nonce\":\"0123456789abcdef0123456789abcdef\","                      \
	"\"repository\":{\"name\":\"a/b\",\"path\":\"/srv/b.git\"},"           \
	"\"push\":{\"repository\":\"a/b\",\"event\":\"push\",\"sha\":"         \
	"\"1111111111111111111111111111111111111111\"}"

static void
test_spec(void)
{
	struct spec s;
	struct err e;

	ok(load(HEAD ",\"kind\":\"plan\"}", &s, &e) == 0 && s.is_plan &&
			s.run == 42 && s.attempt == 2 && s.job == -1,
		"a planning spec is read");
	spec_release(&s);
	ok(load(HEAD "}", &s, &e) < 0 && strstr(e.msg, "'kind'"),
		"a spec without a kind is refused");
	ok(load(HEAD ",\"kind\":\"job\",\"job\":0}", &s, &e) < 0 &&
			strstr(e.msg, "'plan.steps'"),
		"a job without steps is refused");
	ok(load(HEAD ",\"kind\":\"job\",\"job\":0,\"plan\":{\"steps\":[]},"
		     "\"sha\":\"1111111111111111111111111111111111111111\","
		     "\"tree\":\"../x\"}",
		   &s, &e) < 0 &&
			strstr(e.msg, "'tree'"),
		"a tree that is not an id is refused");
	ok(load("{", &s, &e) < 0 && strstr(e.msg, "spec.json"),
		"a spec that is not JSON is refused");
}

int
main(void)
{
	test_pairs();
	test_shell();
	test_spec();
	return tap_done();
}
