/* SPDX-License-Identifier: MIT */
/*
 * Copies of folders, for machines without overlayfs: every step then works
 * on a copy of what the step before it left.
 */
#ifndef WORK_COPY_H
#define WORK_COPY_H

#include "base/base.h"
#include "base/err.h"

/*
 * Copies what is in the folder from into the folder to (open descriptors),
 * over what is there: files (shared blocks where the file system can),
 * folders, links, pipes and sockets, with permissions, times and user.*
 * attributes, names of one file as such, owned by uid:gid when we are root.
 * Never through a link; no set-user-id bits.
 */
int copy_folder(int from, int to, uid_t uid, gid_t gid, struct err *e);

/* Gives the folder `to` the permissions and times of `from`, which may be
 * open as a place only (O_PATH). */
int copy_dress(int from, int to, struct err *e);

#endif
