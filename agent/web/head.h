/* SPDX-License-Identifier: MIT */
/*
 * The head of a request, looked at more strictly than libmicrohttpd 0.9.75
 * does: it takes the first of two lengths, a length beside an encoding,
 * line feeds without carriage returns, folded lines, and a NUL within a
 * value, each of which a proxy in front may read in another way.
 *
 * What can be told apart is refused.  What cannot (a NUL or a bare line
 * feed leaves no trace in what the library hands out) makes the request
 * improper: it is answered, but its connection is closed after it, so that
 * nothing hidden behind it is ever taken for a second request.
 */
#ifndef WEB_HEAD_H
#define WEB_HEAD_H

#include "base/base.h"

#include <microhttpd.h>

enum head_fault {
	HEAD_OK,
	HEAD_LENGTHS,  /* two Content-Length, or one beside an encoding */
	HEAD_LENGTH,   /* not a number */
	HEAD_ENCODING, /* a Transfer-Encoding other than "chunked" */
	HEAD_NAME,     /* a header's name has a character it may not have */
	HEAD_VALUE,    /* a control character in a value */
	HEAD_HOST,     /* more than one */
};
const char *head_fault_text(enum head_fault f);

/* Checks all headers; line is where the address begins and ends in the
 * read buffer; *ret_length is the body's announced length, 0 when there is
 * none.  *ret_proper: the head lies in memory as the request line
 * and "Name: value" CR LF, line after line, and nothing else. */
enum head_fault head_check(struct MHD_Connection *mc, const char *method,
	const char *const line[2], const char *version, uint64_t *ret_length,
	bool *ret_proper);

#endif
