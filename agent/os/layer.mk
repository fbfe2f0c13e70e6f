# SPDX-License-Identifier: MIT
noinst_LIBRARIES += libos.a
libos_a_SOURCES = \
	agent/os/child.c agent/os/child.h \
	agent/os/fd.c agent/os/fd.h \
	agent/os/loop.c agent/os/loop.h \
	agent/os/path.c agent/os/path.h \
	agent/os/watch.c agent/os/watch.h

UNIT_TESTS += t/unit/os
t_unit_os_SOURCES = t/unit/os.c t/tap.h
t_unit_os_LDADD = libos.a libbase.a $(JANSSON_LIBS)
