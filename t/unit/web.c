/* SPDX-License-Identifier: MIT */
/* The web layer's small parts: addresses, the mail box, penalties. */
#include "base/base.h"
#include "web/access.h"
#include "web/listen.h"
#include "web/mail.h"
#include "web/routes.h"

#include "tap.h"

#include <pthread.h>

static bool
matches(const char *pattern, const char *path, const char *first)
{
	char *arg[REQUEST_ARGS];
	uint64_t id = 0;
	size_t n;
	bool good = route_match(pattern, path, arg, &n, &id);

	if (good && first)
		good = n && str_eq(arg[0], first);
	if (good)
		while (n)
			free(arg[--n]);
	return good;
}

static uint64_t
number(const char *path)
{
	char *arg[REQUEST_ARGS];
	uint64_t id = 0;
	size_t n;

	return route_match("/runs/#", path, arg, &n, &id) ? id : 0;
}

static void
patterns(void)
{
	ok(matches("/", "/", NULL), "the root matches itself");
	ok(!matches("/", "", NULL), "nothing is not the root");
	ok(matches("/a/b", "/a/b", NULL), "plain parts match");
	ok(!matches("/a/b", "/a/b/", NULL), "a slash at the end counts");
	ok(!matches("/a/b", "/a", NULL), "a part of a path does not match");
	ok(!matches("/a", "/A", NULL), "case counts");
	ok(matches("/x/*", "/x/a%2Fb", "a/b"), "a part is decoded once");
	ok(matches("/x/*", "/x/a%252Fb", "a%2Fb"), "and not twice");
	ok(!matches("/x/*", "/x/a/b", NULL), "one part has no slash");
	ok(!matches("/x/*", "/x/", NULL), "a part is not empty");
	ok(!matches("/x/*", "/x/%", NULL), "a broken escape matches nothing");
	ok(!matches("/x/*", "/x/%00", NULL), "neither does a NUL");
	ok(!matches("/x/*", "/x/%c0%af", NULL), "nor an overlong slash");
	ok(!matches("/x/*", "/x/%ff", NULL), "nor what is not UTF-8");
	ok(matches("/x/**", "/x/a/b/c", "a/b/c"), "the rest has slashes");
	ok(!matches("/x/**", "/x/", NULL), "the rest is not empty");
}

static void
numbers(void)
{
	is_int(number("/runs/42"), 42, "a run's number is read");
	is_int(number("/runs/9223372036854775807"), INT64_MAX,
		"the largest as well");
	is_int(number("/runs/9223372036854775808"), 0, "one more is none");
	is_int(number("/runs/0"), 0, "0 is no run");
	is_int(number("/runs/042"), 0, "a leading zero is refused");
	is_int(number("/runs/-1"), 0, "so is a sign");
	is_int(number("/runs/+1"), 0, "of either kind");
	is_int(number("/runs/%31"), 0, "and an escaped digit");
	is_int(number("/runs/1 "), 0, "and a blank");
}

static void
penalties(void)
{
	struct penalty *p = penalty_new();
	char addr[INET6_ADDRSTRLEN];

	for (int i = 0; i < PENALTY_TRIES - 1; i++)
		penalty_add(p, "192.0.2.1", 1000 + i);
	ok(!penalty_is_due(p, "192.0.2.1", 2000),
		"one less than the limit is let through");
	penalty_add(p, "192.0.2.1", 2000);
	ok(penalty_is_due(p, "192.0.2.1", 2001), "the limit is not");
	ok(!penalty_is_due(p, "192.0.2.2", 2001), "others are not meant");
	ok(!penalty_is_due(p, "192.0.2.1", 61001), "a minute later it is over");
	for (int i = 0; i < 10000; i++) {
		snprintf(addr, sizeof(addr), "2001:db8::%x", i);
		penalty_add(p, addr, 70000 + i);
	}
	ok(!penalty_is_due(p, addr, 80000),
		"ten thousand addresses displace each other, no more");
	penalty_free(p);
}

/* ---- mail ---- */

struct note {
	struct letter letter;
	int number;
};

static struct mail *box;
static struct note *to_cancel;
static int opened[64], nopened;

static void
on_open(struct letter *l)
{
	struct note *n = (struct note *)l;

	opened[nopened++] = n->number;
	if (to_cancel) {
		mail_cancel(box, &to_cancel->letter);
		to_cancel = NULL;
	}
}

static void *
post_all(void *arg)
{
	struct note *notes = arg;

	for (int i = 0; i < 16; i++)
		mail_post(box, &notes[i].letter);
	return NULL;
}

static void
letters(void)
{
	struct note notes[48];
	pthread_t thread[3];
	bool in_order = true;
	int last[3] = { -1, 15, 31 };
	struct err e;

	box = mail_new(&e);
	for (int i = 0; i < 48; i++) {
		notes[i].letter.open = on_open;
		notes[i].number = i;
	}
	for (int i = 0; i < 3; i++)
		pthread_create(&thread[i], NULL, post_all, notes + 16 * i);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	mail_open(box);
	is_int(nopened, 48, "letters of three threads all arrive");
	for (int i = 0; i < nopened; i++) {
		in_order &= opened[i] == last[opened[i] / 16] + 1;
		last[opened[i] / 16] = opened[i];
	}
	ok(in_order, "each thread's in their order");
	nopened = 0;
	for (int i = 0; i < 3; i++)
		mail_post(box, &notes[i].letter);
	to_cancel = &notes[2];
	mail_open(box);
	ok(nopened == 2 && opened[1] == 1,
		"a letter that another takes back is not opened");
	ok(mail_post(box, &notes[5].letter), "the box takes another then");
	mail_close(box);
	ok(!mail_post(box, &notes[6].letter), "a closed box takes none");
	nopened = 0;
	mail_open(box);
	is_int(nopened, 0, "and drops what was in it");
	mail_unref(box);
}

static void
hosts(void)
{
	static const struct {
		const char *address, *host;
	} t[] = {
		{ "127.0.0.1:8420", "127.0.0.1" },
		{ "[::1]:8420", "::1" },
		{ "[::1]", "::1" },
		{ "localhost", "localhost" },
		{ ":8420", "" },
	};
	struct err e;
	int port = 0;

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		AUTO(freep) char *h = listen_host(t[i].address);

		is_str(h, t[i].host, t[i].address);
	}
	ok(listen_tcp("127.0.0.1", &port, &e) < 0 && e.code == ERR_PERM,
		"an address without a port is refused");
	ok(listen_tcp("127.0.0.1:65536", &port, &e) < 0, "so is port 65536");
	ok(listen_is_none("") && listen_is_none("none") &&
			!listen_is_none(":0"),
		"none means no TCP");
}

int
main(void)
{
	patterns();
	numbers();
	penalties();
	letters();
	hosts();
	return tap_done();
}
