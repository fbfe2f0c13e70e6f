/* SPDX-License-Identifier: MIT */
/* Prints every configuration key as "section.key", for the manual's test. */
#include "base/base.h"
#include "model/config.h"

int
main(void)
{
	size_t n;
	const struct config_key *k = config_keys(&n);

	for (size_t i = 0; i < n; i++)
		printf("%s.%s\n", k[i].section, k[i].key);
	return n == 0;
}
