/* SPDX-License-Identifier: MIT */
/*
 * config_list FILE: what our reader makes of a git-config file, printed as
 * "git config -f FILE --list -z" prints it.  config_list --check FILE loads
 * it as the agent's configuration instead.
 */
#include "base/base.h"
#include "base/buf.h"
#include "model/config.h"

static int
print(const char *section, const char *sub, const char *key, const char *value,
	unsigned int line UNUSED, void *arg UNUSED, struct err *e UNUSED)
{
	printf("%s%s%s.%s", section, sub ? "." : "", sub ? sub : "", key);
	if (value)
		printf("\n%s", value);
	putchar('\0');
	return 0;
}

static int
check(const char *path)
{
	struct config c;
	struct err e;
	int rc;

	config_init(&c);
	rc = config_load(&c, path, &e);
	if (rc < 0)
		fprintf(stderr, "%s\n", e.msg);
	config_release(&c);
	return rc < 0;
}

int
main(int argc, char **argv)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	struct err e;
	FILE *f;
	size_t n;

	if (argc == 3 && str_eq(argv[1], "--check"))
		return check(argv[2]);
	f = argc == 2 ? fopen(argv[1], "r") : NULL;
	if (!f)
		return 2;
	while ((n = fread(buf_room(&text, 4096), 1, 4096, f)) > 0)
		buf_grown(&text, n);
	fclose(f);
	if (gitconfig_parse(argv[1], text.data, text.len, print, NULL, &e)) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	return 0;
}
