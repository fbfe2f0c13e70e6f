/* SPDX-License-Identifier: MIT */
/* See diagnose.h.  The table is at the end. */
#include "base/base.h"
#include "base/buf.h"
#include "base/enc.h"
#include "model/diagnose.h"
#include "model/words.h"

#define MIB ((int64_t)1 << 20)
#define MEMORY_FIRST ((int64_t)2 << 30) /* where there was no limit */

void
diagnosis_release(struct diagnosis *d)
{
	free(d->what);
	free(d->suggestion);
	d->what = d->suggestion = NULL;
}

/* ---- rules: each looks at the place of its mark ---- */

typedef bool rule_fn(const struct diag_facts *f, const char *at,
	size_t mark_len, struct diagnosis *d);

static void
advise_crlf(const char *file, struct diagnosis *d)
{
	AUTO(freep) char *arg = shell_quote(file);

	d->suggestion = xasprintf("sed -i 's/\\r$//' %s, and let "
				  ".gitattributes say \"%s text eol=lf\"",
		arg, str_starts(file, "./") ? file + 2 : file);
}

/* "./build.sh: line 2: $'\r': command not found" and its like. */
static bool
says_crlf(const struct diag_facts *f, const char *at, size_t len UNUSED,
	struct diagnosis *d)
{
	AUTO(freep) char *file = NULL;
	const char *from;
	size_t n;

	words_line(f->tail, at, &from, &n);
	if (n > 6 && !strncmp(from, "bash: ", 6))
		from += 6;
	file = words_after(from, ":");
	d->what = xstrdup("a script has Windows line ends (CRLF)");
	if (!*file || str_eq(file, "env") || str_starts(file, "/usr/bin/env") ||
		str_starts(file, "/run/tellus/")) {
		d->suggestion = xstrdup(
			"sed -i 's/\\r$//' FILE, and let .gitattributes say "
			"that it has text eol=lf");
		return true;
	}
	advise_crlf(file, d);
	return true;
}

/* "script.sh: line 1: ./b.sh: cannot execute: required file not found": what
 * bash makes of an interpreter with a carriage return, or of none. */
static bool
says_no_interpreter(const struct diag_facts *f, const char *at,
	size_t len UNUSED, struct diagnosis *d)
{
	AUTO(freep) char *file = words_before(f->tail, at, " ");

	d->what = xasprintf("the interpreter in the first line of '%s' is not "
			    "there, or the file has Windows line ends (CRLF)",
		file);
	advise_crlf(file, d);
	return true;
}

/* The step's own exit code, or what make(1) says was a command's. */
static bool
has_exit(const struct diag_facts *f, int code)
{
	char mark[32];

	if (f->exit_code == code)
		return true;
	snprintf(mark, sizeof mark, "] Error %d\n", code);
	return strstr(f->tail, mark) != NULL;
}

/* "x.sh: line 1: foo: command not found", "sh: 1: foo: not found",
 * "env: 'foo': No such file or directory", "make: foo: No such file ...". */
static bool
says_no_command(const struct diag_facts *f, const char *at, size_t len UNUSED,
	struct diagnosis *d)
{
	AUTO(freep) char *name = words_before(f->tail, at, " '\xe2\x80\x98");
	const char *package;

	if (!has_exit(f, 127) || !*name)
		return false;
	package = package_of_command(name);
	d->what = xasprintf("command '%s' not found", name);
	if (package)
		d->suggestion = xasprintf("on the agent's machine: apt install "
					  "%s, then: tellus retry %" PRIu64,
			package, f->run);
	else
		d->suggestion = xasprintf(
			"install it on the agent's machine, or check the name "
			"and PATH, then: tellus retry %" PRIu64,
			f->run);
	return true;
}

