# SPDX-License-Identifier: MIT
worker_PROGRAMS += tellus-worker
tellus_worker_SOURCES = agent/prog/worker.c
tellus_worker_LDADD = libwork.a libgit.a libbox.a libstore.a libworkflow.a \
	libexpr.a libmodel.a libos.a libbase.a $(JANSSON_LIBS) $(GIT2_LIBS) \
	$(YAML_LIBS) $(SECCOMP_LIBS) -lm
