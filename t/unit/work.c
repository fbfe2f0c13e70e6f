/* SPDX-License-Identifier: MIT */
/* The worker's parsers: command files, shell lines, spec.json. */
#include "base/base.h"
#include "base/json.h"
#include "base/strv.h"
#include "os/fd.h"
#include "os/path.h"
#include "work/copy.h"
#include "work/step.h"
#include "tap.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

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

static int
temp_folder(char *dir)
{
	struct err e;

	return mkdtemp(dir) ? path_open_dir(AT_FDCWD, dir, &e) : -1;
}

#define EXIT(n) ((n) << 8)

static void
test_reason(void)
{
	static const struct {
		int wstatus;
		bool oom, pids;
		enum step_stop stop;
		enum run_state state;
		const char *class, *what;
	} rows[] = {
		{ 0, false, false, STEP_NOT_STOPPED, RUN_PASSED, NULL,
			"exit code 0 passes" },
		{ EXIT(1), false, false, STEP_NOT_STOPPED, RUN_FAILED, "code",
			"another exit code is the code's" },
		{ 0, false, false, STEP_CANCELED, RUN_CANCELED, "canceled",
			"a cancel comes first, whatever the exit code" },
		{ SIGKILL, true, false, STEP_TIMED_OUT, RUN_FAILED, "timeout",
			"a deadline comes before the memory" },
		{ SIGKILL, true, true, STEP_NOT_STOPPED, RUN_FAILED,
			"resource.memory", "memory comes before other limits" },
		{ EXIT(137), true, false, STEP_NOT_STOPPED, RUN_FAILED,
			"resource.memory",
			"memory that a child wanted counts too" },
		{ SIGSYS, false, false, STEP_NOT_STOPPED, RUN_FAILED,
			"config.sandbox", "SIGSYS is the sandbox" },
		{ EXIT(128 + SIGSYS), false, false, STEP_NOT_STOPPED,
			RUN_FAILED, "config.sandbox",
			"SIGSYS of a child is the sandbox too" },
		{ SIGXFSZ, false, false, STEP_NOT_STOPPED, RUN_FAILED,
			"resource.limit",
			"a file that is too large is a limit" },
		{ EXIT(1), false, true, STEP_NOT_STOPPED, RUN_FAILED,
			"resource.limit", "the process limit is a limit" },
		{ SIGKILL, false, false, STEP_NOT_STOPPED, RUN_FAILED,
			"infra.killed", "KILL from outside is the machine's" },
		{ SIGSEGV, false, false, STEP_NOT_STOPPED, RUN_FAILED, "code",
			"another signal is the code's" },
		{ EXIT(69), false, false, STEP_NOT_STOPPED, RUN_FAILED,
			"transient", "exit code 69 may pass" },
		{ EXIT(75), false, false, STEP_NOT_STOPPED, RUN_FAILED,
			"transient", "exit code 75 may pass" },
		{ EXIT(78), false, false, STEP_NOT_STOPPED, RUN_FAILED,
			"config", "exit code 78 is configuration" },
		{ EXIT(126), false, false, STEP_NOT_STOPPED, RUN_FAILED,
			"config", "exit code 126 is configuration" },
		{ EXIT(127), false, false, STEP_NOT_STOPPED, RUN_FAILED,
			"config", "exit code 127 is configuration" },
	};
	char dir[] = "/tmp/tellus-work-XXXXXX";
	int fd = temp_folder(dir);
	struct worker w = { .state_fd = fd, .spec.json = json_object() };
	struct job j = { .w = &w };
	struct err e;

	ok(fd >= 0 && outlog_open(&j.out, fd, &e) == 0, "an output log opens");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct step s = { .job = &j,
			.name = (char *)(uintptr_t) "x",
			.stop = rows[i].stop };

		s.box.wstatus = rows[i].wstatus;
		s.box.oom = rows[i].oom;
		s.box.pids_hit = rows[i].pids;
		reason_find(&s);
		ok(s.state == rows[i].state &&
				(s.reason.class ? str_eq(s.reason.class,
							  rows[i].class)
						: !rows[i].class),
			"%s", rows[i].what);
		reason_release(&s.reason);
	}
	outlog_close(j.out);
	json_decref(w.spec.json);
	close(fd);
	path_remove_tree(AT_FDCWD, dir, &e);
}

static void
test_copy(void)
{
	char from_name[] = "/tmp/tellus-work-XXXXXX";
	char to_name[] = "/tmp/tellus-work-XXXXXX";
	int from = temp_folder(from_name), to = temp_folder(to_name);
	AUTO(freep) char *text = NULL;
	char link[16] = "";
	struct stat a, b;
	struct err e;

	ok(from >= 0 && to >= 0 &&
			path_mkdirs(from, "one/two", 0755, &e) == 0 &&
			symlinkat("/etc", from, "link") == 0,
		"there is a folder to copy");
	close(openat(from, "old", O_CREAT | O_WRONLY, 0644));
	fd_put_file(to, "old", "longer", 6, 0600, &e);
	{
		AUTO(fd_closep)
		int two = path_open_beneath(
			from, "one/two", O_RDONLY | O_DIRECTORY, 0, &e);

		fd_put_file(two, "file", "text", 4, 0751, &e);
	}
	ok(copy_folder(from, to, geteuid(), getegid(), &e) == 0,
		"a folder is copied");
	ok(fd_slurp_at(to, "one/two/file", 100, &text, NULL, &e) == 0 &&
			str_eq(text, "text"),
		"the copy has the bytes");
	ok(fstatat(from, "one/two/file", &a, 0) == 0 &&
			fstatat(to, "one/two/file", &b, 0) == 0 &&
			a.st_mode == b.st_mode &&
			a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
			a.st_mtim.tv_nsec == b.st_mtim.tv_nsec,
		"the copy has the permissions and the time");
	ok(readlinkat(to, "link", link, sizeof(link) - 1) == 4 &&
			str_eq(link, "/etc"),
		"a link is copied as a link");
	ok(fstatat(to, "old", &b, 0) == 0 && b.st_size == 0,
		"what was there is replaced");
	close(from);
	close(to);
	path_remove_tree(AT_FDCWD, from_name, &e);
	path_remove_tree(AT_FDCWD, to_name, &e);
}

int
main(void)
{
	test_reason();
	test_copy();
	test_pairs();
	test_shell();
	test_spec();
	return tap_done();
}
