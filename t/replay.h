/* SPDX-License-Identifier: MIT */
/*
 * A main for fuzz targets built without libFuzzer: feeds each file that is
 * named, or each file of a folder, to LLVMFuzzerTestOneInput(), as TAP.
 * With -DFUZZ=1 it is left out (clang -fsanitize=fuzzer brings its own).
 */
#ifndef T_REPLAY_H
#define T_REPLAY_H

#include "base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifndef FUZZ
#include "base/buf.h"
#include "tap.h"

#include <dirent.h>

static void
replay_file(const char *path)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f) {
		ok(0, "%s can be opened", path);
		return;
	}
	while ((n = fread(buf_room(&text, 4096), 1, 4096, f)) > 0)
		buf_grown(&text, n);
	fclose(f);
	LLVMFuzzerTestOneInput((const uint8_t *)text.data, text.len);
	ok(1, "%s is survived", path);
}

/* A file, or all files of a folder. */
static void
replay_folder(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *de;

	if (!d) {
		replay_file(path);
		return;
	}
	while ((de = readdir(d))) {
		AUTO(freep) char *file = NULL;

		if (de->d_name[0] == '.')
			continue;
		file = xasprintf("%s/%s", path, de->d_name);
		replay_file(file);
	}
	closedir(d);
}

static int
replay_main(int argc, char **argv, const char *corpus)
{
	const char *src = getenv("TELLUS_SRC");
	AUTO(freep)
	char *path = xasprintf("%s/t/fuzz/corpus/%s", src ? src : ".", corpus);

	if (argc < 2)
		replay_folder(path);
	for (int i = 1; i < argc; i++)
		replay_folder(argv[i]);
	return tap_done();
}

#define REPLAY_MAIN(corpus)                                                    \
	int main(int argc, char **argv)                                        \
	{                                                                      \
		return replay_main(argc, argv, corpus);                        \
	}
#else
#define REPLAY_MAIN(corpus)
#endif

#endif
