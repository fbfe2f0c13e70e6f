# SPDX-License-Identifier: MIT
noinst_LIBRARIES += libwork.a
libwork_a_SOURCES = \
	agent/work/again.c \
	agent/work/child.c \
	agent/work/context.c \
	agent/work/control.c \
	agent/work/copy.c agent/work/copy.h \
	agent/work/env.c \
	agent/work/files.c \
	agent/work/heads.c agent/work/heads.h \
	agent/work/job.c agent/work/job.h \
	agent/work/layers.c \
	agent/work/plan_attempt.c \
	agent/work/planner.c agent/work/planner.h \
	agent/work/reason.c \
	agent/work/record.c \
	agent/work/shell.c \
	agent/work/source.c agent/work/source.h \
	agent/work/spec.c agent/work/spec.h \
	agent/work/sweep.c agent/work/sweep.h \
	agent/work/trim.c agent/work/trim.h \
	agent/work/step.c agent/work/step.h \
	agent/work/watch.c \
	agent/work/worker.c agent/work/worker.h

# Plays tellusd for the worker's tests.
check_PROGRAMS += t/unit/workdrv
t_unit_workdrv_SOURCES = t/unit/workdrv.c
t_unit_workdrv_LDADD = libstore.a libmodel.a libos.a libbase.a \
	$(JANSSON_LIBS)
EXTRA_DIST += t/work-lib.sh

UNIT_TESTS += t/unit/work
t_unit_work_SOURCES = t/unit/work.c t/tap.h
t_unit_work_LDADD = libwork.a libbox.a libstore.a libmodel.a libos.a \
	libbase.a $(JANSSON_LIBS) $(SECCOMP_LIBS)

SHELL_TESTS += t/0700-work-plan.sh t/0710-work-job.sh t/0720-work-stop.sh \
	t/0730-work-resume.sh t/0740-work-user.sh
