/* SPDX-License-Identifier: MIT */
/* What output says about a failure. */
#include "base/base.h"
#include "model/diagnose.h"

#include "tap.h"

static const struct {
	const char *tail;
	int exit_code;
	bool network_off, fork;
	const char *what, *suggestion; /* a part of each; NULL: nothing */
} cases[] = {
	{ "x.sh: line 3: cmake: command not found\n", 127, false, false,
		"command 'cmake' not found", "apt install cmake" },
	{ "sh: 1: frobnicate: not found\n", 127, false, false,
		"command 'frobnicate' not found", "tellus retry 42" },
	{ "env: 'ninja': No such file or directory\n", 127, false, false,
		"command 'ninja' not found", "apt install ninja-build" },
	/* In the box's LANG, C.UTF-8, env has other quotation marks. */
	{ "env: \xe2\x80\x98ninja\xe2\x80\x99: No such file or directory\n",
		127, false, false, "command 'ninja' not found",
		"apt install ninja-build" },
	{ "/usr/bin/env: \xe2\x80\x98"
	  "bash\\r\xe2\x80\x99: No such file or directory\n",
		127, false, false, "Windows line ends", "s/\\r$//' FILE," },
	{ "make: cmake: No such file or directory\n"
	  "make: *** [Makefile:2: x] Error 127\n",
		2, false, false, "command 'cmake' not found",
		"apt install cmake" },
	{ "/bin/sh: 1: cmake: not found\nmake: *** [Makefile:2: x] Error 127\n",
		2, false, false, "command 'cmake' not found",
		"apt install cmake" },
	{ "x: cmake: not found\n", 1, false, false, NULL, NULL },
	{ "x.sh: line 1: ./b.sh: Permission denied\n", 126, false, false,
		"'./b.sh' may not be executed",
		"git update-index --chmod=+x b.sh," },
	{ "./b.sh: line 2: $'\\r': command not found\n", 127, false, false,
		"Windows line ends", "sed -i 's/\\r$//' ./b.sh," },
	{ "bash: ./b.sh: /bin/sh^M: bad interpreter: No such file\n", 126,
		false, false, "Windows line ends", "s/\\r$//' ./b.sh," },
	{ "x.sh: line 1: ./b.sh: cannot execute: required file not found\n",
		127, false, false, "first line of './b.sh'",
		"s/\\r$//' ./b.sh," },
	{ "curl: (7) Failed to connect to 127.0.0.1 port 9 after 0 ms: "
	  "Couldn't connect to server\n",
		7, true, false, "refused", "start the server in the job" },
	{ "curl: (6) Could not resolve host: example.org\n", 6, true, false,
		"no network", "network: outbound" },
	{ "curl: (6) Could not resolve host: example.org\n", 6, true, true,
		"no network", "forks get no network" },
	{ "curl: (6) Could not resolve host: example.org\n", 6, false, false,
		"could not be resolved", "DNS" },
	{ "connect: Connection refused\n", 1, false, false,
		"connect: Connection refused", "server is up" },
	{ "cp: error writing 'x': No space left on device\n", 1, false, false,
		"file system is full", "tellus gc" },
	{ "g++: fatal error: Killed signal terminated program cc1plus\n", 1,
		false, false, "out of memory", "--limit memory=256M" },
	{ "a.c:1:10: fatal error: zlib.h: No such file or directory\n", 1,
		false, false, "header 'zlib.h' is missing", "zlib1g-dev" },
	{ "ModuleNotFoundError: No module named 'yaml'\n", 1, false, false,
		"no module 'yaml'", "pip install" },
	{ "Error: Cannot find module 'left-pad'\n", 1, false, false,
		"no module 'left-pad'", "npm ci" },
	{ "touch: cannot touch '/usr/x': Read-only file system\n", 1, false,
		false, "'/usr/x", "read-only" },
	{ "x.sh: line 1: TOKEN: unbound variable\n", 1, false, true,
		"'TOKEN' is not set", "no secrets" },
	{ "x.sh: line 1: TOKEN: unbound variable\n", 1, false, false,
		"'TOKEN' is not set", "tellus retry 42 --set TOKEN=VALUE" },
	{ "\nok 1 - fine\nnot ok 2 - adds up\nok 3\n", 1, false, false,
		"test failed: 2 - adds up", NULL },
	{ "\nFAILED t.py::test_a - assert 1 == 2\nFAILED t.py::test_b\n", 1,
		false, false, "test failed: t.py::test_a", NULL },
	{ "--- FAIL: TestAdd (0.00s)\nFAIL\n", 1, false, false,
		"test failed: TestAdd", NULL },
	{ "test tests::adds ... FAILED\n", 101, false, false,
		"test failed: test tests::adds", NULL },
	{ "all is well\n", 1, false, false, NULL, NULL },
	{ "", 1, false, false, NULL, NULL },
};

static void
table(void)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct diag_facts f = { .run = 42,
			.exit_code = cases[i].exit_code,
			.tail = cases[i].tail,
			.network_off = cases[i].network_off,
			.fork = cases[i].fork,
			.memory_limit = 128 << 20 };
		struct diagnosis d = { 0 };
		bool found = diagnose(&f, &d);

		ok(found == !!cases[i].what, "case %zu is %s", i,
			cases[i].what ? "known" : "not known");
		if (found && cases[i].what)
			ok(strstr(d.what, cases[i].what) != NULL, "'%s'",
				d.what);
		if (cases[i].suggestion)
			ok(d.suggestion && strstr(d.suggestion,
						   cases[i].suggestion),
				"'%s'", d.suggestion ? d.suggestion : "");
		diagnosis_release(&d);
	}
}

/* Output is anybody's: no controls, no other lines, no broken UTF-8. */
static void
hostile(void)
{
	static const char tail[] = "\x1b[31m\xff\xfe evil\x07; rm -rf /"
				   "$(x): command not found\n";
	struct diag_facts f = { .run = 1, .exit_code = 127, .tail = tail };
	struct diagnosis d = { 0 };
	bool good = true;

	ok(diagnose(&f, &d), "a hostile name is a name");
	for (const char *p = d.what; *p; p++)
		good &= (unsigned char)*p >= ' ' && *p != '\x7f';
	ok(good, "without controls");
	diagnosis_release(&d);
	f.tail = "a.sh: Permission denied\n'; rm -rf ~; ': Permission denied\n";
	f.exit_code = 126;
	ok(diagnose(&f, &d), "a hostile file");
	ok(!strstr(d.suggestion, "+x ';") && !strstr(d.suggestion, "\n"),
		"is quoted: %s", d.suggestion);
	diagnosis_release(&d);
}

int
main(void)
{
	table();
	hostile();
	is_str(package_of_command("7z"), "p7zip-full", "the first command");
	is_str(package_of_command("zstd"), "zstd", "the last one");
	ok(!package_of_command("nope"), "an unknown one");
	is_str(package_of_header("zstd.h"), "libzstd-dev", "the last header");
	return tap_done();
}
