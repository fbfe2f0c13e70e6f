# SPDX-License-Identifier: MIT
noinst_LIBRARIES += libbox.a
libbox_a_CFLAGS = $(AM_CFLAGS) $(SECCOMP_CFLAGS)
libbox_a_SOURCES = \
	agent/box/box.c agent/box/box.h \
	agent/box/cgfind.c \
	agent/box/cgroup.c agent/box/cgroup.h \
	agent/box/drop.c agent/box/drop.h \
	agent/box/help.c \
	agent/box/host.c \
	agent/box/init.c agent/box/init.h \
	agent/box/landlock.c agent/box/landlock.h \
	agent/box/layers.c agent/box/layers.h \
	agent/box/mounts.c agent/box/mounts.h \
	agent/box/net.c agent/box/net.h \
	agent/box/pasta.c \
	agent/box/plan.h \
	agent/box/root.c agent/box/root.h \
	agent/box/seccomp.c agent/box/seccomp.h \
	agent/box/step.c \
	agent/box/sys.c agent/box/sys.h

BOX_LIBS = libbox.a libos.a libbase.a $(JANSSON_LIBS) $(SECCOMP_LIBS)

noinst_PROGRAMS += t/bench/box
t_bench_box_SOURCES = t/bench/box.c
t_bench_box_LDADD = $(BOX_LIBS)
