# SPDX-License-Identifier: MIT
worker_PROGRAMS += tellus-worker
tellus_worker_SOURCES = agent/prog/worker.c
tellus_worker_LDADD = libwork.a libgit.a libbox.a libstore.a libworkflow.a \
	libexpr.a libmodel.a libos.a libbase.a $(JANSSON_LIBS) $(GIT2_LIBS) \
	$(YAML_LIBS) $(SECCOMP_LIBS) -lm

sbin_PROGRAMS += tellusd
tellusd_SOURCES = agent/prog/tellusd.c
tellusd_CPPFLAGS = $(AM_CPPFLAGS) -DWORKERDIR='"$(workerdir)"' \
	-DTEMPLATESDIR='"$(templatesdir)"'
tellusd_LDADD = libweb.a libcore.a libforge.a libstore.a libconfig.a \
	libexpr.a libmodel.a libos.a libbase.a \
	$(MHD_LIBS) $(LMDB_LIBS) $(CURL_LIBS) $(CRYPTO_LIBS) $(JANSSON_LIBS) \
	-lpthread -lm

bin_PROGRAMS += tellus
tellus_SOURCES = agent/prog/tellus.c
tellus_LDADD = libcli.a libworkflow.a libexpr.a libconfig.a libmodel.a \
	libos.a libbase.a $(YAML_LIBS) $(JANSSON_LIBS) -lm