static bool
says_not_executable(const struct diag_facts *f, const char *at,
	size_t len UNUSED, struct diagnosis *d)
{
	AUTO(freep) char *name = NULL, *arg = NULL;

	if (!has_exit(f, 126))
		return false;
	name = words_before(f->tail, at, " '");
	arg = shell_quote(str_starts(name, "./") ? name + 2 : name);
	d->what = xasprintf("'%s' may not be executed", name);
	d->suggestion = xasprintf("git update-index --chmod=+x %s, then commit "
				  "and push",
		arg);
	return true;
}

static void
advise_network(const struct diag_facts *f, struct diagnosis *d)
{
	if (f->fork)
		d->suggestion = xstrdup("pull requests from forks get no "
					"network: let the job do without, or "
					"push the commit to a branch here");
	else
		d->suggestion = xstrdup(
			"say \"network: outbound\" in the job, and install "
			"passt on the agent's machine");
}

static bool
says_no_name(const struct diag_facts *f, const char *at UNUSED,
	size_t len UNUSED, struct diagnosis *d)
{
	if (!f->network_off) {
		d->what = xstrdup("a name could not be resolved");
		d->suggestion = xasprintf("check the name and the machine's "
					  "DNS, then: tellus retry %" PRIu64,
			f->run);
		return true;
	}
	d->what = xstrdup("a name could not be resolved, the job has no "
			  "network");
	advise_network(f, d);
	return true;
}

static bool
says_refused(const struct diag_facts *f, const char *at, size_t len UNUSED,
	struct diagnosis *d)
{
	const char *from;
	size_t n;
	AUTO(freep) char *line = NULL;

	words_line(f->tail, at, &from, &n);
	line = words_clean(from, n);
	d->what = xasprintf("a connection was refused (%s)", line);
	if (f->network_off)
		d->suggestion = xstrdup(
			"the job has a loopback of its own: start the server "
			"in the job, or say \"network: outbound\"");
	else
		d->suggestion = xasprintf("see whether the server is up, then: "
					  "tellus retry %" PRIu64,
			f->run);
	return true;
}

static bool
says_unreachable(const struct diag_facts *f, const char *at UNUSED,
	size_t len UNUSED, struct diagnosis *d)
{
	if (!f->network_off)
		return false;
	d->what = xstrdup("the job has no network");
	advise_network(f, d);
	return true;
}

static bool
says_no_space(const struct diag_facts *f, const char *at UNUSED,
	size_t len UNUSED, struct diagnosis *d)
{
	d->what = xstrdup("a file system is full");
	d->suggestion = xasprintf(
		"tellus gc, or make room for the agent's state folder, then: "
		"tellus retry %" PRIu64,
		f->run);
	return true;
}

static bool
says_no_memory(const struct diag_facts *f, const char *at UNUSED,
	size_t len UNUSED, struct diagnosis *d)
{
	int64_t want = f->memory_limit ? f->memory_limit * 2 : MEMORY_FIRST;

	d->what = xstrdup("a program ran out of memory");
	d->suggestion =
		xasprintf("tellus retry %" PRIu64 " --limit memory=%" PRId64
			  "M, or build with fewer processes at once",
			f->run, MAX(want / MIB, 1));
	return true;
}

/* "a.c:1:10: fatal error: zlib.h: No such file or directory". */
static bool
says_no_header(const struct diag_facts *f, const char *at, size_t len,
	struct diagnosis *d)
{
	AUTO(freep) char *path = words_after(at + len, ":");
	const char *package = package_of_header(path);

	d->what = xasprintf("header '%s' is missing", path);
	if (package)
		d->suggestion = xasprintf("on the agent's machine: apt install "
					  "%s, then: tellus retry %" PRIu64,
			package, f->run);
	else
		d->suggestion = xstrdup("install the -dev package that has it "
					"on the agent's machine");
	return true;
}

static bool
says_no_python(const struct diag_facts *f, const char *at, size_t len,
	struct diagnosis *d)
{
	AUTO(freep) char *name = words_after(at + len, "'");

