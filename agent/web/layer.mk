# SPDX-License-Identifier: MIT
noinst_LIBRARIES += libweb.a
libweb_a_CFLAGS = $(AM_CFLAGS) $(MHD_CFLAGS) $(CRYPTO_CFLAGS)
libweb_a_SOURCES = \
	agent/web/access.c agent/web/access.h \
	agent/web/api.c agent/web/api.h \
	agent/web/assets.c agent/web/assets.h \
	agent/web/head.c agent/web/head.h \
	agent/web/hooks.c \
	agent/web/listen.c agent/web/listen.h \
	agent/web/live.c agent/web/live.h \
	agent/web/logs.c \
	agent/web/mail.c agent/web/mail.h \
	agent/web/pages.c agent/web/pages.h \
	agent/web/push.c \
	agent/web/record.c \
	agent/web/reply.c \
	agent/web/request.c agent/web/request.h \
	agent/web/routes.c agent/web/routes.h \
	agent/web/server.c agent/web/server.h \
	agent/web/site.c \
	agent/web/web.h

check_PROGRAMS += t/unit/webraw t/bench/load
t_unit_webraw_SOURCES = t/unit/webraw.c
t_unit_webraw_LDADD = libos.a libbase.a $(JANSSON_LIBS)
t_bench_load_SOURCES = t/bench/load.c
t_bench_load_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
t_bench_load_LDADD = libos.a libbase.a $(CRYPTO_LIBS) $(JANSSON_LIBS)

SHELL_TESTS += \
	t/0500-web-head.sh \
	t/0510-web-limits.sh \
	t/0520-web-access.sh \
	t/0530-web-live.sh
