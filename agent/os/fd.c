/* SPDX-License-Identifier: MIT */
/* See fd.h. */
#include "base/base.h"
#include "os/fd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define TMP_TRIES 100

void
fd_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int
fd_slurp(int fd, size_t max, struct buf *out, struct err *e)
{
	size_t start = out->len;

	for (;;) {
		char *at = buf_room(out, 16384);
		ssize_t n = read(fd, at, 16384);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read");
		if (!n)
			return 0;
		buf_grown(out, (size_t)n);
		if (out->len - start > max)
			return err_set(e, ERR_PERM,
				"larger than the limit of %zu bytes", max);
	}
}

int
fd_slurp_at(int dirfd, const char *name, size_t max, char **ret_text,
	size_t *ret_len, struct err *e)
{
	AUTO(fd_closep) int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	AUTO(buf_release) struct buf b = BUF_INIT;

	if (fd < 0)
		return err_sys(e, "open '%s'", name);
	if (fd_slurp(fd, max, &b, e) < 0)
		return err_wrap(e, "'%s'", name);
	if (ret_len)
		*ret_len = b.len;
	*ret_text = buf_take(&b);
	return 0;
}

int
fd_write_all(int fd, const void *p, size_t n, struct err *e)
{
	const char *s = p;

	while (n) {
		ssize_t k = write(fd, s, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_sys(e, "write");
		s += k;
		n -= (size_t)k;
	}
	return 0;
}

int
fd_pwrite_all(int fd, const void *p, size_t n, off_t at, struct err *e)
{
	const char *s = p;

	while (n) {
		ssize_t k = pwrite(fd, s, n, at);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_sys(e, "write");
		s += k;
		at += k;
		n -= (size_t)k;
	}
	return 0;
}

/* A new file beside name; its name goes to tmp. */
static int
open_tmp(int dirfd, const char *name, mode_t mode, char *tmp, size_t len,
	struct err *e)
{
	for (int i = 0; i < TMP_TRIES; i++) {
		int fd;

		snprintf(tmp, len, ".%s.%d.%d.tmp", name, (int)getpid(), i);
		fd = openat(dirfd, tmp,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			mode);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST)
			break;
	}
	return err_sys(e, "create '%s'", tmp);
}

int
fd_put_file(int dirfd, const char *name, const void *p, size_t n, mode_t mode,
	struct err *e)
{
	char tmp[NAME_MAX + 1];
	AUTO(fd_closep)
	int fd = open_tmp(dirfd, name, mode, tmp, sizeof(tmp), e);

	if (fd < 0)
		return -1;
	if (fchmod(fd, mode) < 0) {
		err_sys(e, "chmod '%s'", name);
		goto fail;
	}
	if (fd_write_all(fd, p, n, e) < 0) {
		err_wrap(e, "'%s'", name);
		goto fail;
	}
	if (fdatasync(fd) < 0) {
		err_sys(e, "sync '%s'", name);
		goto fail;
	}
	if (renameat(dirfd, tmp, dirfd, name) < 0) {
		err_sys(e, "rename '%s'", name);
		goto fail;
	}
	if (fsync(dirfd) < 0 && errno != EBADF && errno != EINVAL)
		return err_sys(e, "sync the folder of '%s'", name);
	return 0;
fail:
	unlinkat(dirfd, tmp, 0);
	return -1;
}

int
fd_nonblock(int fd, struct err *e)
{
	int fl = fcntl(fd, F_GETFL);

	if (fl < 0 || fcntl(fd, F_SETFL, fl | O_NONBLOCK) < 0)
		return err_sys(e, "fcntl");
	return 0;
}

int
fd_pipe(int ret[2], struct err *e)
{
	if (pipe2(ret, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	return 0;
}

int
fd_socketpair(int ret[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0)
		return err_sys(e, "socketpair");
	return 0;
}

union control {
	struct cmsghdr hdr;
	char room[CMSG_SPACE(sizeof(int))];
};

int
fd_send(int sock, const void *p, size_t n, int pass_fd, struct err *e)
{
	struct iovec iov = { (void *)(uintptr_t)p, n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control c;
	ssize_t k;

	if (pass_fd >= 0) {
		struct cmsghdr *h;

		memset(&c, 0, sizeof(c));
		m.msg_control = &c;
		m.msg_controllen = sizeof(c);
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &pass_fd, sizeof(int));
	}
	do
		k = sendmsg(sock, &m, MSG_NOSIGNAL);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return err_sys(e, "send");
	return 0;
}

ssize_t
fd_recv(int sock, void *p, size_t n, int *ret_fd, struct err *e)
{
	struct iovec iov = { p, n };
	union control c;
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &c,
		.msg_controllen = sizeof(c),
	};
	ssize_t k;

	*ret_fd = -1;
	do
		k = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return err_sys(e, "receive");
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
		if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
			memcpy(ret_fd, CMSG_DATA(h), sizeof(int));
	return k;
}

int
fd_lock(int fd, struct err *e)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_SETLK, &fl) == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return 1;
	return err_sys(e, "lock");
}

int
fd_lock_held(int fd, struct err *e)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_GETLK, &fl) < 0)
		return err_sys(e, "test the lock");
	return fl.l_type != F_UNLCK;
}
