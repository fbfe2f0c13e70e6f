/* SPDX-License-Identifier: MIT */
/* See head.h. */
#include "base/base.h"
#include "web/head.h"
#include "base/enc.h"

#include <strings.h>

struct scan {
	const char *end; /* of the previous line's text */
	bool proper;
	unsigned int lengths, encodings, hosts;
	uint64_t length;
	enum head_fault fault;
};

static const char *const texts[] = {
	[HEAD_OK] = "the address has a NUL in it",
	[HEAD_LENGTHS] = "the length of the body is given twice",
	[HEAD_LENGTH] = "Content-Length is not a number",
	[HEAD_ENCODING] = "the only Transfer-Encoding taken is chunked",
	[HEAD_NAME] = "a header has a name that HTTP does not allow",
	[HEAD_VALUE] = "a header has a control character in its value",
	[HEAD_HOST] = "there is more than one Host header",
};

const char *
head_fault_text(enum head_fault f)
{
	return texts[f];
}

/* RFC 9110, section 5.6.2: tchar. */
static bool
is_token(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9'))
			continue;
		if (!c || !strchr("!#$%&'*+-.^_`|~", c))
			return false;
	}
	return n > 0;
}

static bool
is_text(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static void
look_at(struct scan *s, const char *name, const char *value)
{
	int64_t n;

	if (!strcasecmp(name, "Host")) {
		s->hosts++;
	} else if (!strcasecmp(name, "Transfer-Encoding")) {
		s->encodings++;
		if (strcmp(value, "chunked"))
			s->fault = HEAD_ENCODING;
	} else if (!strcasecmp(name, "Content-Length")) {
		s->lengths++;
		if (num_parse(value, 0, INT64_MAX, &n) < 0)
			s->fault = HEAD_LENGTH;
		else
			s->length = (uint64_t)n;
	}
}

/* The pointers are into the library's read buffer, where each line's end
 * was overwritten: distances say what was there. */
static bool
follows(const char *at, const char *before, size_t distance)
{
	return (uintptr_t)at == (uintptr_t)before + distance;
}

static enum MHD_Result
scan_header(void *cls, enum MHD_ValueKind kind UNUSED, const char *name,
	size_t name_len, const char *value, size_t value_len)
{
	struct scan *s = cls;

	if (!is_token(name, name_len))
		s->fault = HEAD_NAME;
	else if (value && !is_text(value, value_len))
		s->fault = HEAD_VALUE;
	else
		look_at(s, name, value ? value : "");
	if (!value || !follows(name, s->end, 2) ||
		!follows(value, name + name_len, 2))
		s->proper = false;
	s->end = value ? value + value_len : name + name_len;
	return s->fault == HEAD_OK ? MHD_YES : MHD_NO;
}

enum head_fault
head_check(struct MHD_Connection *mc, const char *method,
	const char *const line[2], const char *version, uint64_t *ret_length,
	bool *ret_proper)
{
	const union MHD_ConnectionInfo *size = MHD_get_connection_info(
		mc, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	struct scan s = {
		.end = version + strlen(version),
		/* A NUL would have ended the address early. */
		.proper = size &&
			  follows(line[0], method, strlen(method) + 1) &&
			  follows(version, line[1], 1),
	};

	MHD_get_connection_values_n(mc, MHD_HEADER_KIND, scan_header, &s);
	if (s.lengths + s.encodings > 1)
		s.fault = HEAD_LENGTHS;
	else if (s.hosts > 1 && s.fault == HEAD_OK)
		s.fault = HEAD_HOST;
	/* After the last value: CR LF CR LF. */
	*ret_proper = s.proper && s.fault == HEAD_OK &&
		      follows(method, s.end, 4 - size->header_size);
	*ret_length = s.length;
	return s.fault;
}
