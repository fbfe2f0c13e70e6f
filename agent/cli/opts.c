/* SPDX-License-Identifier: MIT */
/* Reading options against tables: see cmd.h. */
#include "base/base.h"
#include "cli/cmd.h"

#include "base/enc.h"

#define OPT_NAMES_MAX 64

static const struct opt *
find_long(const struct opt_set *sets, size_t nsets, const char *name, size_t n,
	void **ret_base)
{
	for (size_t s = 0; s < nsets; s++) {
		for (size_t i = 0; i < sets[s].n; i++) {
			const struct opt *o = &sets[s].opts[i];

			if (strlen(o->name) != n || memcmp(o->name, name, n))
				continue;
			*ret_base = sets[s].base;
			return o;
		}
	}
	return NULL;
}

static const struct opt *
find_short(
	const struct opt_set *sets, size_t nsets, char letter, void **ret_base)
{
	for (size_t s = 0; s < nsets; s++) {
		for (size_t i = 0; i < sets[s].n; i++) {
			if (sets[s].opts[i].letter != letter)
				continue;
			*ret_base = sets[s].base;
			return &sets[s].opts[i];
		}
	}
	return NULL;
}

static int
set_value(const struct opt *o, void *base, const char *value, struct err *e)
{
	char *at = (char *)base + o->at;
	struct opt_list *list;

	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)at = true;
		return 0;
	case OPT_TEXT:
		*(const char **)at = value;
		return 0;
	case OPT_NUM:
		if (num_parse(value, 1, INT64_MAX, (int64_t *)at) == 0)
			return 0;
		return err_set(e, ERR_PERM,
			"option --%s wants a number from 1, not '%s'", o->name,
			value);
	case OPT_LIST:
		list = (struct opt_list *)(void *)at;
		if (list->n == OPT_LIST_MAX)
			return err_set(e, ERR_PERM,
				"option --%s was given more than %d times",
				o->name, OPT_LIST_MAX);
		list->v[list->n++] = value;
		return 0;
	}
	return err_set(e, ERR_PERM, "option --%s has no kind", o->name);
}

static int
unknown_long(const struct opt_set *sets, size_t nsets, const char *name,
	size_t n, struct err *e)
{
	AUTO(freep) char *word = xstrndup(name, n);
	const char *names[OPT_NAMES_MAX], *near;
	size_t len = 0;

	for (size_t s = 0; s < nsets; s++)
		for (size_t i = 0; i < sets[s].n; i++)
			if (len < ARRAY_LEN(names))
				names[len++] = sets[s].opts[i].name;
	near = nearest_name(word, names, len);
	if (near)
		return err_set(e, ERR_PERM,
			"unknown option '--%s'; did you mean '--%s'?", word,
			near);
	return err_set(e, ERR_PERM, "unknown option '--%s'", word);
}

/* "--name", "--name=value" or "--name value"; *i is moved past a value. */
static int
long_opt(const struct opt_set *sets, size_t nsets, int *i, int argc,
	char **argv, struct err *e)
{
	const char *name = argv[*i] + 2;
	const char *eq = strchr(name, '=');
	size_t n = eq ? (size_t)(eq - name) : strlen(name);
	void *base = NULL;
	const struct opt *o = find_long(sets, nsets, name, n, &base);

	if (!o)
		return unknown_long(sets, nsets, name, n, e);
	if (o->kind == OPT_FLAG && eq)
		return err_set(
			e, ERR_PERM, "option --%s takes no value", o->name);
	if (o->kind == OPT_FLAG || eq)
		return set_value(o, base, eq ? eq + 1 : NULL, e);
	if (*i + 1 >= argc)
		return err_set(e, ERR_PERM, "option --%s needs a value: %s",
			o->name, o->arg);
	return set_value(o, base, argv[++*i], e);
}

/* "-f", "-fx" or "-x value". */
static int
short_opts(const struct opt_set *sets, size_t nsets, int *i, int argc,
	char **argv, struct err *e)
{
	for (const char *p = argv[*i] + 1; *p; p++) {
		void *base = NULL;
		const struct opt *o = find_short(sets, nsets, *p, &base);

		if (!o)
			return err_set(e, ERR_PERM, "unknown option '-%c'", *p);
		if (o->kind == OPT_FLAG) {
			set_value(o, base, NULL, e);
			continue;
		}
		if (p[1])
			return set_value(o, base, p + 1, e);
		if (*i + 1 >= argc)
			return err_set(e, ERR_PERM,
				"option -%c needs a value: %s", *p, o->arg);
		return set_value(o, base, argv[++*i], e);
	}
	return 0;
}

int
opts_parse(const struct opt_set *sets, size_t nsets, int *argc, char **argv,
	bool stop_at_word, struct err *e)
{
	int words = 0, i;

	for (i = 0; i < *argc; i++) {
		const char *w = argv[i];
		int rc;

		if (str_eq(w, "--")) {
			i++;
			break;
		}
		if (w[0] != '-' || !w[1]) {
			if (stop_at_word)
				break;
			argv[words++] = argv[i];
			continue;
		}
		if (w[1] == '-')
			rc = long_opt(sets, nsets, &i, *argc, argv, e);
		else
			rc = short_opts(sets, nsets, &i, *argc, argv, e);
		if (rc < 0)
			return -1;
	}
	for (; i < *argc; i++)
		argv[words++] = argv[i];
	*argc = words;
	return 0;
}
