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
