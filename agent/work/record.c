/* SPDX-License-Identifier: MIT */
/*
 * A step's record: what it gave to the steps after it, kept in a file that
 * only the agent reads, since outputs may be secret.  The event has its
 * checksum, so that a resumed job never goes on with half of one.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/crash.h"
#include "base/enc.h"
#include "os/fd.h"
#include "os/path.h"
#include "work/step.h"

#include <fcntl.h>

#define RECORD_MAX (16 << 20)

static int
write_file(struct step *s, struct err *e)
{
	struct worker *w = s->job->w;
	AUTO(buf_release) struct buf b = BUF_INIT;
	AUTO(fd_closep) int dir = -1;
	struct json_out o;
	char name[24];

	dir = worker_folder(
		w, w->attempt_fd, "records", 0700, geteuid(), getegid(), e);
	if (dir < 0)
		return -1;
	jout_start(&o, &b);
	jout_value(&o, NULL, s->record);
	snprintf(name, sizeof(name), "%d.json", s->index);
	crash_point("work.before-record");
	if (fd_put_file(dir, name, b.data, b.len, 0600, e) < 0)
		return err_wrap(e, "record of step '%s'", s->name);
	crash_point("work.record-written");
	s->record_path = xasprintf("%s/records/%s", w->attempt_path, name);
	s->record_crc = crc32c(0, b.data, b.len);
	return 0;
}

static bool
is_empty(const json_t *record)
{
	const char *summary = jget_str(record, "summary");

	return !json_object_size(jget_obj(record, "outputs")) &&
	       !json_object_size(jget_obj(record, "env")) &&
	       !json_array_size(jget_arr(record, "path")) &&
	       (!summary || !summary[0]);
}

int
record_write(struct step *s, struct err *e)
{
	/* Most steps leave nothing: that is not worth two syncs. */
	return is_empty(s->record) ? 0 : write_file(s, e);
}

int
record_read(const struct job *j, const char *path, uint32_t crc, json_t **ret,
	struct err *e)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	AUTO(fd_closep) int fd = -1;

	fd = path_open_beneath(j->w->state_fd, path, O_RDONLY, 0, e);
	if (fd < 0 || fd_slurp(fd, RECORD_MAX, &b, e) < 0)
		return -1;
	if (crc32c(0, b.data, b.len) != crc)
		return err_set(e, ERR_PERM, "'%s' is damaged", path);
	*ret = json_parse(b.data, b.len, e);
	return *ret ? 0 : err_wrap(e, "'%s'", path);
}

void
record_apply(struct job *j, const json_t *record)
{
	const json_t *dir;
	const char *name;
	json_t *value;
	size_t i;

	json_object_foreach(
		jget_obj(record, "env"), name, value) if (json_is_string(value))
		context_env(j, name, json_string_value(value));
	json_array_foreach(
		jget_arr(record, "path"), i, dir) if (json_is_string(dir))
		json_array_insert(j->path_added, 0, (json_t *)(uintptr_t)dir);
}