	d->what = xasprintf("Python has no module '%s'", name);
	d->suggestion = xasprintf(
		"install it in an earlier step (pip install), or on the "
		"agent's machine, then: tellus retry %" PRIu64,
		f->run);
	return true;
}

static bool
says_no_node(const struct diag_facts *f UNUSED, const char *at, size_t len,
	struct diagnosis *d)
{
	AUTO(freep) char *name = words_after(at + len, "'");

	d->what = xasprintf("Node has no module '%s'", name);
	d->suggestion = xstrdup("run \"npm ci\" in an earlier step");
	return true;
}

static bool
says_no_pkgconfig(const struct diag_facts *f, const char *at, size_t len,
	struct diagnosis *d)
{
	AUTO(freep) char *name = words_after(at + len, "'");

	d->what = xasprintf("pkg-config knows no package '%s'", name);
	d->suggestion = xasprintf("install its -dev package on the agent's "
				  "machine, then: tellus retry %" PRIu64,
		f->run);
	return true;
}

static bool
says_read_only(const struct diag_facts *f, const char *at, size_t len UNUSED,
	struct diagnosis *d)
{
	AUTO(freep) char *path = words_before(f->tail, at, " '");

	d->what = xasprintf("'%s' cannot be written", path);
	d->suggestion = xstrdup("steps may write to the workspace, $HOME and "
				"/tmp; the rest of the box is read-only");
	return true;
}

static bool
says_cross_device(const struct diag_facts *f UNUSED, const char *at UNUSED,
	size_t len UNUSED, struct diagnosis *d)
{
	d->what = xstrdup("a folder of an earlier step cannot be renamed");
	d->suggestion = xstrdup(
		"use mv(1), which copies, or run the agent as root: an "
		"ordinary user's overlay file system cannot rename such "
		"folders");
	return true;
}

static bool
says_unbound(const struct diag_facts *f, const char *at, size_t len UNUSED,
	struct diagnosis *d)
{
	AUTO(freep) char *name = words_before(f->tail, at, " ");

	d->what = xasprintf("variable '%s' is not set", name);
	d->suggestion = f->fork ? xstrdup("pull requests from forks get no "
					  "secrets: skip the step for them")
				: xasprintf("tellus retry %" PRIu64
					    " --set %s=VALUE, or set it in env",
					  f->run, name);
	return true;
}

static bool
says_segfault(const struct diag_facts *f UNUSED, const char *at UNUSED,
	size_t len UNUSED, struct diagnosis *d)
{
	d->what = xstrdup("a program crashed (segmentation fault)");
	return true;
}

/* The whole line, as the program said it. */
static bool
says_line(const struct diag_facts *f, const char *at, size_t len UNUSED,
	struct diagnosis *d)
{
	const char *from;
	size_t n;

	words_line(f->tail, at, &from, &n);
	while (n && (*from == ' ' || *from == '\t'))
		from++, n--;
	d->what = words_clean(from, n);
	return true;
}

static bool
test_failed(const struct diag_facts *f, const char *name, struct diagnosis *d)
{
	if (!*name)
		return false;
	d->what = xasprintf("test failed: %s", name);
	d->suggestion = xasprintf("tellus log %" PRIu64, f->run);
	return true;
}

/* The name of a test follows the mark. */
static bool
says_test(const struct diag_facts *f, const char *at, size_t len,
	struct diagnosis *d)
{
	AUTO(freep) char *name = words_after(at + len, "\r\n");

	return test_failed(f, name, d);
}

/* ... or stands before it. */
static bool
says_test_before(const struct diag_facts *f, const char *at, size_t len UNUSED,
	struct diagnosis *d)
{
	AUTO(freep) char *name = words_before(f->tail, at, "\r");

	return test_failed(f, name, d);
}

static bool
says_no_file(const struct diag_facts *f, const char *at, size_t len UNUSED,
	struct diagnosis *d)
{
	AUTO(freep) char *path = words_before(f->tail, at, " '\"");

