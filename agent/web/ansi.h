/* SPDX-License-Identifier: MIT */
/*
 * What a step printed, as HTML: text is escaped, SGR colours become
 * <span class="...">, every other control sequence is dropped, bytes that
 * are not UTF-8 become U+FFFD and NUL becomes a visible sign.  A filter
 * without I/O: how the bytes are cut into pieces makes no difference.  It
 * moves no cursor: a carriage return begins a new line.
 */
#ifndef WEB_ANSI_H
#define WEB_ANSI_H

#include "base/base.h"
#include "base/buf.h"

#define ANSI_PARAMS 16 /* of one sequence; the rest is left out */
#define ANSI_NO_COLOR (-1)

struct ansi_style {
	signed char fg, bg; /* 0-15, or ANSI_NO_COLOR */
	bool bold, dim, italic, underline, strike;
};

struct ansi {
	unsigned char state; /* see ansi.c */
	bool sgr_ok;         /* the sequence may still be a plain SGR */
	bool has_cr, is_open;
	bool is_sub[ANSI_PARAMS]; /* came after a colon */
	int param[ANSI_PARAMS];
	unsigned int nparams;
	struct ansi_style want, open;
	char part[4]; /* a UTF-8 sequence that is not complete */
	unsigned int npart;
};

void ansi_init(struct ansi *a);
void ansi_add(struct ansi *a, const char *s, size_t n, struct buf *out);
/* Closes what is open; a is as new after it. */
void ansi_end(struct ansi *a, struct buf *out);

#endif
