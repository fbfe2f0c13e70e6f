/* SPDX-License-Identifier: MIT */
/*
 * What the box's tests run inside: one misdeed or question per subcommand.
 * Linked statically and alone, so that it runs in any root.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define NEW_NS 0x20000
#define NETFILTER 12
#define VSOCK 40
#define ALG 38

struct call {
	const char *name;
	long nr, a, b, c, d;
	int want;
};

static char buf[64];
#define B ((long)(intptr_t)buf)
#define S(text) ((long)(intptr_t)(text))

/* clang-format off */
static const struct call calls[] = {
	{ "syslog", SYS_syslog, 10, 0, 0, 0, EPERM },
	{ "acct", SYS_acct, 0, 0, 0, 0, EPERM },
	{ "quotactl", SYS_quotactl, -1, 0, 0, 0, EPERM },
	{ "quotactl_fd", 443, -1, 0, 0, 0, EPERM },
	{ "add_key", SYS_add_key, S("user"), S("x"), B, 1, EPERM },
	{ "keyctl", SYS_keyctl, 0, -3, 0, 0, EPERM },
	{ "request_key", SYS_request_key, S("user"), S("x"), 0, 0, EPERM },
	{ "move_pages", SYS_move_pages, 0, 0, 0, 0, EPERM },
	{ "mbind", SYS_mbind, 0, 0, 0, 0, EPERM },
	{ "get_mempolicy", SYS_get_mempolicy, 0, 0, 0, 0, EPERM },
	{ "set_mempolicy", SYS_set_mempolicy, 0, 0, 0, 0, EPERM },
	{ "set_mempolicy_home_node", 450, 0, 0, 0, 0, EPERM },
	{ "migrate_pages", SYS_migrate_pages, 0, 0, 0, 0, EPERM },
	{ "unshare user", SYS_unshare, CLONE_NEWUSER, 0, 0, 0, EPERM },
	{ "unshare nothing", SYS_unshare, 0, 0, 0, 0, EPERM },
	{ "setns", SYS_setns, -1, 0, 0, 0, EPERM },
	{ "mount", SYS_mount, 0, 0, 0, 0, EPERM },
	{ "umount2", SYS_umount2, S("/workspace"), 2, 0, 0, EPERM },
	{ "pivot_root", SYS_pivot_root, 0, 0, 0, 0, EPERM },
	{ "chroot", SYS_chroot, S("/tmp"), 0, 0, 0, EPERM },
	{ "clone user", SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, EPERM },
	{ "clone ns", SYS_clone, NEW_NS | SIGCHLD, 0, 0, 0, EPERM },
	{ "clone pid", SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, EPERM },
	{ "clone net", SYS_clone, CLONE_NEWNET | SIGCHLD, 0, 0, 0, EPERM },
	{ "clone cgroup", SYS_clone, CLONE_NEWCGROUP | SIGCHLD, 0, 0, 0,
		EPERM },
	{ "TIOCSTI", SYS_ioctl, 0, TIOCSTI, B, 0, EPERM },
	{ "TIOCSTI high", SYS_ioctl, 0, TIOCSTI | (1L << 32), B, 0, EPERM },
	{ "TIOCLINUX", SYS_ioctl, 0, TIOCLINUX, B, 0, EPERM },
	{ "perf_event_open", SYS_perf_event_open, 0, 0, 0, 0, EPERM },
	{ "bpf", SYS_bpf, 0, 0, 0, 0, EPERM },
	{ "userfaultfd", SYS_userfaultfd, 1, 0, 0, 0, EPERM },
	{ "kexec_load", SYS_kexec_load, 0, 0, 0, 0, EPERM },
	{ "init_module", SYS_init_module, 0, 0, 0, 0, EPERM },
	{ "finit_module", SYS_finit_module, -1, 0, 0, 0, EPERM },
	{ "delete_module", SYS_delete_module, 0, 0, 0, 0, EPERM },
	{ "reboot", SYS_reboot, 0, 0, 0, 0, EPERM },
	{ "swapon", SYS_swapon, 0, 0, 0, 0, EPERM },
	{ "swapoff", SYS_swapoff, 0, 0, 0, 0, EPERM },
	{ "settimeofday", SYS_settimeofday, 0, 0, 0, 0, EPERM },
	{ "clock_settime", SYS_clock_settime, 99, 0, 0, 0, EPERM },
	{ "clock_adjtime", SYS_clock_adjtime, 99, 0, 0, 0, EPERM },
	{ "adjtimex", SYS_adjtimex, 0, 0, 0, 0, EPERM },
#ifdef __x86_64__
	{ "iopl", SYS_iopl, 0, 0, 0, 0, EPERM },
	{ "ioperm", SYS_ioperm, 0, 1, 0, 0, EPERM },
	{ "modify_ldt", SYS_modify_ldt, 0, 0, 0, 0, EPERM },
	{ "uselib", SYS_uselib, 0, 0, 0, 0, EPERM },
#endif
	{ "vhangup", SYS_vhangup, 0, 0, 0, 0, EPERM },
	{ "name_to_handle_at", SYS_name_to_handle_at, -1, 0, 0, 0, EPERM },
	{ "open_by_handle_at", SYS_open_by_handle_at, -1, 0, 0, 0, EPERM },
	{ "fanotify_init", SYS_fanotify_init, 0, 0, 0, 0, EPERM },
	{ "kcmp", SYS_kcmp, 0, 0, 0, 0, EPERM },
	{ "pidfd_getfd", SYS_pidfd_getfd, -1, 0, 0, 0, EPERM },
	{ "process_vm_writev", SYS_process_vm_writev, 0, 0, 0, 0, EPERM },
	{ "personality 1", SYS_personality, 1, 0, 0, 0, EPERM },
	{ "personality READ_IMPLIES_EXEC", SYS_personality, 0x400000, 0, 0, 0,
		EPERM },
	{ "clone3", SYS_clone3, 0, 0, 0, 0, ENOSYS },
	{ "open_tree", SYS_open_tree, -1, 0, 0, 0, ENOSYS },
	{ "open_tree_attr", 467, -1, 0, 0, 0, ENOSYS },
	{ "move_mount", SYS_move_mount, -1, 0, 0, 0, ENOSYS },
	{ "fsopen", SYS_fsopen, 0, 0, 0, 0, ENOSYS },
	{ "fsconfig", SYS_fsconfig, -1, 0, 0, 0, ENOSYS },
	{ "fsmount", SYS_fsmount, -1, 0, 0, 0, ENOSYS },
	{ "fspick", SYS_fspick, -1, 0, 0, 0, ENOSYS },
	{ "mount_setattr", SYS_mount_setattr, -1, 0, 0, 0, ENOSYS },
	{ "io_uring_setup", SYS_io_uring_setup, 0, 0, 0, 0, ENOSYS },
	{ "io_uring_enter", SYS_io_uring_enter, -1, 0, 0, 0, ENOSYS },
	{ "io_uring_register", SYS_io_uring_register, -1, 0, 0, 0, ENOSYS },
	{ "AF_VSOCK", SYS_socket, VSOCK, SOCK_STREAM, 0, 0, EAFNOSUPPORT },
	{ "AF_ALG", SYS_socket, ALG, SOCK_SEQPACKET, 0, 0, EAFNOSUPPORT },
	{ "AF_PACKET", SYS_socket, AF_PACKET, SOCK_RAW, 0, 0, EAFNOSUPPORT },
	{ "AF_AX25", SYS_socket, 3, SOCK_STREAM, 0, 0, EAFNOSUPPORT },
	{ "netfilter", SYS_socket, AF_NETLINK, SOCK_RAW, NETFILTER, 0,
		EAFNOSUPPORT },
	/* These must go on working. */
	{ "AF_UNIX", SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0, 0 },
	{ "AF_INET", SYS_socket, AF_INET, SOCK_STREAM, 0, 0, 0 },
	{ "AF_INET6", SYS_socket, AF_INET6, SOCK_DGRAM, 0, 0, 0 },
	{ "netlink route", SYS_socket, AF_NETLINK, SOCK_RAW, 0, 0, 0 },
	{ "personality query", SYS_personality, 0xffffffff, 0, 0, 0, 0 },
	{ "personality 0x20000", SYS_personality, 0x20000, 0, 0, 0, 0 },
	{ "personality 8", SYS_personality, 8, 0, 0, 0, 0 },
	{ "personality 0", SYS_personality, 0, 0, 0, 0, 0 },
};
/* clang-format on */