	if (!*path)
		return false;
	d->what = xasprintf("'%s' is not there", path);
	return true;
}

static const struct {
	const char *mark;
	rule_fn *fn;
	bool first; /* the first place of it counts, not the last */
} rules[] = {
	/* clang-format off */
	{ "^M: bad interpreter",			says_crlf, false },
	{ "\r: bad interpreter",			says_crlf, false },
	{ "$'\\r': command not found",			says_crlf, false },
	{ "\\r': No such file or directory",		says_crlf, false },
	{ "\\r\xe2\x80\x99: No such file or directory",	says_crlf, false },
	{ ": cannot execute: required file not found",
							says_no_interpreter, false },
	{ "\r: not found",				says_crlf, false },
	{ ": command not found",			says_no_command, false },
	{ ": not found\n",				says_no_command, false },
	{ "': No such file or directory",		says_no_command, false },
	{ "\xe2\x80\x99: No such file or directory",	says_no_command, false },
	{ ": No such file or directory\nmake",		says_no_command, false },
	{ ": Permission denied",			says_not_executable, false },
	{ "No space left on device",			says_no_space, false },
	{ "Could not resolve host",			says_no_name, false },
	{ "Temporary failure in name resolution",	says_no_name, false },
	{ "Temporary failure resolving",		says_no_name, false },
	{ "Name or service not known",			says_no_name, false },
	{ "getaddrinfo EAI_AGAIN",			says_no_name, false },
	{ "getaddrinfo ENOTFOUND",			says_no_name, false },
	{ "unable to resolve host address",		says_no_name, false },
	{ "Connection refused",				says_refused, false },
	{ "Couldn't connect to server",			says_refused, false },
	{ "ECONNREFUSED",				says_refused, false },
	{ "Network is unreachable",			says_unreachable, false },
	{ "Killed signal terminated program",		says_no_memory, false },
	{ "virtual memory exhausted",			says_no_memory, false },
	{ "Cannot allocate memory",			says_no_memory, false },
	{ "JavaScript heap out of memory",		says_no_memory, false },
	{ "java.lang.OutOfMemoryError",			says_no_memory, false },
	{ "std::bad_alloc",				says_no_memory, false },
	{ "memory allocation of ",			says_no_memory, false },
	{ "\nMemoryError",				says_no_memory, false },
	{ "fatal error: ",				says_no_header, true },
	{ "No module named '",				says_no_python, false },
	{ "Cannot find module '",			says_no_node, false },
	{ "No package '",				says_no_pkgconfig, false },
	{ ": Read-only file system",			says_read_only, false },
	{ "Invalid cross-device link",			says_cross_device, false },
	{ ": unbound variable",				says_unbound, false },
	{ ": parameter not set",			says_unbound, false },
	{ "dubious ownership",				says_line, false },
	{ "Assertion `",				says_line, true },
	{ "AssertionError",				says_line, false },
	{ "Segmentation fault",				says_segfault, false },
	{ "\nFAILED ",					says_test, true },
	{ "--- FAIL: ",					says_test, true },
	{ "\nnot ok ",					says_test, true },
	{ "\nFAIL: ",					says_test, true },
	{ "\nFAIL ",					says_test, true },
	{ " ... FAILED",				says_test_before, true },
	{ " ... FAIL",					says_test_before, true },
	{ "***Failed",					says_line, true },
	{ "\xe2\x9c\x95 ",				says_test, true },
	{ ": No such file or directory",		says_no_file, false },
	{ "error: ",					says_line, true },
	/* clang-format on */
};

bool
diagnose(const struct diag_facts *f, struct diagnosis *ret)
{
	*ret = (struct diagnosis){ 0 };
	if (!f->tail)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		const char *at = rules[i].first
					 ? strstr(f->tail, rules[i].mark)
					 : words_last(f->tail, rules[i].mark);

		if (at && rules[i].fn(f, at, strlen(rules[i].mark), ret))
			return true;
	}
	return false;
}
