/* SPDX-License-Identifier: MIT */
/* The framing of an HTTP/1.1 body (RFC 9112, sections 6 and 7). */
#include "base/base.h"
#include "cli/http.h"

#define CHUNK_MAX INT32_MAX

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* "1a3;extension": -1 when there is no number or it is too large. */
static int64_t
chunk_size(const char *line)
{
	int64_t size = 0;
	int digits = 0;

	for (; hex_digit(*line) >= 0; line++, digits++) {
		size = size * 16 + hex_digit(*line);
		if (size > CHUNK_MAX)
			return -1;
	}
	if (!digits || (*line && *line != ';' && *line != ' '))
		return -1;
	return size;
}

/* Collects a line up to its LF; 1 when it is whole. */
static int
line_char(struct http_framing *f, char c)
{
	if (c == '\n') {
		if (f->line_len && f->line[f->line_len - 1] == '\r')
			f->line_len--;
		f->line[f->line_len] = '\0';
		return 1;
	}
	if (f->line_len + 1 >= sizeof(f->line))
		return -1;
	f->line[f->line_len++] = c;
	return 0;
}

static int
end_of_line(struct http_framing *f)
{
	size_t len = f->line_len;

	f->line_len = 0;
	switch (f->chunk) {
	case CHUNK_SIZE:
		f->left = chunk_size(f->line);
		if (f->left < 0)
			return -1;
		f->chunk = f->left ? CHUNK_DATA : CHUNK_TRAILER;
		return 0;
	case CHUNK_DATA_END:
		f->chunk = CHUNK_SIZE;
		return len ? -1 : 0;
	case CHUNK_TRAILER:
		if (!len)
			f->chunk = CHUNK_DONE;
		return 0;
	default:
		return -1;
	}
}

static int
unchunk(struct http_framing *f, const char *p, size_t n, http_body_fn *fn,
	void *arg)
{
	while (n && f->chunk != CHUNK_DONE) {
		size_t take;
		int rc;

		if (f->chunk != CHUNK_DATA) {
			rc = line_char(f, *p);
			if (rc > 0)
				rc = end_of_line(f);
			if (rc < 0)
				return -1;
			p++, n--;
			continue;
		}
		take = MIN(n, (size_t)f->left);
		if (fn(p, take, arg))
			return 2;
		p += take, n -= take;
		f->left -= (int64_t)take;
		if (!f->left)
			f->chunk = CHUNK_DATA_END;
	}
	return f->chunk == CHUNK_DONE;
}

int
http_unframe(struct http_framing *f, const char *p, size_t n, http_body_fn *fn,
	void *arg)
{
	if (f->frame == FRAME_CHUNKED)
		return unchunk(f, p, n, fn, arg);
	if (f->frame == FRAME_LENGTH)
		n = MIN(n, (size_t)f->left);
	if (n && fn(p, n, arg))
		return 2;
	if (f->frame == FRAME_CLOSE)
		return 0;
	f->left -= (int64_t)n;
	return f->left == 0;
}
