# SPDX-License-Identifier: MIT
noinst_LIBRARIES += libbox.a
libbox_a_CFLAGS = $(AM_CFLAGS) $(SECCOMP_CFLAGS)
libbox_a_SOURCES = \
	agent/box/box.c agent/box/box.h \
	agent/box/cgfind.c \
	agent/box/cgroup.c agent/box/cgroup.h \
	agent/box/drop.c agent/box/drop.h \
	agent/box/facts.c \
	agent/box/help.c \
	agent/box/host.c agent/box/host.h \
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

EXTRA_PROGRAMS += t/bench/box
t_bench_box_SOURCES = t/bench/box.c
t_bench_box_LDADD = $(BOX_LIBS)

BOX_LAB = t/unit/boxlib.c t/unit/boxlib.h t/tap.h

UNIT_TESTS += t/unit/box
t_unit_box_SOURCES = t/unit/box.c $(BOX_LAB)
t_unit_box_LDADD = $(BOX_LIBS)

# Alone and static, so that it runs in any root; no sanitizer fits in there.
check_PROGRAMS += t/unit/boxprobe
t_unit_boxprobe_SOURCES = t/unit/boxprobe.c
t_unit_boxprobe_CFLAGS = -std=gnu11 -Wall -Wextra
t_unit_boxprobe_LDFLAGS = -static

UNIT_TESTS += t/unit/boxwall
t_unit_boxwall_SOURCES = t/unit/boxwall.c $(BOX_LAB)
t_unit_boxwall_LDADD = $(BOX_LIBS)

UNIT_TESTS += t/unit/boxhelp
t_unit_boxhelp_SOURCES = t/unit/boxhelp.c t/tap.h
t_unit_boxhelp_LDADD = $(BOX_LIBS)

SHELL_TESTS += t/0200-box-user.sh t/0201-box-cgroup2.sh
