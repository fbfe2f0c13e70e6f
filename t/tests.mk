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
