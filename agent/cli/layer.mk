# SPDX-License-Identifier: MIT
noinst_LIBRARIES += libcli.a
libcli_a_CPPFLAGS = $(AM_CPPFLAGS) \
	-DTELLUS_SBINDIR='"$(sbindir)"' -DTELLUS_DATADIR='"$(pkgdatadir)"'
libcli_a_SOURCES = \
	agent/cli/action.c \
	agent/cli/agent.c agent/cli/agent.h \
	agent/cli/cmd.c agent/cli/cmd.h \
	agent/cli/delivery.c agent/cli/delivery.h \
	agent/cli/doctor.c \
	agent/cli/exec.c agent/cli/exec.h \
	agent/cli/frame.c \
	agent/cli/gc.c \
	agent/cli/hook.c \
	agent/cli/http.c agent/cli/http.h \
	agent/cli/init.c \
	agent/cli/lint.c \
	agent/cli/list.c \
	agent/cli/live.c \
	agent/cli/log.c \
	agent/cli/nonce.c agent/cli/nonce.h \
	agent/cli/opts.c agent/cli/opts.h \
	agent/cli/private.c agent/cli/private.h \
	agent/cli/push.c \
	agent/cli/render.c agent/cli/render.h agent/cli/render_priv.h \
	agent/cli/repo.c agent/cli/repo.h \
	agent/cli/retry.c \
	agent/cli/run.c \
	agent/cli/show.c \
	agent/cli/stream.c agent/cli/stream.h \
	agent/cli/table.c \
	agent/cli/term.c agent/cli/term.h \
	agent/cli/why.c

hooksdir = $(pkgdatadir)/hooks
dist_hooks_SCRIPTS = hooks/post-receive

inittemplatesdir = $(templatesdir)/init
dist_inittemplates_DATA = \
	templates/init/autotools.yml \
	templates/init/cargo.yml \
	templates/init/cmake.yml \
	templates/init/go.yml \
	templates/init/make.yml \
	templates/init/meson.yml \
	templates/init/node.yml \
	templates/init/plain.yml \
	templates/init/python.yml

dist_man_MANS += \
	agent/man/tellus.1 agent/man/tellusd.8 \
	agent/man/tellus.yml.5 agent/man/tellus-config.5

completiondir = $(datadir)/bash-completion/completions
dist_completion_DATA = contrib/completion/tellus.bash

EXTRA_DIST += \
	.ci/run \
	contrib/quickstart \
	contrib/systemd/tellusd.service

# The command line's tests.
UNIT_TESTS += t/unit/cli
t_unit_cli_SOURCES = t/unit/cli.c t/tap.h
t_unit_cli_LDADD = libcli.a libworkflow.a libexpr.a libconfig.a libmodel.a \
	libos.a libbase.a $(YAML_LIBS) $(JANSSON_LIBS) -lm

check_PROGRAMS += t/unit/cli_http t/unit/cli_keys
t_unit_cli_http_SOURCES = t/unit/cli_http.c
t_unit_cli_http_LDADD = libcli.a libos.a libbase.a $(JANSSON_LIBS)
t_unit_cli_keys_SOURCES = t/unit/cli_keys.c
t_unit_cli_keys_LDADD = libconfig.a libbase.a $(JANSSON_LIBS)

SHELL_TESTS += \
	t/0600-cli-usage.sh \
	t/0605-cli-http.sh \
	t/0610-cli-list.sh \
	t/0615-cli-log.sh \
	t/0620-cli-render.sh \
	t/0630-cli-push.sh \
	t/0640-cli-hook.sh \
	t/0650-cli-lint.sh \
	t/0655-cli-init.sh \
	t/0660-cli-run.sh \
	t/0670-cli-doctor.sh \
	t/0680-cli-manual.sh \
	t/0690-cli-scripts.sh
EXTRA_DIST += t/cli/fake-agent.py t/cli/lib.sh
