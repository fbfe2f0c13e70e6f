/* SPDX-License-Identifier: MIT */
/*
 * Descriptors: born close-on-exec; "none" is -1, 0 is a valid one.  Whole
 * reads and writes, files that appear complete or not at all, descriptors
 * passed over sockets, and open-file-description locks.
 */
#ifndef OS_FD_H
#define OS_FD_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

void fd_closep(int *fd); /* for AUTO: closes when >= 0, leaves -1 */

/* The whole of a file, at most max bytes (larger is ERR_PERM); the message
 * names the file.  The text is NUL-terminated; ret_len may be NULL. */
int fd_slurp_at(int dirfd, const char *name, size_t max, char **ret_text,
	size_t *ret_len, struct err *e);
/* From an open descriptor, until its end. */
int fd_slurp(int fd, size_t max, struct buf *out, struct err *e);

/* Writes everything, through short writes and EINTR. */
int fd_write_all(int fd, const void *p, size_t n, struct err *e);
int fd_pwrite_all(int fd, const void *p, size_t n, off_t at, struct err *e);

/* Creates or replaces dirfd/name (a plain name) in one step: a temporary file
 * is written, fdatasync'ed, renamed, and the folder is synced.  The file has
 * exactly mode. */
int fd_put_file(int dirfd, const char *name, const void *p, size_t n,
	mode_t mode, struct err *e);

int fd_nonblock(int fd, struct err *e);
int fd_pipe(int ret[2], struct err *e); /* close-on-exec */
/* A connected AF_UNIX pair, SOCK_SEQPACKET, close-on-exec. */
int fd_socketpair(int ret[2], struct err *e);

/* One message with n bytes and at most one descriptor (-1 for none). */
int fd_send(int sock, const void *p, size_t n, int pass_fd, struct err *e);
/* Returns the length, 0 at the end of the stream, -1 on error; *ret_fd is
 * the descriptor that came with it, else -1. */
ssize_t fd_recv(int sock, void *p, size_t n, int *ret_fd, struct err *e);

/*
 * F_OFD_SETLK on the whole file: the lock belongs to the open file
 * description and lasts until its last descriptor is closed, in whatever
 * process.  Returns 1 when somebody else holds it.
 */
int fd_lock(int fd, struct err *e);
/* 1 held by another open file description, 0 free, -1 error. */
int fd_lock_held(int fd, struct err *e);

#endif
