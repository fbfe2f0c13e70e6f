/* SPDX-License-Identifier: MIT */
/* See log.h.  One write(2) a line, so that lines of threads never mix. */
#include "base/base.h"
#include "base/buf.h"
#include "base/log.h"

static enum log_level max_level = LOG_INFO;
static const char *prog_name = "tellus";

void
log_set_level(enum log_level level)
{
	max_level = level;
}

void
log_set_name(const char *name)
{
	prog_name = name;
}

static void
put_escaped(struct buf *out, const struct buf *in)
{
	for (size_t i = 0; i < in->len; i++) {
		unsigned char c = (unsigned char)in->data[i];

		if (c < 0x20 || c == 0x7f)
			buf_addf(out, "\\x%02x", c);
		else
			buf_addc(out, (char)c);
	}
}

void
log_line(enum log_level level, const char *fmt, ...)
{
	AUTO(buf_release) struct buf text = BUF_INIT, line = BUF_INIT;
	int saved = errno;
	va_list ap;

	if (level > max_level)
		return;
	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	if (getenv("JOURNAL_STREAM"))
		buf_addf(&line, "<%d>", (int)level);
	else
		buf_addf(&line, "%s: ", prog_name);
	put_escaped(&line, &text);
	buf_addc(&line, '\n');
	if (write(STDERR_FILENO, line.data, line.len) < 0)
		errno = saved; /* nowhere to say it */
	errno = saved;
}
