/* SPDX-License-Identifier: MIT */
/*
 * What may be shown on a terminal: text from steps and commits without its
 * escape sequences, and times for people.
 */
#ifndef CLI_TERM_H
#define CLI_TERM_H

#include "base/base.h"
#include "base/buf.h"

enum term_state {
	TERM_TEXT,
	TERM_ESC,
	TERM_ESC_ARG, /* a two-byte escape's second byte */
	TERM_CSI,
	TERM_STRING, /* OSC, DCS, APC, PM, SOS: until BEL or ST */
	TERM_STRING_ESC,
};

#define TERM_SEQ_MAX 64

/* Zeroed at first; keeps its place between pieces. */
struct term_filter {
	bool keep_colors; /* SGR sequences pass */
	enum term_state state;
	char seq[TERM_SEQ_MAX];
	size_t seq_len;
	int utf8_left; /* continuation bytes still to come */
	bool c2;       /* the last byte was 0xc2: a C1 control may follow */
	bool cr;       /* a CR came: a LF after it is the same line's end */
	bool colored;  /* an SGR sequence other than a reset was passed */
};

/* Appends what may be shown.  Of the bytes below 0x20 only LF and TAB pass;
 * a lone CR becomes LF. */
void term_filter(
	struct term_filter *f, struct buf *out, const char *p, size_t n);

/* The same for a text that is whole, in one line: no LF passes. */
void term_clean(struct buf *out, const char *s, size_t n);
void term_cleanz(struct buf *out, const char *s); /* NULL: nothing */

/* "2026-11-25T17:35:38Z" to milliseconds, 0 when it is none. */
int64_t time_from_iso(const char *iso);
/* "just now", "5 min ago", "3 h ago", "2 days ago", from then to now. */
void time_ago(struct buf *out, int64_t then_ms, int64_t now_ms);
/* "2026-11-25 18:35:38" in the local time zone. */
void time_local(struct buf *out, int64_t wall_ms);

/* The columns of the terminal at fd, or 80. */
int term_width(int fd);

/* SGR codes for a state's name, "" where color is false. */
const char *state_color(const char *state, bool color);
const char *color_off(bool color);
/* "✓" passed, "✗" failed or error, and so on. */
const char *state_mark(const char *state);
/* Does nothing more happen by itself: final, or blocked? */
bool state_is_settled(const char *state);
/* What exits 0: passed and skipped. */
bool state_is_good(const char *state);

#endif
