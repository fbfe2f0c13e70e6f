# SPDX-License-Identifier: MIT
# The configuration.
noinst_LIBRARIES += libconfig.a
libconfig_a_SOURCES = \
	agent/model/config.c agent/model/config.h \
	agent/model/config_check.c \
	agent/model/config_key.c agent/model/config_key.h \
	agent/model/config_syntax.c agent/model/config_value.c

UNIT_TESTS += t/unit/config
t_unit_config_SOURCES = t/unit/config.c t/tap.h
t_unit_config_LDADD = libconfig.a libbase.a $(JANSSON_LIBS)

# Prints a file as git config --list -z does.
check_PROGRAMS += t/unit/config_list
t_unit_config_list_SOURCES = t/unit/config_list.c
t_unit_config_list_LDADD = libconfig.a libbase.a $(JANSSON_LIBS)
SHELL_TESTS += t/0405-forge-gitconfig.sh
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