static int
do_calls(void)
{
	int bad = 0;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const struct call *c = &calls[i];
		long r = syscall(c->nr, c->a, c->b, c->c, c->d, 0);
		int got = r < 0 ? errno : 0;

		if (r == 0 && c->nr == SYS_clone)
			_exit(0);
		if (got != c->want) {
			printf("%s: errno %d, wanted %d\n", c->name, got,
				c->want);
			bad = 1;
		}
	}
	printf("%zu calls\n", sizeof(calls) / sizeof(calls[0]));
	return bad;
}

static int
do_fds(void)
{
	for (int i = 0; i < 1024; i++)
		if (fcntl(i, F_GETFD) >= 0)
			printf("%d ", i);
	printf("\n");
	return 0;
}

static int
do_limits(void)
{
	struct rlimit l[3];

	getrlimit(RLIMIT_NOFILE, &l[0]);
	getrlimit(RLIMIT_CORE, &l[1]);
	getrlimit(RLIMIT_FSIZE, &l[2]);
	printf("%lld %lld %lld\n", (long long)l[0].rlim_max,
		(long long)l[1].rlim_max, (long long)l[2].rlim_max);
	return 0;
}

static int
do_connect(const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_port = htons((unsigned short)strtol(port, NULL, 10));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		printf("%s\n", strerror(errno));
	else
		printf("connected\n");
	return 0;
}

