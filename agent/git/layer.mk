# SPDX-License-Identifier: MIT
noinst_LIBRARIES += libgit.a
libgit_a_CFLAGS = $(AM_CFLAGS) $(GIT2_CFLAGS)
libgit_a_SOURCES = \
	agent/git/fetch.c agent/git/fetch.h \
	agent/git/git.h \
	agent/git/gitdir.c \
	agent/git/heads.c \
	agent/git/index.c agent/git/index.h \
	agent/git/lib.c agent/git/lib.h \
	agent/git/local.c agent/git/local.h \
	agent/git/mirror.c \
	agent/git/oidmap.c agent/git/oidmap.h \
	agent/git/repo.c \
	agent/git/snapshot.c \
	agent/git/tree.c agent/git/tree.h \
	agent/git/treename.c agent/git/treename.h \
	agent/git/treescan.c agent/git/treescan.h \
	agent/git/treewrite.c agent/git/treewrite.h \
	agent/git/url.c agent/git/url.h

git_test_libs = libgit.a libos.a libbase.a $(JANSSON_LIBS) $(GIT2_LIBS)

UNIT_TESTS += t/unit/git
t_unit_git_SOURCES = t/unit/git.c t/tap.h
t_unit_git_LDADD = $(git_test_libs)

# The shell tests' way into the layer.
check_PROGRAMS += t/unit/gitdrv
t_unit_gitdrv_SOURCES = t/unit/gitdrv.c
t_unit_gitdrv_LDADD = $(git_test_libs)

EXTRA_DIST += t/git-lib.sh t/git-http.py

SHELL_TESTS += \
	t/0300-git-tree.sh \
	t/0305-git-layers.sh \
	t/0310-git-hostile.sh \
	t/0315-git-bombs.sh \
	t/0320-git-fetch.sh \
	t/0325-git-token.sh \
	t/0330-git-dotgit.sh \
	t/0335-git-history.sh \
	t/0340-git-snapshot.sh \
	t/0345-git-worktree.sh
