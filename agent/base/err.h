/* SPDX-License-Identifier: MIT */
/*
 * An error: what kind it is and one line of text.  Functions return 0, or
 * -1 with *e set.  The one who knows the name puts it in the message;
 * callers add only what they know.  Lower case, no full stop.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/base.h"

enum err_code {
	ERR_NONE = 0,
	ERR_TEMP,     /* may pass if tried again: network, ENOSPC, EMFILE */
	ERR_PERM,     /* will not pass unchanged: bad config, bad payload */
	ERR_ABSENT,   /* the thing asked for does not exist */
	ERR_DENIED,   /* signature, token or permission was refused */
	ERR_CANCELED, /* somebody asked us to stop */
};

#define ERR_MAX 1024

struct err {
	enum err_code code;
	int sys; /* errno, where a system call failed; else 0 */
	char msg[ERR_MAX];
};

/* All return -1, so that "return err_set(...)" reads well. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
	PRINTF(3, 4);

/* From errno, classified: "open 'x': No such file or directory". */
int err_sys(struct err *e, const char *fmt, ...) PRINTF(2, 3);

/* Puts "prefix: " before the message that is there. */
int err_wrap(struct err *e, const char *fmt, ...) PRINTF(2, 3);

/* The code that an errno stands for. */
enum err_code err_code_from_errno(int sys);

/* "temporary", "permanent", "absent", "denied": for files and JSON. */
const char *err_code_name(enum err_code code);
enum err_code err_code_from_name(const char *name);

#endif
