# SPDX-License-Identifier: MIT
noinst_LIBRARIES += libcli.a
libcli_a_CPPFLAGS = $(AM_CPPFLAGS) \
	-DTELLUS_SBINDIR='"$(sbindir)"' -DTELLUS_DATADIR='"$(pkgdatadir)"'
libcli_a_SOURCES = \
	agent/cli/agent.c agent/cli/agent.h \
	agent/cli/cancel.c \
	agent/cli/cmd.c agent/cli/cmd.h \
	agent/cli/delivery.c agent/cli/delivery.h \
	agent/cli/doctor.c \
	agent/cli/exec.c agent/cli/exec.h \
	agent/cli/frame.c \
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
	agent/cli/term.c agent/cli/term.h

hooksdir = $(pkgdatadir)/hooks
dist_hooks_SCRIPTS = hooks/post-receive
