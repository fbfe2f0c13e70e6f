/* SPDX-License-Identifier: MIT */
/*
 * See seccomp.h.  Calls of foreign ABIs (32-bit, x32) kill the process,
 * since their numbers mean other calls.  Where libraries know a fallback
 * the answer is ENOSYS, so that they take it.
 */
#include "base/base.h"
#include "box/seccomp.h"
#include "os/fd.h"

#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/* Newer than the library: open_tree_attr(2), Linux 6.15, the same number
 * everywhere. */
#define NR_OPEN_TREE_ATTR 467

static const char *const refused[] = {
	/* the kernel's log, accounting, quota, keys */
	"syslog",
	"uselib",
	"acct",
	"quotactl",
	"quotactl_fd",
	"add_key",
	"keyctl",
	"request_key",
	/* memory placement */
	"move_pages",
	"mbind",
	"get_mempolicy",
	"set_mempolicy",
	"set_mempolicy_home_node",
	"migrate_pages",
	/* namespaces and mounts */
	"unshare",
	"setns",
	"mount",
	"umount",
	"umount2",
	"pivot_root",
	"chroot",
	/* tracing and page faults */
	"perf_event_open",
	"bpf",
	"userfaultfd",
	"lookup_dcookie",
	"kcmp",
	"pidfd_getfd",
	"process_vm_writev",
	/* the machine */
	"kexec_load",
	"kexec_file_load",
	"init_module",
	"finit_module",
	"delete_module",
	"reboot",
	"swapon",
	"swapoff",
	"settimeofday",
	"clock_settime",
	"clock_adjtime",
	"adjtimex",
	"iopl",
	"ioperm",
	"modify_ldt",
	"vhangup",
	"nfsservctl",
	/* files by handle */
	"open_by_handle_at",
	"name_to_handle_at",
	"fanotify_init",
};

static const char *const unknown[] = {
	"clone3",
	"open_tree",
	"move_mount",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"mount_setattr",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
};

static const unsigned int refused_clone[] = {
	CLONE_NEWUSER,
	CLONE_NEWNS,
	CLONE_NEWPID,
	CLONE_NEWNET,
	CLONE_NEWIPC,
	CLONE_NEWUTS,
	CLONE_NEWCGROUP,
};

/* Pushing bytes into a terminal's input; the values of asm/termbits. */
static const unsigned int refused_ioctl[] = { 0x5412, 0x541c };

/* personality(2): Linux, UNAME26 off and on, no randomisation off, query. */
static const unsigned int personas[] = {
	0,
	0x0008,
	0x20000,
	0x20008,
	0xffffffff,
};

static int
deny_names(scmp_filter_ctx ctx, const char *const *names, size_t n, int sys)
{
	for (size_t i = 0; i < n; i++) {
		int nr = seccomp_syscall_resolve_name(names[i]);

		/* Some exist on other architectures only. */
		if (nr == __NR_SCMP_ERROR)
			continue;
		if (seccomp_rule_add(
			    ctx, SCMP_ACT_ERRNO((uint16_t)sys), nr, 0) < 0)
			return -1;
	}
	return 0;
}

static int
deny_flags(scmp_filter_ctx ctx)
{
	for (size_t i = 0; i < ARRAY_LEN(refused_clone); i++)
		if (seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM),
			    SCMP_SYS(clone), 1,
			    SCMP_A0(SCMP_CMP_MASKED_EQ, refused_clone[i],
				    refused_clone[i])) < 0)
			return -1;
	/* The kernel looks at the low half only, and so do we. */
	for (size_t i = 0; i < ARRAY_LEN(refused_ioctl); i++)
		if (seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM),
			    SCMP_SYS(ioctl), 1,
			    SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffU,
				    refused_ioctl[i])) < 0)
			return -1;
	return 0;
}

/* Families but UNIX (1), INET (2), INET6 (10) and NETLINK (16), and of that
 * one every protocol but ROUTE (0).  A value with high bits set is above 16
 * here, though the kernel would cut it. */
