/* SPDX-License-Identifier: MIT */
/*
 * What a step wrote to GITHUB_OUTPUT, GITHUB_ENV, GITHUB_PATH and
 * GITHUB_STEP_SUMMARY.  A step can have put anything in their place, so
 * only regular files of a bounded size are read, and never through a link.
 * Source: GitHub's "Workflow commands", section "Environment files".
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/enc.h"
#include "os/fd.h"
#include "os/path.h"
#include "work/step.h"

#include <fcntl.h>
#include <sys/stat.h>

#define COMMAND_FILE_MAX (1 << 20)

/* The next line at *at, without its end; false when there is none. */
static bool
next_line(const char **at, const char *end, const char **line, size_t *len)
{
	const char *nl;

	if (*at >= end)
		return false;
	nl = memchr(*at, '\n', (size_t)(end - *at));
	*line = *at;
	*len = (size_t)((nl ? nl : end) - *at);
	*at = nl ? nl + 1 : end;
	if (*len && (*line)[*len - 1] == '\r')
		(*len)--;
	return true;
}

static void
put(json_t *to, const char *name, size_t name_len, const char *value,
	size_t len)
{
	AUTO(freep) char *key = xstrndup(name, name_len);
	AUTO(buf_release) struct buf clean = BUF_INIT;

	utf8_addclean(&clean, value, len);
	json_object_set_new(to, key, json_stringn(clean.data, clean.len));
}

/* NAME<<DELIMITER, the value's lines, DELIMITER alone on a line. */
static int
read_block(const char *file, const char *name, size_t name_len,
	const char *delim, size_t delim_len, const char **at, const char *end,
	json_t *to, struct err *e)
{
	AUTO(buf_release) struct buf value = BUF_INIT;
	const char *line;
	size_t len;

	if (!delim_len)
		return err_set(e, ERR_PERM, "%s: '%.*s<<' has no delimiter",
			file, (int)MIN(name_len, 100), name);
	while (next_line(at, end, &line, &len)) {
		if (len == delim_len && memcmp(line, delim, len) == 0) {
			if (value.len)
				value.len--; /* the last line's end */
			put(to, name, name_len, value.data, value.len);
			return 0;
		}
		buf_add(&value, line, len);
		buf_addc(&value, '\n');
	}
	return err_set(e, ERR_PERM,
		"%s: the value of '%.*s' has no closing line '%.*s'", file,
		(int)MIN(name_len, 100), name, (int)MIN(delim_len, 100), delim);
}

int
files_parse_pairs(const char *file, const char *text, size_t len, json_t *to,
	struct err *e)
{
	const char *at = text, *end = text + len, *line;
	size_t n;

	if (memchr(text, '\0', len))
		return err_set(e, ERR_PERM, "%s: holds a NUL byte", file);
	while (next_line(&at, end, &line, &n)) {
		const char *eq = memchr(line, '=', n);
		const char *block = memmem(line, n, "<<", 2);
		const char *stop = line + n;

		if (!n)
			continue;
		if (block && (!eq || block < eq)) {
			if (block == line)
				return err_set(e, ERR_PERM,
					"%s: a value without a name", file);
			if (read_block(file, line, (size_t)(block - line),
				    block + 2, (size_t)(stop - block - 2), &at,
				    end, to, e) < 0)
				return -1;
			continue;
		}
		if (!eq || eq == line)
			return err_set(e, ERR_PERM,
				"%s: '%.*s' is neither NAME=VALUE nor "
				"NAME<<DELIMITER",
				file, (int)MIN(n, 100), line);
		put(to, line, (size_t)(eq - line), eq + 1,
			(size_t)(stop - eq - 1));
	}
	return 0;
}

static int
slurp(const struct step *s, const char *name, struct buf *out, struct err *e)
{
	AUTO(freep) char *path = xasprintf("cmd/%s", name);
	AUTO(fd_closep) int fd = -1;
	struct stat st;

	fd = path_open_beneath(
		s->layer_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, e);
	if (fd < 0)
		return e->code == ERR_ABSENT ? 0 : -1;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat '%s'", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_PERM, "is no longer a file");
	return fd_slurp(fd, COMMAND_FILE_MAX, out, e);
}

static int
read_pairs(struct step *s, const char *shown, const char *name,
	const char *member, struct err *e)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	json_t *to = json_object();

	json_object_set_new(s->record, member, to);
	if (slurp(s, name, &b, e) < 0)
		return err_wrap(e, "%s", shown);
	return files_parse_pairs(shown, b.data, b.len, to, e);
}

static int
read_path(struct step *s, struct err *e)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	json_t *to = json_array();
	const char *at, *end, *line;
	size_t n;

	json_object_set_new(s->record, "path", to);
	if (slurp(s, "path", &b, e) < 0)
		return err_wrap(e, "GITHUB_PATH");
	at = b.data;
	end = b.data + b.len;
	while (next_line(&at, end, &line, &n))
		if (n && utf8_valid(line, n) && !memchr(line, '\0', n))
			json_array_append_new(to, json_stringn(line, n));
	return 0;
}

static int
read_summary(struct step *s, struct err *e)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	AUTO(buf_release) struct buf clean = BUF_INIT;

	if (slurp(s, "summary", &b, e) < 0)
		return err_wrap(e, "GITHUB_STEP_SUMMARY");
	utf8_addclean(&clean, b.data, b.len);
	json_object_set_new(
		s->record, "summary", json_stringn(clean.data, clean.len));
	return 0;
}

int
files_read(struct step *s, struct err *e)
{
	s->record = json_object();
	if (read_pairs(s, "GITHUB_OUTPUT", "output", "outputs", e) < 0 ||
		read_pairs(s, "GITHUB_ENV", "env", "env", e) < 0)
		return -1;
	if (read_path(s, e) < 0)
		return -1;
	return read_summary(s, e);
}
