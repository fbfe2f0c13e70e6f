/* SPDX-License-Identifier: MIT */
/* See nonce.h. */
#include "base/base.h"
#include "cli/nonce.h"

#include "base/clock.h"
#include "base/enc.h"

#include <pwd.h>
#include <sys/random.h>

void
nonce_new(char out[NONCE_HEX + 1])
{
	unsigned char raw[NONCE_BYTES];
	int64_t parts[2] = { clock_boot_ns(), getpid() };

	/* It must be unlike any other, not secret: without random bytes the
	 * time and the process make it so. */
	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		memcpy(raw, parts, sizeof(raw));
	hex_put(out, raw, sizeof(raw));
}

char *
user_name(void)
{
	const struct passwd *pw = getpwuid(getuid());

	if (pw && pw->pw_name && *pw->pw_name)
		return xstrdup(pw->pw_name);
	return xasprintf("uid %u", (unsigned int)getuid());
}
