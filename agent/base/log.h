/* SPDX-License-Identifier: MIT */
/*
 * The agent's own log: one line each on standard error, "<N>" before it
 * where a service manager reads it (JOURNAL_STREAM).  Control bytes in the
 * text are escaped, so that no request can forge a line.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/base.h"

enum log_level {
	LOG_ERROR = 3,
	LOG_WARN = 4,
	LOG_NOTICE = 5,
	LOG_INFO = 6,
	LOG_DEBUG = 7,
};

/* Lines above this level are dropped; the default is LOG_INFO. */
void log_set_level(enum log_level level);

/* Names the program in lines that go to a terminal or a file. */
void log_set_name(const char *name);

void log_line(enum log_level level, const char *fmt, ...) PRINTF(2, 3);

#endif
