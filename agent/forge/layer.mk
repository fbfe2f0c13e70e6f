# SPDX-License-Identifier: MIT
noinst_LIBRARIES += libforge.a
libforge_a_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
libforge_a_SOURCES = \
	agent/forge/field.c agent/forge/field.h \
	agent/forge/forge.c agent/forge/forge.h \
	agent/forge/github.c agent/forge/gitlab.c agent/forge/kind.h \
	agent/forge/post.c agent/forge/post.h \
	agent/forge/status.c agent/forge/verdict.c agent/forge/verify.c

forge_libs = libforge.a libconfig.a libmodel.a libos.a libbase.a \
	$(CURL_LIBS) $(CRYPTO_LIBS) $(JANSSON_LIBS)

UNIT_TESTS += t/unit/forge_verify t/unit/forge_github t/unit/forge_gitlab \
	t/unit/forge_status t/unit/forge_hostile t/unit/forge_post
t_unit_forge_verify_SOURCES = t/unit/forge_verify.c t/unit/forge_request.h
t_unit_forge_verify_LDADD = $(forge_libs)
t_unit_forge_github_SOURCES = t/unit/forge_github.c t/unit/forge_request.h
t_unit_forge_github_LDADD = $(forge_libs)
t_unit_forge_gitlab_SOURCES = t/unit/forge_gitlab.c t/unit/forge_request.h
t_unit_forge_gitlab_LDADD = $(forge_libs)
t_unit_forge_status_SOURCES = t/unit/forge_status.c t/unit/forge_request.h
t_unit_forge_status_LDADD = $(forge_libs)
t_unit_forge_hostile_SOURCES = t/unit/forge_hostile.c t/unit/forge_request.h
t_unit_forge_hostile_LDADD = $(forge_libs)
t_unit_forge_post_SOURCES = t/unit/forge_post.c
t_unit_forge_post_LDADD = $(forge_libs)

# Verifies, parses and posts what a shell test hands it.
check_PROGRAMS += t/unit/forge_check
t_unit_forge_check_SOURCES = t/unit/forge_check.c
t_unit_forge_check_LDADD = $(forge_libs)
SHELL_TESTS += t/0400-forge-octokit.sh t/0410-forge-prism.sh \
	t/0420-forge-post.sh
EXTRA_DIST += t/node/forge/package.json t/node/forge/package-lock.json \
	t/node/forge/setup.sh t/node/forge/octokit.mjs \
	t/node/forge/compare.mjs t/node/forge/slice.mjs \
	t/node/forge/hostile.mjs
