# SPDX-License-Identifier: MIT
noinst_LIBRARIES += libforge.a
libforge_a_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
libforge_a_SOURCES = \
	agent/forge/field.c agent/forge/field.h \
	agent/forge/forge.c agent/forge/forge.h agent/forge/kind.h \
	agent/forge/github.c \
	agent/forge/gitlab.c \
	agent/forge/post.c agent/forge/post.h \
	agent/forge/status.c \
	agent/forge/verdict.c \
	agent/forge/verify.c
