/* SPDX-License-Identifier: MIT */
/* See drop.h. */
#include "base/base.h"
#include "box/drop.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

int
drop_user(uid_t uid, gid_t gid, struct err *e)
{
	if (setgroups(0, NULL) < 0)
		return err_sys(e, "give up the supplementary groups");
	if (setresgid(gid, gid, gid) < 0)
		return err_sys(e, "become group %u", gid);
	if (setresuid(uid, uid, uid) < 0)
		return err_sys(e, "become user %u", uid);
	return 0;
}

int
drop_bounding(struct err *e)
{
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	/* The kernel says EINVAL at the first number that it has not. */
	for (unsigned long cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return errno == EINVAL && cap > 0
				       ? 0
				       : err_sys(e, "drop capability %lu", cap);
	return 0;
}

int
drop_caps(uint64_t keep, struct err *e)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{ (uint32_t)keep, (uint32_t)keep, 0 },
		{ (uint32_t)(keep >> 32), (uint32_t)(keep >> 32), 0 },
	};

	if (syscall(SYS_capset, &head, data) < 0)
		return err_sys(e, "give up the capabilities");
	return 0;
}

int
drop_new_privs(struct err *e)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, "set no-new-privileges");
	return 0;
}

int
drop_limit(int resource, const char *name, int64_t value, struct err *e)
{
	struct rlimit old, new;

	if (getrlimit((__rlimit_resource_t)resource, &old) < 0)
		return err_sys(e, "read the limit %s", name);
	new.rlim_max = MIN((rlim_t)value, old.rlim_max);
	new.rlim_cur = new.rlim_max;
	if (setrlimit((__rlimit_resource_t)resource, &new) < 0)
		return err_sys(e, "set the limit %s", name);
	return 0;
}