static int
deny_sockets(scmp_filter_ctx ctx)
{
	uint32_t act = SCMP_ACT_ERRNO(EAFNOSUPPORT);

	for (unsigned int f = 0; f < AF_NETLINK; f++) {
		if (f == AF_UNIX || f == AF_INET || f == AF_INET6)
			continue;
		if (seccomp_rule_add(ctx, act, SCMP_SYS(socket), 1,
			    SCMP_A0(SCMP_CMP_EQ, f, 0)) < 0)
			return -1;
	}
	if (seccomp_rule_add(ctx, act, SCMP_SYS(socket), 1,
		    SCMP_A0(SCMP_CMP_GT, AF_NETLINK, 0)) < 0)
		return -1;
	return seccomp_rule_add(ctx, act, SCMP_SYS(socket), 2,
		SCMP_A0(SCMP_CMP_EQ, AF_NETLINK, 0),
		SCMP_A2(SCMP_CMP_NE, 0, 0));
}

static int
add_rules(scmp_filter_ctx ctx)
{
	if (seccomp_attr_set(
		    ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) < 0 ||
		deny_names(ctx, refused, ARRAY_LEN(refused), EPERM) < 0 ||
		deny_names(ctx, unknown, ARRAY_LEN(unknown), ENOSYS) < 0 ||
		deny_flags(ctx) < 0 || deny_sockets(ctx) < 0)
		return -1;
	return seccomp_rule_add(
		ctx, SCMP_ACT_ERRNO(ENOSYS), NR_OPEN_TREE_ATTR, 0);
}

static int
export_filter(scmp_filter_ctx ctx, struct buf *out, struct err *e)
{
	AUTO(fd_closep) int fd = memfd_create("filter", MFD_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "make a memory file");
	if (seccomp_export_bpf(ctx, fd) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, ERR_PERM,
			"the system call filter could not be compiled");
	return fd_slurp(fd, BPF_MAXINSNS * sizeof(struct sock_filter), out, e);
}

const struct sock_fprog *
seccomp_filter(struct err *e)
{
	static struct sock_fprog prog;
	scmp_filter_ctx ctx;
	struct buf code = BUF_INIT;
	int r;

	if (prog.filter)
		return &prog;
	ctx = seccomp_init(SCMP_ACT_ALLOW);
	if (!ctx || add_rules(ctx) < 0) {
		seccomp_release(ctx);
		err_set(e, ERR_PERM,
			"the system call filter could not be built");
		return NULL;
	}
	r = export_filter(ctx, &code, e);
	seccomp_release(ctx);
	if (r < 0) {
		buf_release(&code);
		return NULL;
	}
	prog.len = (unsigned short)(code.len / sizeof(struct sock_filter));
	prog.filter = (struct sock_filter *)(void *)buf_take(&code);
	return &prog;
}

/*
 * The library cannot say "none of these five values", so personality(2) has
 * a filter of its own.  The other one has killed foreign ABIs by then.
 */
static int
enter_persona(struct err *e)
{
	enum { HEAD = 3, N = ARRAY_LEN(personas) };
	struct sock_filter code[HEAD + N + 2] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
			(unsigned int)SCMP_SYS(personality), 0, N + 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			offsetof(struct seccomp_data, args[0])),
	};
	struct sock_fprog prog = { ARRAY_LEN(code), code };

	for (unsigned int i = 0; i < N; i++)
		code[HEAD + i] =
			(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
				personas[i], (unsigned char)(N - i), 0);
	code[HEAD + N] = (struct sock_filter)BPF_STMT(
		BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	code[HEAD + N + 1] = (struct sock_filter)BPF_STMT(
		BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		return err_sys(e, "install the system call filter");
	return 0;
}

int
seccomp_enter(const struct sock_fprog *filter, struct err *e)
{
	if (enter_persona(e) < 0)
		return -1;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter) < 0)
		return err_sys(e, "install the system call filter");
	return 0;
}
