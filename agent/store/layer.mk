# SPDX-License-Identifier: MIT
noinst_LIBRARIES += libstore.a
libstore_a_CFLAGS = $(AM_CFLAGS) $(LMDB_CFLAGS) $(CRYPTO_CFLAGS)
libstore_a_SOURCES = \
	agent/store/db.c agent/store/db.h agent/store/db_priv.h \
	agent/store/db_iter.c \
	agent/store/db_open.c \
	agent/store/journal.c agent/store/journal.h \
	agent/store/journal_priv.h \
	agent/store/journal_check.c \
	agent/store/journal_dedupe.c \
	agent/store/journal_events.c \
	agent/store/journal_heads.c \
	agent/store/journal_outbox.c \
	agent/store/journal_rows.c \
	agent/store/outlog.c agent/store/outlog.h \
	agent/store/spool.c agent/store/spool.h

store_test_libs = libstore.a libmodel.a libos.a libbase.a \
	$(JANSSON_LIBS) $(LMDB_LIBS) $(CRYPTO_LIBS)

UNIT_TESTS += t/unit/journal t/unit/journal_fault t/unit/journal_hard \
	t/unit/journal_room t/unit/journal_rows t/unit/outlog t/unit/spool
t_unit_journal_SOURCES = t/unit/journal.c \
	t/unit/journal_util.h t/tap.h
t_unit_journal_LDADD = $(store_test_libs)
t_unit_journal_fault_SOURCES = t/unit/journal_fault.c \
	t/unit/journal_util.h t/tap.h
t_unit_journal_fault_LDADD = $(store_test_libs)
t_unit_journal_hard_SOURCES = t/unit/journal_hard.c \
	t/unit/journal_util.h t/tap.h
t_unit_journal_hard_LDADD = $(store_test_libs)
t_unit_journal_room_SOURCES = t/unit/journal_room.c \
	t/unit/journal_util.h t/tap.h
t_unit_journal_room_LDADD = $(store_test_libs)
t_unit_journal_rows_SOURCES = t/unit/journal_rows.c \
	t/unit/journal_util.h t/tap.h
t_unit_journal_rows_LDADD = $(store_test_libs)
t_unit_outlog_SOURCES = t/unit/outlog.c t/tap.h
t_unit_outlog_LDADD = $(store_test_libs)
t_unit_spool_SOURCES = t/unit/spool.c t/tap.h
t_unit_spool_LDADD = $(store_test_libs)

# Not a test: how many commits a second the disk gives.
EXTRA_PROGRAMS += t/bench/commit
t_bench_commit_SOURCES = t/bench/commit.c
t_bench_commit_LDADD = $(store_test_libs)
