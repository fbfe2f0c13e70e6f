# SPDX-License-Identifier: MIT
noinst_LIBRARIES += libweb.a
libweb_a_CFLAGS = $(AM_CFLAGS) $(MHD_CFLAGS) $(CRYPTO_CFLAGS)
libweb_a_SOURCES = \
	agent/web/access.c agent/web/access.h \
	agent/web/actions.c \
	agent/web/ansi.c agent/web/ansi.h \
	agent/web/api.c agent/web/api.h \
	agent/web/assets.c agent/web/assets.h \
	agent/web/badge.c \
	agent/web/head.c agent/web/head.h \
	agent/web/hooks.c \
	agent/web/linger.c agent/web/linger.h \
	agent/web/listen.c agent/web/listen.h \
	agent/web/live.c agent/web/live.h \
	agent/web/logs.c \
	agent/web/mail.c agent/web/mail.h \
	agent/web/page_run.c \
	agent/web/pages.c agent/web/pages.h agent/web/pages_priv.h \
	agent/web/push.c \
	agent/web/record.c \
	agent/web/reply.c \
	agent/web/request.c agent/web/request.h \
	agent/web/routes.c agent/web/routes.h \
	agent/web/server.c agent/web/server.h \
	agent/web/site.c \
	agent/web/template.c agent/web/template.h \
	agent/web/why.c \
	agent/web/web.h

UNIT_TESTS += t/unit/web
t_unit_web_SOURCES = t/unit/web.c t/tap.h
t_unit_web_CFLAGS = $(AM_CFLAGS) $(MHD_CFLAGS)
t_unit_web_LDADD = $(tellusd_LDADD)

check_PROGRAMS += t/unit/webraw t/unit/webload
t_unit_webraw_SOURCES = t/unit/webraw.c
t_unit_webraw_LDADD = libos.a libbase.a $(JANSSON_LIBS)
t_unit_webload_SOURCES = t/unit/webload.c
t_unit_webload_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
t_unit_webload_LDADD = libos.a libbase.a $(CRYPTO_LIBS) $(JANSSON_LIBS)

SHELL_TESTS += \
	t/0500-web-head.sh \
	t/0510-web-limits.sh \
	t/0520-web-access.sh \
	t/0530-web-live.sh \
	t/0550-page.sh

dist_templates_DATA += templates/base.html templates/error.html \
	templates/icon.svg templates/live.js templates/openapi.json \
	templates/run.html templates/runs.html templates/styles.css

web_page_libs = libweb.a libmodel.a libos.a libbase.a $(JANSSON_LIBS)

UNIT_TESTS += t/unit/web-ansi t/unit/web-template t/unit/web-pages
t_unit_web_ansi_SOURCES = t/unit/web-ansi.c t/tap.h
t_unit_web_ansi_LDADD = $(web_page_libs)
t_unit_web_template_SOURCES = t/unit/web-template.c t/tap.h
t_unit_web_template_LDADD = $(web_page_libs)
t_unit_web_pages_SOURCES = t/unit/web-pages.c t/tap.h
t_unit_web_pages_LDADD = $(web_page_libs)

EXTRA_DIST += t/node/web/package.json t/node/web/package-lock.json \
	t/node/web/page.mjs t/node/web/payloads.json t/node/web/workflow.mjs
