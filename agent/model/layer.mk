# SPDX-License-Identifier: MIT
noinst_LIBRARIES += libmodel.a
libmodel_a_SOURCES = \
	agent/model/apply.c agent/model/apply_int.h \
	agent/model/apply_step.c \
	agent/model/diagnose.c agent/model/diagnose.h \
	agent/model/event.c agent/model/event.h \
	agent/model/packages.c \
	agent/model/limits.c agent/model/limits.h \
	agent/model/push.c agent/model/push.h \
	agent/model/retry.c agent/model/retry.h \
	agent/model/retried.c \
	agent/model/run.c agent/model/run.h \
	agent/model/run_json.c \
	agent/model/state.c \
	agent/model/words.c agent/model/words.h

UNIT_TESTS += t/unit/diagnose
t_unit_diagnose_SOURCES = t/unit/diagnose.c t/tap.h
t_unit_diagnose_LDADD = libmodel.a libbase.a $(JANSSON_LIBS)

UNIT_TESTS += t/unit/run
t_unit_run_SOURCES = t/unit/run.c t/tap.h
t_unit_run_LDADD = libmodel.a libbase.a $(JANSSON_LIBS)

# libworkflow.a reads YAML: for the worker and tellus, never for tellusd.
noinst_LIBRARIES += libexpr.a libworkflow.a
libexpr_a_SOURCES = \
	agent/model/expr.c agent/model/expr.h \
	agent/model/expr_ast.h \
	agent/model/expr_check.c \
	agent/model/expr_eval.c \
	agent/model/expr_func.c \
	agent/model/expr_json.c \
	agent/model/expr_lex.c \
	agent/model/expr_parse.c \
	agent/model/expr_value.c agent/model/expr_value.h \
	agent/model/plan_github.c

libworkflow_a_SOURCES = \
	agent/model/filter.c agent/model/filter.h \
	agent/model/plan.c agent/model/plan.h \
	agent/model/plan_on.c \
	agent/model/workflow.c agent/model/workflow.h \
	agent/model/workflow_int.h \
	agent/model/workflow_job.c \
	agent/model/workflow_key.c \
	agent/model/workflow_on.c \
	agent/model/workflow_ref.c \
	agent/model/workflow_set.c \
	agent/model/workflow_step.c \
	agent/model/yaml.c agent/model/yaml.h \
	agent/model/yaml_int.h \
	agent/model/yaml_text.c
libworkflow_a_CFLAGS = $(AM_CFLAGS) $(YAML_CFLAGS)

# Evaluates one expression, for the tests.
check_PROGRAMS += t/unit/expr-eval
t_unit_expr_eval_SOURCES = t/unit/expr-eval.c
t_unit_expr_eval_LDADD = libexpr.a libbase.a $(JANSSON_LIBS) -lm

UNIT_TESTS += t/unit/expr
t_unit_expr_SOURCES = t/unit/expr.c t/tap.h
t_unit_expr_LDADD = libexpr.a libbase.a $(JANSSON_LIBS) -lm
SHELL_TESTS += t/0210-expr-peer.sh
EXTRA_DIST += t/node/expr/package.json t/node/expr/package-lock.json \
	t/node/expr/cases.json t/node/expr/compare.mjs

WORKFLOW_LDADD = libworkflow.a libexpr.a libmodel.a libbase.a \
	$(YAML_LIBS) $(JANSSON_LIBS) -lm

UNIT_TESTS += t/unit/yaml t/unit/workflow t/unit/plan
t_unit_yaml_SOURCES = t/unit/yaml.c t/tap.h
t_unit_yaml_LDADD = $(WORKFLOW_LDADD)
t_unit_workflow_SOURCES = t/unit/workflow.c t/tap.h
t_unit_workflow_LDADD = $(WORKFLOW_LDADD)
t_unit_plan_SOURCES = t/unit/plan.c t/tap.h
t_unit_plan_LDADD = $(WORKFLOW_LDADD)

# Fuzz targets, here with a main that replays the corpus.
UNIT_TESTS += t/fuzz/replay-workflow t/fuzz/replay-expr
t_fuzz_replay_workflow_SOURCES = t/fuzz/workflow.c t/replay.h t/tap.h
t_fuzz_replay_workflow_LDADD = $(WORKFLOW_LDADD)
t_fuzz_replay_expr_SOURCES = t/fuzz/expr.c t/replay.h t/tap.h
t_fuzz_replay_expr_LDADD = libexpr.a libbase.a $(JANSSON_LIBS) -lm
EXTRA_DIST += t/fuzz/corpus/workflow t/fuzz/corpus/expr

# The configuration.
noinst_LIBRARIES += libconfig.a
libconfig_a_SOURCES = \
	agent/model/config.c agent/model/config.h \
	agent/model/config_check.c \
	agent/model/config_key.c agent/model/config_key.h \
	agent/model/config_syntax.c agent/model/config_value.c

UNIT_TESTS += t/unit/config
t_unit_config_SOURCES = t/unit/config.c t/tap.h
t_unit_config_LDADD = libconfig.a libbase.a $(JANSSON_LIBS)

# Prints a file as git config --list -z does.
check_PROGRAMS += t/unit/config_list
t_unit_config_list_SOURCES = t/unit/config_list.c
t_unit_config_list_LDADD = libconfig.a libbase.a $(JANSSON_LIBS)
SHELL_TESTS += t/0405-forge-gitconfig.sh

