# SPDX-License-Identifier: MIT
noinst_LIBRARIES += libcore.a
libcore_a_CFLAGS = $(AM_CFLAGS) $(LMDB_CFLAGS)
libcore_a_SOURCES = \
	agent/core/admit.c \
	agent/core/ask.c \
	agent/core/clean.c \
	agent/core/attempt.c \
	agent/core/core.c agent/core/core.h agent/core/inner.h \
	agent/core/dispatch.c \
	agent/core/intent.c \
	agent/core/dump.c \
	agent/core/follow.c \
	agent/core/hand.c \
	agent/core/lives.c \
	agent/core/lost.c \
	agent/core/marker.c \
	agent/core/missed.c \
	agent/core/notify.c \
	agent/core/offline.c agent/core/offline.h \
	agent/core/poll.c agent/core/poll.h \
	agent/core/reattach.c \
	agent/core/rows.c agent/core/rows.h \
	agent/core/room.c agent/core/room.h \
	agent/core/settle.c \
	agent/core/spec.c \
	agent/core/story.c \
	agent/core/submit.c agent/core/submit.h \
	agent/core/tail.c \
	agent/core/trim.c \
	agent/core/turn.c \
	agent/core/waits.c \
	agent/core/watchers.c \
	agent/core/worker.c

UNIT_TESTS += t/unit/room
t_unit_room_SOURCES = t/unit/room.c t/tap.h
t_unit_room_CFLAGS = $(AM_CFLAGS) $(LMDB_CFLAGS)
t_unit_room_LDADD = $(tellusd_LDADD)
