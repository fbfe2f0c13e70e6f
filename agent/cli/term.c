/* SPDX-License-Identifier: MIT */
/* See term.h. */
#include "base/base.h"
#include "cli/term.h"

#include <sys/ioctl.h>

#define MINUTE_MS ((int64_t)60000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

#define C1_FIRST 0x80
#define C1_LAST 0x9f

static void
begin(struct term_filter *f, enum term_state s)
{
	f->state = s;
	f->seq_len = 0;
}

/* A C1 control, or the letter after ESC that means the same. */
static void
control(struct term_filter *f, unsigned char c1)
{
	switch (c1) {
	case 0x9b:
		begin(f, TERM_CSI);
		break;
	case 0x90: /* DCS */
	case 0x98: /* SOS */
	case 0x9d: /* OSC */
	case 0x9e: /* PM */
	case 0x9f: /* APC */
		begin(f, TERM_STRING);
		break;
	default:
		begin(f, TERM_TEXT);
	}
}

static void
text_byte(struct term_filter *f, struct buf *out, unsigned char c)
{
	bool cr = f->cr, c2 = f->c2;

	f->cr = f->c2 = false;
	if (f->utf8_left && (c & 0xc0) == 0x80) {
		f->utf8_left--;
		if (c2 && c <= C1_LAST)
			control(f, c);
		else if (c2)
			buf_addc(out, (char)0xc2), buf_addc(out, (char)c);
		else
			buf_addc(out, (char)c);
		return;
	}
	f->utf8_left = 0;
	if (c == 0x1b)
		begin(f, TERM_ESC);
	else if (c == '\r')
		f->cr = true, buf_addc(out, '\n');
	else if (c == '\n' && cr)
		return;
	else if (c == '\n' || c == '\t' || (c >= 0x20 && c < 0x7f))
		buf_addc(out, (char)c);
	else if (c >= C1_FIRST && c <= C1_LAST)
		control(f, c);
	else if (c == 0xc2)
		f->c2 = true, f->utf8_left = 1;
	else if (c >= 0xc3) {
		f->utf8_left = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
		buf_addc(out, (char)c);
	}
}

static void
csi_byte(struct term_filter *f, struct buf *out, unsigned char c)
{
	if (c >= 0x20 && c < 0x40) {
		if (f->seq_len < TERM_SEQ_MAX - 1)
			f->seq[f->seq_len++] = (char)c;
		return;
	}
	f->seq[f->seq_len] = '\0';
	f->state = TERM_TEXT;
	if (c < 0x20 || c > 0x7e) {
		text_byte(f, out, c); /* the sequence was broken off */
		return;
	}
	if (c != 'm' || !f->keep_colors || f->seq_len >= TERM_SEQ_MAX - 1 ||
		strspn(f->seq, "0123456789;:") != f->seq_len)
		return;
	f->colored = f->seq_len && !str_eq(f->seq, "0");
	buf_addf(out, "\033[%sm", f->seq);
}

static void
esc_byte(struct term_filter *f, struct buf *out, unsigned char c)
{
	if (c == 0x1b)
		return;
	if (c >= 0x40 && c <= 0x5f)
		control(f, (unsigned char)(c + 0x40));
	else if (c >= 0x20 && c <= 0x2f)
		begin(f, TERM_ESC_ARG);
	else {
		begin(f, TERM_TEXT);
		if (c < 0x20)
			text_byte(f, out, c);
	}
}

static void
string_byte(struct term_filter *f, unsigned char c)
{
	/* ST may come as ESC \, as a C1 byte, or as U+009C. */
	if (c == 0x07 || c == 0x9c)
		begin(f, TERM_TEXT);
	else if (c == 0x1b)
		f->state = TERM_STRING_ESC;
	else if (c == '\n' && f->seq_len++ > TERM_SEQ_MAX)
		begin(f, TERM_TEXT); /* never closed: show what follows */
}

