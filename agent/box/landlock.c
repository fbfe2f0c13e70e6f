/* SPDX-License-Identifier: MIT */
/* See landlock.h.  Rights newer than the C library's headers are here. */
#include "base/base.h"
#include "box/landlock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* The rule set as of ABI 6; older kernels are told a shorter size. */
struct rules {
	uint64_t fs, net, scoped;
};

struct beneath {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

#define RULE_PATH_BENEATH 1
#define GET_VERSION 1U

#define FS_EXECUTE (UINT64_C(1) << 0)
#define FS_WRITE_FILE (UINT64_C(1) << 1)
#define FS_READ_FILE (UINT64_C(1) << 2)
#define FS_READ_DIR (UINT64_C(1) << 3)
#define FS_REMOVE_DIR (UINT64_C(1) << 4)
#define FS_REMOVE_FILE (UINT64_C(1) << 5)
#define FS_MAKE (UINT64_C(0x7f) << 6) /* char dir reg sock fifo block sym */
#define FS_REFER (UINT64_C(1) << 13)
#define FS_TRUNCATE (UINT64_C(1) << 14)
#define FS_IOCTL_DEV (UINT64_C(1) << 15)
#define SCOPE_ABSTRACT_SOCKET (UINT64_C(1) << 0)
#define SCOPE_SIGNAL (UINT64_C(1) << 1)

#define FS_READ (FS_EXECUTE | FS_READ_FILE | FS_READ_DIR)
/* What a rule on a file that is no folder may name. */
#define FS_OF_FILE                                                             \
	(FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

/* ABI 1 refuses every rename between folders, whatever the rules say. */
#define ABI_MIN 2

int
landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, GET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

static uint64_t
write_rights(int abi)
{
	uint64_t r = FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE |
		     FS_REFER;

	if (abi >= 3)
		r |= FS_TRUNCATE;
	if (abi >= 5)
		r |= FS_IOCTL_DEV;
	return r;
}

static int
allow(int set, const char *const *paths, uint64_t rights, struct err *e)
{
	for (; *paths; paths++) {
		struct beneath rule = { .allowed = rights };
		struct stat st;
		int r;

		rule.fd = open(*paths, O_PATH | O_CLOEXEC);
		if (rule.fd < 0)
			continue;
		if (fstat(rule.fd, &st) == 0 && !S_ISDIR(st.st_mode))
			rule.allowed &= FS_OF_FILE;
		r = (int)syscall(SYS_landlock_add_rule, set, RULE_PATH_BENEATH,
			&rule, 0);
		close(rule.fd);
		if (r < 0)
			return err_sys(e, "landlock rule for '%s'", *paths);
	}
	return 0;
}

int
landlock_enter(
	int abi, const char *const *rw, const char *const *ro, struct err *e)
{
	uint64_t write = write_rights(abi), read = ro ? FS_READ : 0;
	struct rules rules = { .fs = write | read };
	size_t size = sizeof(rules.fs);
	int set, r;

	if (abi < ABI_MIN)
		return 0;
	if (abi >= 6) {
		rules.scoped = SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL;
		size = sizeof(rules);
	}
	set = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	if (set < 0)
		return err_sys(e, "make a landlock rule set");
	r = allow(set, rw, write | read, e);
	if (r == 0 && ro)
		r = allow(set, ro, read, e);
	if (r == 0 && syscall(SYS_landlock_restrict_self, set, 0) < 0)
		r = err_sys(e, "enter landlock");
	close(set);
	return r;
}
