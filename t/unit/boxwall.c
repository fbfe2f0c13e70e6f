/* SPDX-License-Identifier: MIT */
/*
 * What the box keeps away: from the host, from the network, from rights.
 * Each test first makes sure that the thing is there outside.
 */
#include "base/base.h"
#include "base/enc.h"
#include "os/fd.h"
#include "os/path.h"
#include "tap.h"
#include "unit/boxlib.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define CANARY "canary-5f1e"

static void
test_who(struct lab *l)
{
	AUTO(freep)
	char *want = xasprintf("build 1000 1000 1000\n%s", "tellus");

	lab_sh(l, "echo $(id -un) $(id -u) $(id -g) $(id -G); hostname");
	is_str(l->out.data, want, "a step is the user build on host tellus");
	lab_sh(l, "awk '/^Cap|^NoNewPrivs|^Seccomp:/ { print $1 $2 }' "
		  "/proc/self/status");
	is_str(l->out.data,
		"CapInh:0000000000000000\nCapPrm:0000000000000000\n"
		"CapEff:0000000000000000\nCapBnd:0000000000000000\n"
		"CapAmb:0000000000000000\nNoNewPrivs:1\nSeccomp:2",
		"a step has no capability and can gain none");
	lab_sh(l, "awk '{ print $1, $3 }' /proc/self/uid_map "
		  "/proc/self/gid_map; cat /proc/self/setgroups");
	is_str(l->out.data, "1000 1\n1000 1\ndeny",
		"no other user exists inside");
	lab_sh(l, "ps -eo uid= | sort -u | tr -d ' '");
	is_str(l->out.data, "1000", "no process in the box is another user's");
	lab_run(l, PROBE, "fds", NULL);
	is_str(l->out.data, "0 1 2 ", "only the three descriptors are open");
}

static void
test_filter(struct lab *l)
{
	lab_run(l, PROBE, "calls", NULL);
	ok(l->result.wstatus == 0, "each denied call gives its errno");
	if (l->result.wstatus)
		printf("# %s\n", l->out.data);
	lab_sh(l, "unshare -Ur true 2>&1; echo $?; "
		  "cat /proc/sys/user/max_user_namespaces");
	ok(str_ends(l->out.data, "1\n0"),
		"no user namespace can be made, by two walls");
	lab_sh(l, "umount /workspace 2>&1; mount -t tmpfs x /tmp 2>&1; "
		  "echo a > /workspace/still && cat /workspace/still");
	ok(str_ends(l->out.data, "\na"), "the layers can not be unmounted");
}

/* Nothing of these, and of no others, may be seen. */
static void
test_files(struct lab *l)
{
	AUTO(freep)
	char *script = xasprintf(
		"for f in /root /etc/shadow /boot /sys /srv /mnt %s /run/dbus "
		"/var/lib /home/*; do test -e $f && echo $f; done; true",
		l->dir);

	lab_sh(l, script);
	is_str(l->out.data, BOX_HOME, "no folder of the host is seen");
	lab_sh(l, "ls /");
	is_str(l->out.data[0] ? "some" : "", "some", "the root can be listed");
	lab_sh(l, "ls / | grep -vx 'lib[0-9x]*'");
	is_str(l->out.data,
		"bin\ndev\netc\nhome\nproc\nrun\nsbin\ntmp\nusr\nvar\n"
		"workspace",
		"the root holds the listed folders and no more");
	lab_sh(l, "ls /dev | tr '\\n' ' '");
	is_str(l->out.data,
		"fd full null ptmx pts random shm stderr stdin stdout tty "
		"urandom zero ",
		"/dev holds the listed nodes and no more");
	lab_sh(l,
		"for d in / /usr /usr/bin /etc /dev /home /run /var /proc/sys;"
		" do touch $d/x 2>/dev/null && echo $d; done; true");
	is_str(l->out.data, "", "nothing but the layers can be written");
	lab_sh(l, "for d in /workspace $HOME /tmp /run/tellus /dev/shm; "
		  "do touch $d/x || echo $d; done; true");
	is_str(l->out.data, "", "the layers and /dev/shm can be written");
	lab_run(l, PROBE, "write", "/proc/sys/kernel/core_pattern", NULL);
	ok(!str_eq(l->out.data, "written"), "no kernel setting can be written");
	lab_sh(l, "awk '$2 !~ \"^/(dev|proc)\" && $4 !~ "
		  "/nosuid,nodev/ { print }' /proc/mounts");
	is_str(l->out.data, "", "every mount is nosuid and nodev");
	lab_sh(l, "grep -c -F tellus-box /proc/self/mountinfo");
	is_str(l->out.data, "0", "the mounts name no path of the state");
}

