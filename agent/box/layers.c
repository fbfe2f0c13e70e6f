/* SPDX-License-Identifier: MIT */
/*
 * See layers.h.  The overlay is mounted over its own upper folder, in the
 * box's mount namespace, where nobody else sees it and from where it goes
 * away together with the host's tree; what stays are the four folders shown
 * in the new root.
 */
#include "base/base.h"
#include "box/layers.h"
#include "box/mounts.h"
#include "os/path.h"

#include <fcntl.h>
#include <sys/stat.h>

static const struct {
	const char *part, *at;
} parts[] = {
	{ "w", "workspace" },
	{ "home", "home/build" },
	{ "tmp", "tmp" },
	{ "cmd", "run/tellus" },
};

/* Where the names of the layers are while the overlay is mounted. */
#define ALIASES ".layers"

/* "0:1:...:239" with room for the other options. */
#define OPTIONS_MAX (BOX_LOWER_MAX * 4 + 128)

/*
 * Gives a layer a short name without special characters: so 240 of them fit
 * into the one page that mount(2) takes, no path needs escapes, and the
 * box's mountinfo shows no path of the host.  The descriptor stays open
 * until the mount is made.
 */
static int
alias(int state, const char *path, int aliases, const char *name, struct err *e)
{
	char target[32];
	int fd = path_open_beneath(state, path, O_PATH | O_DIRECTORY, 0, e);

	if (fd < 0)
		return err_wrap(e, "layer");
	snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
	if (symlinkat(target, aliases, name) < 0)
		return err_sys(e, "symlink for layer '%s'", path);
	return fd;
}

static int
alias_all(const struct plan *p, int state, int aliases, char *options,
	int fds[], struct err *e)
{
	const struct box_spec *s = p->spec;
	size_t len;

	len = (size_t)snprintf(options, OPTIONS_MAX,
		"%sindex=off,metacopy=off,volatile,upperdir=u,workdir=k,"
		"lowerdir=",
		p->host->userxattr ? "userxattr," : "redirect_dir=on,");
	fds[0] = alias(state, s->upper, aliases, "u", e);
	fds[1] = alias(state, s->work, aliases, "k", e);
	if (fds[0] < 0 || fds[1] < 0)
		return -1;
	for (size_t i = 0; i < s->nlower; i++) {
		char name[24];

		snprintf(name, sizeof(name), "%zu", i);
		fds[2 + i] = alias(state, s->lower[i], aliases, name, e);
		if (fds[2 + i] < 0)
			return -1;
		len += (size_t)snprintf(options + len, OPTIONS_MAX - len,
			"%s%s", i ? ":" : "", name);
	}
	return 0;
}

static int
mount_overlay(const struct plan *p, int state, int root, struct err *e)
{
	char options[OPTIONS_MAX], over[PATH_MAX];
	int fds[2 + BOX_LOWER_MAX];
	int aliases, n;

	memset(fds, -1, sizeof(fds));
	n = snprintf(over, sizeof(over), "%s/%s", p->state, p->spec->upper);
	if (n < 0 || (size_t)n >= sizeof(over))
		return err_set(e, ERR_PERM,
			"the state folder's path is "
			"too long");
	if (mkdirat(root, ALIASES, 0700) < 0)
		return err_sys(e, "mkdir '%s'", ALIASES);
	aliases = openat(root, ALIASES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (aliases < 0)
		return err_sys(e, "open '%s'", ALIASES);
	if (alias_all(p, state, aliases, options, fds, e) < 0)
		return -1;
	if (fchdir(aliases) < 0)
		return err_sys(e, "chdir '%s'", ALIASES);
	if (mount("overlay", over, "overlay", MS_NOSUID | MS_NODEV, options) <
		0)
		return err_sys(
			e, "mount the layers over '%s' (%s)", over, options);
	for (size_t i = 0; i < 2 + p->spec->nlower; i++)
		close(fds[i]);
	close(aliases);
	return 0;
}

static int
clear_aliases(const struct plan *p, int root, struct err *e)
{
	char name[40];

	for (size_t i = 0; i < p->spec->nlower; i++) {
		snprintf(name, sizeof(name), ALIASES "/%zu", i);
		unlinkat(root, name, 0);
	}
	unlinkat(root, ALIASES "/u", 0);
	unlinkat(root, ALIASES "/k", 0);
	if (unlinkat(root, ALIASES, AT_REMOVEDIR) < 0)
		return err_sys(e, "rmdir '%s'", ALIASES);
	return 0;
}

/* The state folder by its name, in this mount namespace. */
static int
open_state(const struct plan *p, struct err *e)
{
	struct stat st;
	int fd = open(p->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "open '%s'", p->state);
	if (fstat(fd, &st) < 0 || st.st_dev != p->st.st_dev ||
		st.st_ino != p->st.st_ino) {
		close(fd);
		return err_set(e, ERR_PERM,
			"'%s' was replaced while a box was made", p->state);
	}
	return fd;
}

int
layers_mount(const struct plan *p, int root, struct err *e)
{
	const struct box_spec *s = p->spec;
	int state = open_state(p, e);
	int upper;

	if (state < 0)
		return -1;
	if (!s->plain && mount_overlay(p, state, root, e) < 0)
		return -1;
	/* Looked up afresh, so that it is the overlay's root if any. */
	upper = path_open_beneath(state, s->upper, O_PATH | O_DIRECTORY, 0, e);
	if (upper < 0)
		return err_wrap(e, "layer");
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (mount_bind(upper, parts[i].part, root, parts[i].at,
			    MOUNT_SAFE, e) < 0)
			return -1;
	close(upper);
	close(state);
	return s->plain ? 0 : clear_aliases(p, root, e);
}
