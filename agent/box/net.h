/* SPDX-License-Identifier: MIT */
/* The box's network: the loopback of its own namespace, and pasta(1). */
#ifndef BOX_NET_H
#define BOX_NET_H

#include "base/base.h"
#include "base/err.h"

/* In a network namespace that is ours: sets "lo" up. */
int net_loopback_up(struct err *e);

#endif