static void
test_setuid(struct lab *l)
{
	lab_sh(l, "cp /usr/bin/id . && chmod 6755 id && ./id -u && "
		  "stat -c %a id");
	is_str(l->out.data, "1000\n6755", "setuid bits have no effect");
	if (access("/usr/bin/su", X_OK) == 0) {
		lab_sh(l, "su -c true 2>/dev/null </dev/null && echo root");
		ok(!strstr(l->out.data, "root"), "su makes nobody root");
	}
}

static void
test_environment(struct lab *l)
{
	is_str(getenv("CANARY"), CANARY, "our environment has a secret");
	lab_sh(l, "cat /proc/1/environ /proc/1/cmdline /proc/self/environ "
		  "2>/dev/null | grep -a -c -e " CANARY);
	is_str(l->out.data, "0", "our environment is not seen inside");
	lab_sh(l, "tr -d '\\000' < /proc/1/cmdline | wc -c");
	is_str(l->out.data, "0", "our command line is not seen inside");
	lab_sh(l, "cat /proc/1/maps; ls /proc/1/fd; ls -l /proc/1/root; "
		  "head -c 1 /proc/1/mem; true");
	ok(!strstr(l->out.data, "r-xp"), "process 1 can not be looked into");
}

static int
listen_on(int *ret_port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
		listen(fd, 8) < 0 ||
		getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		return -1;
	*ret_port = ntohs(a.sin_port);
	return fd;
}

static int
listen_abstract(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(a.sun_path + 1, name, strlen(name));
	if (fd < 0 ||
		bind(fd, (struct sockaddr *)&a,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
				    strlen(name))) < 0 ||
		listen(fd, 8) < 0)
		return -1;
	return fd;
}

static void
test_network(struct lab *l)
{
	AUTO(freep) char *name = xasprintf("tellus-test-%d", getpid());
	AUTO(fd_closep) int unixfd = listen_abstract(name);
	AUTO(freep) char *port = NULL;
	int number = 0;
	AUTO(fd_closep) int tcp = listen_on(&number);

	port = xasprintf("%d", number);
	ok(tcp >= 0 && unixfd >= 0, "the host listens on two sockets");
	lab_run(l, PROBE, "connect", port, NULL);
	is_str(l->out.data, "Connection refused",
		"without a network the host's loopback is not reached");
	lab_run(l, PROBE, "abstract", name, NULL);
	ok(!str_eq(l->out.data, "connected"),
		"an abstract socket of the host is not reached");
	lab_sh(l, "ls /sys/class/net 2>/dev/null; "
		  "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '; "
		  "cat /etc/resolv.conf");
	is_str(l->out.data, "lo", "there is loopback and nothing else");
	l->spec.net = BOX_NET_HOST;
	lab_run(l, PROBE, "connect", port, NULL);
	is_str(l->out.data, "connected",
		"with the host's network its loopback is reached");
	lab_run(l, PROBE, "abstract", name, NULL);
	if (l->host.landlock_abi >= 6)
		is_str(l->out.data, "Operation not permitted",
			"even then Landlock keeps abstract sockets away");
	l->spec.net = BOX_NET_NONE;
}

