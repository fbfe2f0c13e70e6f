# SPDX-License-Identifier: MIT
noinst_LIBRARIES += libwork.a
libwork_a_SOURCES = \
	agent/work/child.c \
	agent/work/context.c \
	agent/work/control.c \
	agent/work/env.c \
	agent/work/files.c \
	agent/work/job.c agent/work/job.h \
	agent/work/layers.c \
	agent/work/plan_attempt.c \
	agent/work/planner.c agent/work/planner.h \
	agent/work/reason.c \
	agent/work/record.c \
	agent/work/shell.c \
	agent/work/source.c agent/work/source.h \
	agent/work/spec.c agent/work/spec.h \
	agent/work/step.c agent/work/step.h \
	agent/work/watch.c \
	agent/work/worker.c agent/work/worker.h
