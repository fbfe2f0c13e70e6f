/* SPDX-License-Identifier: MIT */
/* See boxlib.h. */
#include "base/base.h"
#include "os/fd.h"
#include "os/path.h"
#include "unit/boxlib.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#define OUT_MAX (1 << 20)
#define PROBE_MAX (8 << 20)

static char *const env[] = { (char *)"PATH=/usr/local/bin:/usr/bin:/bin",
	(char *)"HOME=" BOX_HOME, (char *)"LC_ALL=C", NULL };

static void
fail(const char *what, const struct err *e)
{
	printf("Bail out! %s: %s\n", what, e ? e->msg : strerror(errno));
	exit(1);
}

static void
own(struct lab *l, const char *path)
{
	if (l->host.root && fchownat(l->fd, path, l->host.build_uid,
				    l->host.build_gid, AT_SYMLINK_NOFOLLOW) < 0)
		fail(path, NULL);
}

static void
make_dir(struct lab *l, const char *path)
{
	if (path_mkdirs(l->fd, path, 0755, &l->e) < 0)
		fail(path, &l->e);
	own(l, path);
}

void
lab_layer(struct lab *l, const char *name)
{
	static const char *const parts[] = { "w", "home", "tmp", "cmd" };

	make_dir(l, name);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		AUTO(freep) char *path = xasprintf("%s/%s", name, parts[i]);

		make_dir(l, path);
	}
}

void
lab_file(struct lab *l, const char *path, const char *text, mode_t mode)
{
	AUTO(fd_closep)
	int fd = openat(
		l->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || fd_write_all(fd, text, strlen(text), &l->e) < 0)
		fail(path, NULL);
	own(l, path);
	if (fchmod(fd, mode) < 0)
		fail(path, NULL);
}

bool
lab_has(struct lab *l, const char *path)
{
	return faccessat(l->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

char *
lab_read(struct lab *l, const char *path)
{
	char *text;

	if (fd_slurp_at(l->fd, path, OUT_MAX, &text, NULL, &l->e) < 0)
		return xstrdup("");
	return text;
}

void
lab_fresh(struct lab *l)
{
	if (path_remove_tree(l->fd, "u", &l->e) < 0 ||
		path_remove_tree(l->fd, "k", &l->e) < 0)
		fail("remove", &l->e);
	make_dir(l, "u");
	make_dir(l, "k");
}

/* The probe program lies beside the test. */
static void
copy_probe(struct lab *l)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 16);
	AUTO(freep) char *data = NULL;
	AUTO(fd_closep) int fd = -1;
	char *slash;
	size_t len;

	self[n < 0 ? 0 : n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		fail("find the probe", NULL);
	memcpy(slash, "/boxprobe", sizeof("/boxprobe"));
	if (fd_slurp_at(AT_FDCWD, self, PROBE_MAX, &data, &len, &l->e) < 0)
		fail("probe", &l->e);
	fd = openat(l->fd, "l0/cmd/probe",
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (fd < 0 || fd_write_all(fd, data, len, &l->e) < 0)
		fail("probe", NULL);
}

void
lab_open(struct lab *l)
{
	const char *tmp = getenv("TMPDIR");
	struct box_conf conf = { .weak = getenv("TELLUS_TEST_WEAK") != NULL };

	memset(l, 0, sizeof(*l));
	buf_init(&l->out);
	snprintf(l->dir, sizeof(l->dir), "%.30s/tellus-box.XXXXXX",
		tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(l->dir) || chmod(l->dir, 0711) < 0)
		fail(l->dir, NULL);
	conf.probe_dir = l->dir;
	l->fd = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (box_probe(&l->host, &conf, &l->e) < 0) {
		printf("1..0 # SKIP %s\n", l->e.msg);
		rmdir(l->dir);
		exit(0);
	}
	lab_layer(l, "l0");
	copy_probe(l);
	lab_fresh(l);
	l->lower[0] = "l0";
	l->nlower = 1;
	l->spec = (struct box_spec){ .name = strrchr(l->dir, '/') + 1,
		.state_fd = l->fd,
		.upper = "u",
		.work = "k",
		.cwd = BOX_WORKSPACE,
		.envp = env,
		.out_fd = -1 };
}

void
lab_close(struct lab *l)
{
	if (path_remove_tree(AT_FDCWD, l->dir, &l->e) < 0)
		fail("remove", &l->e);
	close(l->fd);
	buf_release(&l->out);
}

static void
finish(struct lab *l, struct box *b, int in)
{
	struct pollfd p = { .fd = box_fd(b), .events = POLLIN };
	struct err e;

	/* The pipe ends only when nothing in the box holds it any more. */
	if (fd_slurp(in, OUT_MAX, &l->out, &e) < 0)
		fail("output", &e);
	while (poll(&p, 1, -1) < 1)
		;
	while (l->out.len && l->out.data[l->out.len - 1] == '\n')
		l->out.data[--l->out.len] = '\0';
}

static int
run(struct lab *l, char *const *argv)
{
	AUTO(fd_closep) int in = -1;
	struct box *b;
	int pair[2], r;

	buf_reset(&l->out);
	if (fd_pipe(pair, &l->e) < 0)
		fail("pipe", &l->e);
	in = pair[0];
	l->spec.out_fd = pair[1];
	l->spec.argv = argv;
	l->spec.lower = l->lower;
	l->spec.nlower = l->nlower;
	r = box_open(&b, &l->host, &l->spec, &l->e);
	close(pair[1]);
	if (r < 0)
		return -1;
	finish(l, b, in);
	return box_close(b, &l->result, &l->e);
}

int
lab_run(struct lab *l, ...)
{
	char *argv[16];
	size_t n = 0;
	va_list ap;

	va_start(ap, l);
	while (n < ARRAY_LEN(argv) - 1 && (argv[n] = va_arg(ap, char *)))
		n++;
	argv[n] = NULL;
	va_end(ap);
	return run(l, argv);
}

int
lab_sh(struct lab *l, const char *script)
{
	return lab_run(l, "/bin/sh", "-c", script, NULL);
}