void
term_filter(struct term_filter *f, struct buf *out, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		switch (f->state) {
		case TERM_TEXT:
			text_byte(f, out, c);
			break;
		case TERM_ESC:
			esc_byte(f, out, c);
			break;
		case TERM_ESC_ARG:
			if (c < 0x20 || c > 0x2f)
				begin(f, TERM_TEXT);
			break;
		case TERM_CSI:
			csi_byte(f, out, c);
			break;
		case TERM_STRING:
			string_byte(f, c);
			break;
		case TERM_STRING_ESC:
			if (c == '\\')
				begin(f, TERM_TEXT);
			else
				f->state = TERM_ESC, esc_byte(f, out, c);
			break;
		}
	}
}

void
term_clean(struct buf *out, const char *s, size_t n)
{
	struct term_filter f = { 0 };
	size_t from = out->len;

	term_filter(&f, out, s, n);
	for (size_t i = from; i < out->len; i++)
		if (out->data[i] == '\n')
			out->data[i] = ' ';
}

void
term_cleanz(struct buf *out, const char *s)
{
	if (s)
		term_clean(out, s, strlen(s));
}

int64_t
time_from_iso(const char *iso)
{
	struct tm tm = { 0 };
	const char *end = iso ? strptime(iso, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;

	if (!end)
		return 0;
	return (int64_t)timegm(&tm) * 1000;
}

void
time_ago(struct buf *out, int64_t then_ms, int64_t now_ms)
{
	int64_t ms = now_ms - then_ms;

	if (!then_ms)
		return;
	if (ms < 10000)
		buf_addz(out, "just now");
	else if (ms < MINUTE_MS)
		buf_addf(out, "%" PRId64 " s ago", ms / 1000);
	else if (ms < HOUR_MS)
		buf_addf(out, "%" PRId64 " min ago", ms / MINUTE_MS);
	else if (ms < DAY_MS)
		buf_addf(out, "%" PRId64 " h ago", ms / HOUR_MS);
	else
		buf_addf(out, "%" PRId64 " day%s ago", ms / DAY_MS,
			ms < 2 * DAY_MS ? "" : "s");
}

void
time_local(struct buf *out, int64_t wall_ms)
{
	time_t t = (time_t)(wall_ms / 1000);
	char text[32];
	struct tm tm;

	if (!wall_ms || !localtime_r(&t, &tm))
		return;
	if (strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm))
		buf_addz(out, text);
}

int
term_width(int fd)
{
	struct winsize ws;

	if (ioctl(fd, TIOCGWINSZ, &ws) == 0 && ws.ws_col >= 20)
		return ws.ws_col;
	return 80;
}

/* clang-format off */
static const struct {
	const char *name, *mark, *color;
	bool settled, good;
} states[] = {
	{ "received",   "·", "",         false, false },
	{ "planning",   "·", "",         false, false },
	{ "queued",     "·", "",         false, false },
	{ "running",    "▸", "\033[36m", false, false },
	{ "waiting",    "·", "\033[33m", false, false },
	{ "blocked",    "!", "\033[33m", true,  false },
	{ "passed",     "✓", "\033[32m", true,  true },
	{ "failed",     "✗", "\033[31m", true,  false },
	{ "canceled",   "-", "\033[33m", true,  false },
	{ "error",      "✗", "\033[31m", true,  false },
	{ "skipped",    "-", "\033[2m",  true,  true },
	{ "superseded", "-", "\033[2m",  true,  false },
};
/* clang-format on */

static size_t
state_row(const char *state)
{
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		if (str_eq(states[i].name, state))
			return i;
	return 0;
}

const char *
state_color(const char *state, bool color)
{
	return color ? states[state_row(state)].color : "";
}

const char *
color_off(bool color)
{
	return color ? "\033[0m" : "";
}

const char *
state_mark(const char *state)
{
	return states[state_row(state)].mark;
}

bool
state_is_settled(const char *state)
{
	return states[state_row(state)].settled;
}

bool
state_is_good(const char *state)
{
	return states[state_row(state)].good;
}
