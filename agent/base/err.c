/* SPDX-License-Identifier: MIT */
/* See err.h.  This file formats; it never prints. */
#include "base/base.h"
#include "base/err.h"

int
err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	e->code = code;
	e->sys = 0;
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return -1;
}

enum err_code
err_code_from_errno(int sys)
{
	switch (sys) {
	case ENOENT:
	case ENOTDIR:
	case ESRCH:
		return ERR_ABSENT;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_DENIED;
	case ENOSPC:
	case EDQUOT:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EAGAIN:
	case EINTR:
	case EIO:
	case ETIMEDOUT:
	case ECONNREFUSED:
	case ECONNRESET:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case EPIPE:
	case EBUSY:
		return ERR_TEMP;
	default:
		return ERR_PERM;
	}
}

int
err_sys(struct err *e, const char *fmt, ...)
{
	int sys = errno;
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	n = strlen(e->msg);
	snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", strerror(sys));
	e->code = err_code_from_errno(sys);
	e->sys = sys;
	errno = sys;
	return -1;
}

int
err_wrap(struct err *e, const char *fmt, ...)
{
	char old[ERR_MAX];
	va_list ap;
	size_t n;

	memcpy(old, e->msg, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	n = strlen(e->msg);
	snprintf(e->msg + n, sizeof(e->msg) - n, ": %.*s", (int)(ERR_MAX - 3),
		old);
	return -1;
}

static const struct {
	enum err_code code;
	const char *name;
} names[] = {
	{ ERR_NONE, "none" },
	{ ERR_TEMP, "temporary" },
	{ ERR_PERM, "permanent" },
	{ ERR_ABSENT, "absent" },
	{ ERR_DENIED, "denied" },
	{ ERR_CANCELED, "canceled" },
};

const char *
err_code_name(enum err_code code)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].code == code)
			return names[i].name;
	return "permanent";
}

enum err_code
err_code_from_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq(names[i].name, name))
			return names[i].code;
	return ERR_PERM;
}
