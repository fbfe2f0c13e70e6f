# SPDX-License-Identifier: MIT
noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	agent/base/base.c agent/base/base.h \
	agent/base/buf.c agent/base/buf.h \
	agent/base/clock.c agent/base/clock.h \
	agent/base/crash.c agent/base/crash.h \
	agent/base/enc.c agent/base/enc.h \
	agent/base/err.c agent/base/err.h \
	agent/base/json.c agent/base/json.h \
	agent/base/log.c agent/base/log.h \
	agent/base/num.c \
	agent/base/strv.c agent/base/strv.h

UNIT_TESTS += t/unit/base
t_unit_base_SOURCES = t/unit/base.c t/tap.h
t_unit_base_LDADD = libbase.a $(JANSSON_LIBS)
