/* SPDX-License-Identifier: MIT */
/* See retry.h. */
#include "base/base.h"
#include "model/retry.h"

#define SECOND 1000
#define MINUTE (60 * SECOND)

static const struct {
	const char *name, *waits_for;
	int budget;
	int64_t first_ms, then_ms, most_ms; /* then_ms is doubled */
} kind[] = {
	/* clang-format off */
	[RETRY_TRANSIENT] = { "transient", "time", 2, 5 * SECOND, 30 * SECOND,
		5 * MINUTE },
	[RETRY_RESOURCE] = { "resource", "time", 2, 5 * SECOND, 30 * SECOND,
		5 * MINUTE },
	[RETRY_MEMORY] = { "memory", "memory", 1, SECOND, SECOND, MINUTE },
	[RETRY_DISK] = { "disk", "disk", 3, SECOND, SECOND, MINUTE },
	[RETRY_KILLED] = { "killed", "time", 4, 0, 5 * SECOND, MINUTE },
	[RETRY_RULE] = { "rule", "time", 0, SECOND, 5 * SECOND, 5 * MINUTE },
	/* clang-format on */
};

_Static_assert(ARRAY_LEN(kind) == RETRY_KIND_COUNT, "a kind has no row");

/* The classes and their words in "on".  A class that begins with the
 * row's name and a dot is of that row unless it has its own. */
static const struct {
	const char *class, *word;
	enum retry_kind kind;
	bool blocks;
} class[] = {
	{ "transient", "transient", RETRY_TRANSIENT, false },
	{ "resource.memory", "resource", RETRY_MEMORY, false },
	{ "resource.disk", "resource", RETRY_DISK, false },
	{ "resource.limit", "resource", RETRY_NONE, true },
	{ "resource", "resource", RETRY_RESOURCE, false },
	{ "infra.killed", "killed", RETRY_KILLED, false },
	{ "infra", "resource", RETRY_RESOURCE, false },
	{ "config", NULL, RETRY_NONE, true },
	{ "code", "code", RETRY_NONE, false },
	{ "timeout", "timeout", RETRY_NONE, false },
};

/* What GitLab calls them. */
static const struct {
	const char *theirs, *word;
} alias[] = {
	{ "always", "any" },
	{ "script_failure", "code" },
	{ "stuck_or_timeout_failure", "timeout" },
	{ "job_execution_timeout", "timeout" },
	{ "runner_system_failure", "killed" },
	{ "infra", "killed" },
};

const char *
retry_kind_name(enum retry_kind k)
{
	return k < 0 || k >= RETRY_KIND_COUNT ? NULL : kind[k].name;
}

enum retry_kind
retry_kind_from_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(kind); i++)
		if (str_eq(kind[i].name, name))
			return (enum retry_kind)i;
	return RETRY_NONE;
}

void
retry_used_from_json(const json_t *o, int used[RETRY_KIND_COUNT])
{
	for (size_t i = 0; i < ARRAY_LEN(kind); i++)
		used[i] = (int)jget_int(o, kind[i].name, 0);
}

static const char *
plain_word(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(alias); i++)
		if (str_eq(alias[i].theirs, word))
			return alias[i].word;
	return word;
}

bool
retry_on_is_known(const char *word)
{
	word = plain_word(word);
	if (str_eq(word, "any"))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(class); i++)
		if (str_eq(class[i].word, word))
			return true;
	return false;
}

/* Does the workflow's rule speak of failures with that word? */
static bool
covers(const json_t *rule, const char *word)
{
	const json_t *list = jget_arr(rule, "on"), *one;
	size_t i;

	if (!rule || !word)
		return false;
	if (!list)
		return true;
	json_array_foreach(list, i, one)
	{
		const char *on = plain_word(json_string_value(one));

		if (str_eq(on, "any") || str_eq(on, word))
			return true;
	}
	return false;
}

static bool
is_class(const char *whole, const char *row)
{
	size_t n = strlen(row);

	return str_starts(whole, row) && (!whole[n] || whole[n] == '.');
}

static enum retry_what
within(const struct retry_facts *f, enum retry_kind k, int budget,
	enum retry_kind *ret_kind)
{
	if (f->used[k] >= budget)
		return RETRY_GIVE_UP;
	*ret_kind = k;
	return RETRY_AGAIN;
}

/* Whether the interrupted step may have had its effect is not known. */
static enum retry_what
after_kill(const struct retry_facts *f, enum retry_kind *ret_kind)
{
	if (str_eq(f->on_crash, "ask"))
		return RETRY_BLOCK;
	if (str_eq(f->on_crash, "fail"))
		return RETRY_GIVE_UP;
	return within(f, RETRY_KILLED, kind[RETRY_KILLED].budget, ret_kind);
}

enum retry_what
retry_decide(const struct retry_facts *f, enum retry_kind *ret_kind)
{
	size_t i = 0;

	while (i < ARRAY_LEN(class) && f->class &&
		!is_class(f->class, class[i].class))
		i++;
	if (!f->class || i == ARRAY_LEN(class))
		return RETRY_GIVE_UP;
	if (class[i].blocks || f->own_limit)
		return RETRY_BLOCK;
	if (covers(f->rule, class[i].word) &&
		(class[i].kind != RETRY_KILLED || !f->on_crash ||
			str_eq(f->on_crash, "rerun")))
		return within(f, RETRY_RULE, (int)jget_int(f->rule, "max", 0),
			ret_kind);
	if (class[i].kind == RETRY_KILLED)
		return after_kill(f, ret_kind);
	if (class[i].kind == RETRY_NONE)
		return RETRY_GIVE_UP;
	return within(f, class[i].kind, kind[class[i].kind].budget, ret_kind);
}

int64_t
retry_delay_ms(enum retry_kind k, int nth, uint64_t seed)
{
	int64_t ms = kind[k].first_ms;

	for (int i = 1; i < nth && ms < kind[k].most_ms; i++)
		ms = i == 1 ? kind[k].then_ms : ms * 2;
	ms = MIN(ms, kind[k].most_ms);
	/* A multiplicative hash (Knuth) is random enough for a jitter. */
	seed = (seed + (uint64_t)nth + 1) * UINT64_C(0x9E3779B97F4A7C15);
	return ms - ms / 5 +
	       (int64_t)((seed >> 33) % (uint64_t)(ms / 5 * 2 + 1));
}

const char *
retry_waits_for(enum retry_kind k)
{
	return kind[k].waits_for;
}
