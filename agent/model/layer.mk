# SPDX-License-Identifier: MIT
noinst_LIBRARIES += libmodel.a
libmodel_a_SOURCES = \
	agent/model/apply.c \
	agent/model/event.c agent/model/event.h \
	agent/model/push.c agent/model/push.h \
	agent/model/run.c agent/model/run.h \
	agent/model/run_json.c \
	agent/model/state.c

UNIT_TESTS += t/unit/run
t_unit_run_SOURCES = t/unit/run.c t/tap.h
t_unit_run_LDADD = libmodel.a libbase.a $(JANSSON_LIBS)
