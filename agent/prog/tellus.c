/* SPDX-License-Identifier: MIT */
/* tellus: what people type, and what the hook calls.  See cli/cmd.h. */
#include "base/base.h"
#include "cli/cmd.h"

int
main(int argc, char **argv)
{
	return cli_main(argc, argv);
}
