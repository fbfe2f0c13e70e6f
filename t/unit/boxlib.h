/* SPDX-License-Identifier: MIT */
/*
 * For tests that open boxes: a state folder of its own, layers in it, and
 * one call that runs a command in a box and hears everything about it.
 */
#ifndef T_UNIT_BOXLIB_H
#define T_UNIT_BOXLIB_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "box/box.h"

struct lab {
	char dir[64]; /* the state folder's path */
	int fd;
	struct box_host host;
	const char *lower[BOX_LOWER_MAX];
	size_t nlower;
	struct box_spec spec; /* as the next run will have it */
	struct buf out;       /* of the last run */
	struct box_result result;
	struct err e;
};

/* Exits (skipping everything, or as failed) when there is no box to be had
 * here.  Layer "l0" is there with the probe in its cmd/, "u" and "k". */
void lab_open(struct lab *l);
void lab_close(struct lab *l);

/* An empty upper layer and work folder. */
void lab_fresh(struct lab *l);

/* Makes a file below the state folder, owned by the build user. */
void lab_file(struct lab *l, const char *path, const char *text, mode_t mode);
void lab_layer(struct lab *l, const char *name);
bool lab_has(struct lab *l, const char *path);
char *lab_read(struct lab *l, const char *path);

/* Runs argv (a NULL-terminated list) with the lab's spec; 0, or -1 with e
 * set.  The output is without its last newline. */
int lab_run(struct lab *l, ...) __attribute__((sentinel));
/* The same for "/bin/sh -c script". */
int lab_sh(struct lab *l, const char *script);

#define PROBE BOX_CMD "/probe"

#endif
