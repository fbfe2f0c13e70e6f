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
	t/1100-agent.sh \
	t/1110-openapi.sh \
	t/1120-forges.sh \
	t/1190-checker.sh \
	t/1200-crash.sh \
	t/1205-again.sh \
	t/1210-states.sh \
	t/1220-random.sh \
	t/1230-why.sh \
	t/1240-room.sh \
	t/1245-trim.sh \
	t/1250-missed.sh \
	t/1260-quarantine.sh \
	t/1270-rollback.sh \
	t/1280-undo.sh \
	t/1300-hostile.sh \
	t/1310-users.sh
EXTRA_DIST += t/agent.sh t/checker.mjs t/forge.mjs t/ledger.pl t/ledger.sh \
	t/rollback.py

# Variants are built in a copy of what is distributed, so that objects of
# different builds never mix.
asan: distdir
	mkdir -p $(distdir)/_asan
	cd $(distdir)/_asan && ../configure -q --enable-asan \
		--enable-werror --enable-crash-points
	$(MAKE) -s -C $(distdir)/_asan check
	chmod -R u+w $(distdir) && rm -rf $(distdir)

# Every parser that has a target in t/fuzz, for FUZZ_SECONDS each, with
# clang's libFuzzer; what it finds is left in the build folder.
FUZZ_SECONDS = 60
fuzz_sources = $(libworkflow_a_SOURCES) $(libexpr_a_SOURCES) \
	$(libmodel_a_SOURCES) $(libbase_a_SOURCES)
fuzz: config.h
	@for t in workflow expr; do \
		mkdir -p t/fuzz/found-$$t && \
		clang -g -O1 -std=gnu11 -fsanitize=fuzzer,address,undefined \
			-DHAVE_CONFIG_H -I. -I$(srcdir)/agent -I$(srcdir)/t \
			-DFUZZ $(srcdir)/t/fuzz/$$t.c \
			$$(cd $(srcdir) && ls $(filter %.c,$(fuzz_sources)) | \
				sed "s,^,$(srcdir)/,") \
			$(YAML_LIBS) $(JANSSON_LIBS) -lm -o t/fuzz/fuzz-$$t && \
		t/fuzz/fuzz-$$t -max_total_time=$(FUZZ_SECONDS) \
			-print_final_stats=1 t/fuzz/found-$$t \
			$(srcdir)/t/fuzz/corpus/$$t || exit 1; \
	done

lint:
	@cd $(srcdir) && clang-format --dry-run -Werror \
		$$(git ls-files 'agent/*.[ch]') && echo formatted
	@cd $(srcdir) && shellcheck -S warning hooks/post-receive \
		contrib/quickstart .ci/run t/run && echo shell scripts are clean
	@mandoc -T lint -W warning $(srcdir)/agent/man/*.[158]

.PHONY: asan fuzz lint

# Kills at every crash point, N at each over its passes, and RANDOM of them
# at random times; the short forms in make check take one each and 100.  The
# figures are left in crash-summary.
N = 20
RANDOM = 2000
crash: all
	@rm -f crash-summary crash-summary.*
	@CRASH_N=$(N) CRASH_SUMMARY="$(abs_top_builddir)/crash-summary.points" \
	RANDOM_KILLS=$(RANDOM) \
	RANDOM_SUMMARY="$(abs_top_builddir)/crash-summary.random" \
	TEST_TIMEOUT=14400 TELLUS_BUILD="$(abs_top_builddir)" \
	TELLUS_SRC="$(abs_top_srcdir)" "$(srcdir)/t/run" \
		$(abs_top_srcdir)/t/1200-crash.sh \
		$(abs_top_srcdir)/t/1220-random.sh; rc=$$?; \
	cat t/log/1200-crash.log t/log/1220-random.log; \
	{ echo "commit $$(git -C $(srcdir) describe --always --dirty \
		2>/dev/null || echo $(PACKAGE_VERSION))"; \
	cat crash-summary.points crash-summary.random; } >crash-summary; \
	rm -f crash-summary.*; cat crash-summary; exit $$rc

.PHONY: crash

distclean-local:
	rm -rf t/log t/node-*.lock t/fuzz/found-* t/fuzz/fuzz-* bench.json crash-summary
