# SPDX-License-Identifier: MIT
# How the tests are run; the layers' fragments list them.
EXTRA_DIST += t/run t/lib.sh t/tap.h

TEST_JOBS = 2
check-local: $(UNIT_TESTS)
	@TELLUS_BUILD="$(abs_top_builddir)" TELLUS_SRC="$(abs_top_srcdir)" \
	"$(srcdir)/t/run" -j $(TEST_JOBS) \
		$(UNIT_TESTS:%=$(abs_top_builddir)/%) \
		$(SHELL_TESTS:%=$(abs_top_srcdir)/%)

# One file: make check-one TEST=t/0100-push.sh
check-one: all $(UNIT_TESTS)
	@TELLUS_BUILD="$(abs_top_builddir)" TELLUS_SRC="$(abs_top_srcdir)" \
	"$(srcdir)/t/run" $(TEST)
	@cat t/log/*.log

.PHONY: check-one

SHELL_TESTS += \
	t/0010-source.sh \
	t/1000-push.sh \
	t/1010-refs.sh \
	t/1020-incoming.sh \
	t/1030-restart.sh \
	t/1040-hooks.sh \
	t/1050-status.sh \
	t/1060-jobs.sh \
	t/1070-run.sh \
	t/1080-user.sh \
	t/1090-remote.sh \
	t/1200-crash.sh
EXTRA_DIST += t/agent.sh t/forge.mjs t/crash.mjs