static void
test_outbound(struct lab *l)
{
	AUTO(freep) char *port = NULL;
	int number = 0;
	AUTO(fd_closep) int tcp = listen_on(&number);

	port = xasprintf("%d", number);
	ok(tcp >= 0, "the host listens");
	l->spec.net = BOX_NET_OUTBOUND;
	is_int(lab_sh(l, "true"), -1,
		"without a pasta that was found to work there is no outbound");
	if (box_probe_net(&l->host, &l->e) < 0) {
		skip(l->e.msg, "outbound has an address of its own");
		l->spec.net = BOX_NET_NONE;
		return;
	}
	is_int(lab_sh(l, "tail -n +3 /proc/net/dev | grep -vc lo:; "
			 "cat /etc/resolv.conf"),
		0, "a box can be connected");
	is_str(l->out.data, "1\nnameserver 169.254.1.1",
		"outbound has an interface of its own and a name server");
	lab_run(l, PROBE, "connect", port, NULL);
	is_str(l->out.data, "Connection refused",
		"outbound does not reach the host's loopback");
	l->spec.net = BOX_NET_NONE;
}

static void
test_expose(struct lab *l)
{
	AUTO(freep) char *dir = xasprintf("/var/tmp/tellus-x-%d", getpid());
	AUTO(freep) char *file = xasprintf("%s/file", dir);
	AUTO(freep)
	char *script = xasprintf("cat %s; touch %s/no 2>/dev/null || echo ro; "
				 "cat " BOX_OBJECTS "/file",
		file, dir);
	const char *expose[] = { dir, NULL };
	FILE *f;

	if (mkdir(dir, 0755) < 0 || !(f = fopen(file, "w")))
		return;
	fputs("shown\n", f);
	fclose(f);
	chmod(file, 0644);
	/* /var/tmp is a link to /tmp inside: it must not be followed. */
	l->spec.expose = expose;
	is_int(lab_sh(l, "true"), -1, "what lies in the box's /tmp is refused");
	ok(strstr(l->e.msg, dir) != NULL, "the message names the path");
	l->spec.expose = NULL;
	l->spec.objects = dir;
	lab_sh(l, script);
	ok(str_ends(l->out.data, "ro\nshown"),
		"a folder of objects is shown, read-only");
	l->spec.objects = NULL;
	expose[0] = "/no/such/thing";
	l->spec.expose = expose;
	is_int(lab_sh(l, "true"), -1, "what is not there can not be exposed");
	expose[0] = "/etc/shells";
	lab_sh(l, "test -s /etc/shells && ! test -e /etc/shadow && echo shown");
	if (access("/etc/shells", R_OK) == 0)
		is_str(l->out.data, "shown", "a single file can be exposed");
	expose[0] = "/";
	is_int(lab_sh(l, "true"), -1, "the whole root can not be exposed");
	l->spec.expose = NULL;
	unlink(file);
	rmdir(dir);
}

/* A box that runs beside ours must not see it. */
static void
test_siblings(struct lab *l)
{
	lab_sh(l, "echo secret > /dev/shm/s; ipcmk -M 64 >/dev/null 2>&1; "
		  "ls /dev/shm");
	is_str(l->out.data, "s", "a box has its own shared memory");
	lab_sh(l, "ls /dev/shm; tail -n +2 /proc/sysvipc/shm | wc -l");
	is_str(l->out.data, "0", "the next box finds none of it");
}

int
main(int argc UNUSED, char **argv)
{
	struct lab l;

	/* Into the environment that a process is born with. */
	if (!getenv("CANARY") && setenv("CANARY", CANARY, 1) == 0)
		execv("/proc/self/exe", argv);
	lab_open(&l);
	if (!l.host.overlay) {
		printf("1..0 # SKIP no overlayfs\n");
		lab_close(&l);
		return 0;
	}
	test_who(&l);
	test_filter(&l);
	test_files(&l);
	test_setuid(&l);
	test_environment(&l);
	test_network(&l);
	test_outbound(&l);
	test_expose(&l);
	test_siblings(&l);
	lab_close(&l);
	return tap_done();
}
