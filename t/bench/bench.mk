# SPDX-License-Identifier: MIT
# make bench: see README beside this file.
EXTRA_PROGRAMS += t/bench/firstline t/bench/load t/bench/floor-mhd
CLEANFILES += $(EXTRA_PROGRAMS)
t_bench_firstline_SOURCES = t/bench/firstline.c
t_bench_load_SOURCES = t/bench/load.c
t_bench_load_LDADD = $(CRYPTO_LIBS)
t_bench_floor_mhd_SOURCES = t/bench/floor-mhd.c
t_bench_floor_mhd_LDADD = $(MHD_LIBS) $(CRYPTO_LIBS)
EXTRA_DIST += t/bench/README t/bench/run.sh

bench: all $(EXTRA_PROGRAMS)
	@TELLUS_BUILD="$(abs_top_builddir)" TELLUS_SRC="$(abs_top_srcdir)" \
	sh "$(srcdir)/t/bench/run.sh"

.PHONY: bench
