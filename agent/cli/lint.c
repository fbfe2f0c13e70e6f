/* SPDX-License-Identifier: MIT */
/* tellus lint: what is wrong with workflow files, without an agent. */
#include "base/base.h"
#include "cli/cmd.h"
#include "cli/opts.h"

#include "base/enc.h"
#include "base/json.h"
#include "base/strv.h"
#include "cli/repo.h"
#include "cli/term.h"
#include "model/workflow.h"
#include "os/fd.h"

#include <dirent.h>
#include <fcntl.h>

#define LINT_MAX (1024 * 1024) /* the reader's own limit is lower */

struct lint {
	struct cli *c;
	struct json_out json;
	struct buf out;
	int errors, files;
};

/* "file:12:3: message": where the message starts, and the two numbers. */
static const char *
split_place(const char *msg, const char *file, int64_t *line, int64_t *column)
{
	AUTO(freep) char *copy = NULL;
	char *rest, *a, *b;

	*line = *column = 0;
	if (!str_starts(msg, file) || msg[strlen(file)] != ':')
		return msg;
	msg += strlen(file) + 1;
	copy = rest = xstrdup(msg);
	a = strsep(&rest, ":");
	b = rest ? strsep(&rest, ":") : NULL;
	if (num_parse(a, 1, INT32_MAX, line) < 0)
		return msg + strspn(msg, " ");
	if (!b || num_parse(b, 1, INT32_MAX, column) < 0) {
		*column = 0;
		msg += strlen(a) + 1;
	} else if (rest) {
		msg += rest - copy;
	}
	return msg + strspn(msg, " ");
}

/* The line itself, and a caret below the column. */
static void
add_source(struct buf *b, const char *text, int64_t line, int64_t column)
{
	const char *end;
	size_t n;

	for (; line > 1 && text; line--) {
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	if (!text || !*text)
		return;
	end = strchr(text, '\n');
	n = end ? (size_t)(end - text) : strlen(text);
	buf_addz(b, "    ");
	term_clean(b, text, n);
	buf_addc(b, '\n');
	if (!column)
		return;
	buf_addz(b, "    ");
	/* The same tabs, so that the caret stands below its character. */
	for (size_t i = 0; (int64_t)i < column - 1; i++)
		if (i >= n || ((unsigned char)text[i] & 0xc0) != 0x80)
			buf_addc(b, i < n && text[i] == '\t' ? '\t' : ' ');
	buf_addz(b, "^\n");
}

static void
report(struct lint *l, const char *level, const char *file, const char *msg,
	const char *text)
{
	const struct lint_opts *o = l->c->opts;
	int64_t line, column;
	const char *what = split_place(msg, file, &line, &column);
	struct json_out *j = &l->json;

	if (o->json) {
		jout_obj(j, NULL);
		jout_str(j, "file", file);
		jout_int(j, "line", line);
		jout_int(j, "column", column);
		jout_str(j, "level", level);
		jout_strn(j, "message", what, strlen(what));
		jout_end(j);
		return;
	}
	buf_addz(&l->out, file);
	if (line)
		buf_addf(&l->out, ":%" PRId64, line);
	if (column)
		buf_addf(&l->out, ":%" PRId64, column);
	buf_addf(&l->out, ": %s", str_eq(level, "warning") ? "warning: " : "");
	term_cleanz(&l->out, what);
	buf_addc(&l->out, '\n');
	if (line && text)
		add_source(&l->out, text, line, column);
}

static void
lint_file(struct lint *l, const char *path, const char *shown)
{
	AUTO(workflow_freep) struct workflow *w = NULL;
	AUTO(freep) char *text = NULL;
	const struct strv *warnings;
	size_t len;
	struct err e;

	l->files++;
	if (fd_slurp_at(AT_FDCWD, path, LINT_MAX, &text, &len, &e) < 0 ||
		workflow_parse(&w, shown, text, len, &e) < 0) {
		l->errors++;
		report(l, "error", shown, e.msg, text);
		return;
	}
	warnings = workflow_warnings(w);
	for (size_t i = 0; i < warnings->len; i++)
		report(l, "warning", shown, warnings->v[i], text);
}

static int
is_yaml(const struct dirent *ent)
{
	return ent->d_name[0] != '.' && (str_ends(ent->d_name, ".yml") ||
						str_ends(ent->d_name, ".yaml"));
}

/* The repository's own files, named as from its top. */
static void
lint_repository(struct lint *l, const char *top)
{
	AUTO(freep) char *one = xasprintf("%s/.tellus.yml", top);
	AUTO(freep) char *dir = xasprintf("%s/.tellus", top);
	struct dirent **v = NULL;
	int n = scandir(dir, &v, is_yaml, alphasort);

	if (access(one, F_OK) == 0)
		lint_file(l, one, ".tellus.yml");
	for (int i = 0; i < n; i++) {
		AUTO(freep) char *path = xasprintf("%s/%s", dir, v[i]->d_name);
		AUTO(freep) char *shown = xasprintf(".tellus/%s", v[i]->d_name);

		lint_file(l, path, shown);
		free(v[i]);
	}
	free(v);
}

static int
lint_all(struct lint *l)
{
	AUTO(repo_release) struct repo repo = { 0 };
	const char *top = ".";
	struct err e;

	for (int i = 0; i < l->c->nargs; i++)
		lint_file(l, l->c->args[i], l->c->args[i]);
	if (l->c->nargs)
		return 0;
	if (repo_around(&repo, ".", &e) == 0 && repo.top)
		top = repo.top;
	lint_repository(l, top);
	return l->files ? 0 : -1;
}

int
cmd_lint(struct cli *c)
{
	const struct lint_opts *o = c->opts;
	struct lint l = { .c = c };
	int rc;

	buf_init(&l.out);
	jout_start(&l.json, &l.out);
	if (o->json)
		jout_arr(&l.json, NULL);
	rc = lint_all(&l);
	if (o->json) {
		jout_end(&l.json);
		buf_addc(&l.out, '\n');
	} else if (rc == 0 && !l.errors) {
		buf_addf(&l.out, "%d file%s, no errors\n", l.files,
			l.files == 1 ? "" : "s");
	}
	fputs(l.out.data, stdout);
	buf_release(&l.out);
	if (rc < 0)
		return cli_fail(CLI_USAGE,
			"there is no .tellus.yml and no .tellus/*.yml here; "
			"try: tellus init");
	return l.errors ? CLI_USAGE : CLI_OK;
}