static int
do_abstract(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(a.sun_path + 1, name, strlen(name));
	if (connect(fd, (struct sockaddr *)&a,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
				strlen(name))) < 0)
		printf("%s\n", strerror(errno));
	else
		printf("connected\n");
	return 0;
}

/* Forks until it is refused; says how far it came. */
static int
do_forks(void)
{
	int n = 0;
	pid_t pid;

	while (n < 5000 && (pid = fork()) >= 0) {
		if (!pid) {
			pause();
			_exit(0);
		}
		n++;
	}
	printf("%d\n", n);
	return 0;
}

static int
do_memory(void)
{
	for (size_t i = 0; i < 512; i++) {
		/* volatile: or the compiler leaves all of this out */
		volatile char *p = malloc(1 << 20);

		if (!p) {
			printf("refused at %zu\n", i);
			return 3;
		}
		for (size_t k = 0; k < 1 << 20; k += 4096)
			p[k] = 1;
	}
	printf("had it all\n");
	return 0;
}

/* A daemon that has left session, group and parent, and ignores TERM; it
 * holds the output open.  Says its pid as the box has it. */
static int
do_daemon(void)
{
	int ready[2];
	char c;

	if (pipe(ready) < 0)
		return 1;
	if (!fork()) {
		setsid();
		if (fork())
			_exit(0);
		signal(SIGTERM, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
		prctl(PR_SET_NAME, "left-behind");
		if (write(ready[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	return read(ready[0], &c, 1) == 1 ? 0 : 1;
}

static int
do_wait_term(void)
{
	sigset_t set;
	int signo;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	printf("ready\n");
	fflush(stdout);
	sigwait(&set, &signo);
	printf("terminated\n");
	return 9;
}

static int
do_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0644);

	printf("%s\n", fd < 0 ? strerror(errno) : "written");
	return 0;
}

static const struct {
	const char *name;
	int (*fn)(void);
	int (*with)(const char *arg);
} commands[] = {
	{ "calls", do_calls, NULL },
	{ "fds", do_fds, NULL },
	{ "limits", do_limits, NULL },
	{ "forks", do_forks, NULL },
	{ "memory", do_memory, NULL },
	{ "daemon", do_daemon, NULL },
	{ "wait-term", do_wait_term, NULL },
	{ "connect", NULL, do_connect },
	{ "abstract", NULL, do_abstract },
	{ "write", NULL, do_write },
};

int
main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (argc < 2 || strcmp(argv[1], commands[i].name) != 0)
			continue;
		if (commands[i].fn)
			return commands[i].fn();
		return argc > 2 ? commands[i].with(argv[2]) : 2;
	}
	return 2;
}
