/* SPDX-License-Identifier: MIT */
/* See assets.h. */
#include "base/base.h"
#include "web/assets.h"
#include "base/enc.h"
#include "os/fd.h"
#include "os/path.h"

#include <fcntl.h>
#include <openssl/sha.h>

#define ASSET_MAX ((size_t)1 << 20)
#define ETAG_LEN 16

static const struct {
	const char *name, *type;
} files[] = {
	{ "icon.svg", "image/svg+xml" },
	{ "styles.css", "text/css; charset=utf-8" },
	{ "live.js", "text/javascript; charset=utf-8" },
	{ "openapi.json", "application/json" },
};

struct assets {
	struct {
		char *text;
		size_t len;
		char etag[2 * ETAG_LEN + 3];
	} file[ARRAY_LEN(files)];
};

static void
set_etag(char *etag, const char *text, size_t len)
{
	unsigned char sum[SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *)text, len, sum);
	etag[0] = '"';
	hex_put(etag + 1, sum, ETAG_LEN);
	etag[2 * ETAG_LEN + 1] = '"';
	etag[2 * ETAG_LEN + 2] = '\0';
}

struct assets *
assets_load(const char *folder, struct err *e)
{
	AUTO(fd_closep) int dir = path_open_dir(AT_FDCWD, folder, e);
	struct assets *a;

	if (dir < 0) {
		err_wrap(e, "the templates folder");
		return NULL;
	}
	a = xcalloc(1, sizeof(*a));
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		if (fd_slurp_at(dir, files[i].name, ASSET_MAX, &a->file[i].text,
			    &a->file[i].len, e) < 0) {
			err_wrap(e, "%s", folder);
			assets_free(a);
			return NULL;
		}
		set_etag(a->file[i].etag, a->file[i].text, a->file[i].len);
	}
	return a;
}

void
assets_free(struct assets *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		free(a->file[i].text);
	free(a);
}

void
assets_reply(struct request *r, const char *name)
{
	const struct assets *a = r->web->assets;
	const char *known = request_header(r, "If-None-Match");

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		if (!str_eq(files[i].name, name))
			continue;
		reply_header(r, "ETag", a->file[i].etag);
		reply_header(r, "Cache-Control", "no-cache");
		if (str_eq(known, a->file[i].etag))
			reply_static(r, 304, files[i].type, "", 0);
		else
			reply_static(r, 200, files[i].type, a->file[i].text,
				a->file[i].len);
		return;
	}
	reply_problem(r, 404, "there is no such file");
}
