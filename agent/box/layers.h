/* SPDX-License-Identifier: MIT */
/* The layered tree: from the folders of a struct box_spec to the mounts at
 * /workspace, /home/build, /tmp and /run/tellus. */
#ifndef BOX_LAYERS_H
#define BOX_LAYERS_H

#include "base/base.h"
#include "base/err.h"
#include "box/plan.h"

/* root: the new root, writable, with the mount points in place. */
int layers_mount(const struct plan *p, int root, struct err *e);

#endif
