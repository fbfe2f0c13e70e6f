# SPDX-License-Identifier: MIT
noinst_LIBRARIES += libforge.a
libforge_a_SOURCES = \
	agent/forge/field.c agent/forge/field.h \
	agent/forge/forge.c agent/forge/forge.h \
	agent/forge/github.c agent/forge/gitlab.c agent/forge/kind.h \
	agent/forge/post.c agent/forge/post.h \
	agent/forge/status.c agent/forge/verdict.c agent/forge/verify.c

UNIT_TESTS += t/unit/forge
t_unit_forge_SOURCES = t/unit/forge.c t/tap.h
t_unit_forge_LDADD = libforge.a libconfig.a libmodel.a libos.a libbase.a \
	$(CURL_LIBS) $(CRYPTO_LIBS) $(JANSSON_LIBS)

# Verifies, parses and posts what a shell test hands it.
check_PROGRAMS += t/unit/forge_check
t_unit_forge_check_SOURCES = t/unit/forge_check.c
t_unit_forge_check_LDADD = $(t_unit_forge_LDADD)
SHELL_TESTS += t/0400-forge-octokit.sh t/0410-forge-prism.sh \
	t/0420-forge-post.sh
EXTRA_DIST += t/node/forge/package.json t/node/forge/package-lock.json \
	t/node/forge/setup.sh t/node/forge/octokit.mjs \
	t/node/forge/compare.mjs t/node/forge/slice.mjs
