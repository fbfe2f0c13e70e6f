/* SPDX-License-Identifier: MIT */
/*
 * Signatures and tokens of deliveries: HMAC-SHA256 over the raw body, or a
 * shared token, compared in constant time.  What is in the body is not
 * looked at here; which forge it is comes from the address, not from it.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/enc.h"
#include "forge/forge.h"
#include "forge/kind.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define DIGEST 32
#define CLOCK_SKEW_S 300 /* the Standard Webhooks' window */
#define WEBHOOK_ID_MAX 256

static int
denied(struct err *e, const char *why)
{
	return err_set(e, ERR_DENIED, "%s", why);
}

static int
hmac(const void *key, size_t key_len, const void *p, size_t n,
	unsigned char out[DIGEST], struct err *e)
{
	unsigned int len = DIGEST;

	if (key_len > INT_MAX ||
		!HMAC(EVP_sha256(), key, (int)key_len, p, n, out, &len))
		return err_set(e, ERR_TEMP, "HMAC-SHA256 is not available");
	return 0;
}

/* The hex digest of the body under the repository's secret. */
static int
check_hex(const struct forge_request *r, const struct repo_conf *repo,
	const char *hex, struct err *e)
{
	unsigned char got[DIGEST], want[DIGEST];

	if (!repo->webhook_secret || !*repo->webhook_secret)
		return denied(e, "no webhook-secret-file is configured");
	if (hex_get(got, DIGEST, hex, strlen(hex)) < 0)
		return denied(e, "the signature is not 64 hex digits");
	if (hmac(repo->webhook_secret, strlen(repo->webhook_secret), r->body,
		    r->len, want, e) < 0)
		return -1;
	if (CRYPTO_memcmp(got, want, DIGEST) != 0)
		return denied(e, "the signature does not match");
	return 0;
}

int
github_verify(const struct forge_request *r, const struct repo_conf *repo,
	struct err *e)
{
	const char *sig = r->header("X-Hub-Signature-256", r->arg);

	if (!sig)
		return denied(e, "the header X-Hub-Signature-256 is missing");
	if (!str_starts(sig, "sha256="))
		return denied(e, "X-Hub-Signature-256 has no sha256=");
	return check_hex(r, repo, sig + strlen("sha256="), e);
}

int
gitea_verify(const struct forge_request *r, const struct repo_conf *repo,
	struct err *e)
{
	static const char *const names[] = { "X-Forgejo-Signature",
		"X-Gitea-Signature", "X-Hub-Signature-256" };
	const char *sig = NULL;

	for (size_t i = 0; !sig && i < ARRAY_LEN(names); i++)
		sig = r->header(names[i], r->arg);
	if (!sig)
		return denied(e, "the header X-Gitea-Signature is missing");
	if (str_starts(sig, "sha256="))
		sig += strlen("sha256=");
	return check_hex(r, repo, sig, e);
}

/* Hashed first, so that neither length nor content shows in the time. */
static int
check_token(const char *got, const char *want, struct err *e)
{
	unsigned char a[DIGEST], b[DIGEST];

	if (!want || !*want)
		return denied(e, "no webhook-secret-file is configured");
	if (!got)
		return denied(e, "the header X-Gitlab-Token is missing");
	if (!EVP_Digest(got, strlen(got), a, NULL, EVP_sha256(), NULL) ||
		!EVP_Digest(want, strlen(want), b, NULL, EVP_sha256(), NULL))
		return err_set(e, ERR_TEMP, "SHA-256 is not available");
	if (CRYPTO_memcmp(a, b, DIGEST) != 0)
		return denied(e, "the token does not match");
	return 0;
}

static int
check_time(const struct forge_request *r, const char *stamp, struct err *e)
{
	int64_t s, off;

	if (*stamp == '-' || num_parse(stamp, 0, INT64_MAX, &s) < 0)
		return denied(e, "webhook-timestamp is not a number");
	if (__builtin_sub_overflow(r->now_s, s, &off))
		off = INT64_MAX;
	if (off >= -CLOCK_SKEW_S && off <= CLOCK_SKEW_S)
		return 0;
	return err_set(e, ERR_DENIED,
		"webhook-timestamp is %" PRId64
		" s off this machine's clock; more than %d s is refused, set "
		"the clock if it is wrong",
		off, CLOCK_SKEW_S);
}

/* Any v1 signature of the list may match: secrets are rotated so. */
static int
check_list(const char *list, const unsigned char want[DIGEST], struct err *e)
{
	AUTO(buf_release) struct buf got = BUF_INIT;
	bool match = false;

	while (*list) {
		size_t n = strcspn(list, " ");

		buf_reset(&got);
		if (str_starts(list, "v1,") &&
			base64_get(&got, list + 3, n - 3) == 0 &&
			got.len == DIGEST)
			match |= CRYPTO_memcmp(got.data, want, DIGEST) == 0;
		list += n;
		list += strspn(list, " ");
	}
	if (!match)
		return denied(e, "no v1 signature of webhook-signature "
				 "matches");
	return 0;
}

/* Standard Webhooks: HMAC over "id.timestamp.body". */
static int
check_signed(const struct forge_request *r, const char *secret, struct err *e)
{
	AUTO(buf_release) struct buf key = BUF_INIT;
	AUTO(buf_release) struct buf text = BUF_INIT;
	const char *id = r->header("webhook-id", r->arg);
	const char *stamp = r->header("webhook-timestamp", r->arg);
	const char *list = r->header("webhook-signature", r->arg);
	unsigned char want[DIGEST];
	int rc;

	if (!id || !stamp || !list)
		return denied(e, "webhook-id, webhook-timestamp or "
				 "webhook-signature is missing; a signing "
				 "secret is configured, so X-Gitlab-Token "
				 "does not count");
	if (!*id || strchr(id, '.') || strlen(id) > WEBHOOK_ID_MAX)
		return denied(e, "webhook-id is empty, too long or has a dot");
	if (check_time(r, stamp, e) < 0)
		return -1;
	if (str_starts(secret, "whsec_"))
		secret += strlen("whsec_");
	if (base64_get(&key, secret, strlen(secret)) < 0 || !key.len)
		return denied(e, "the signing secret is not base64");
	buf_addf(&text, "%s.%s.", id, stamp);
	buf_add(&text, r->body, r->len);
	rc = hmac(key.data, key.len, text.data, text.len, want, e);
	explicit_bzero(key.data, key.len);
	return rc < 0 ? -1 : check_list(list, want, e);
}

int
gitlab_verify(const struct forge_request *r, const struct repo_conf *repo,
	struct err *e)
{
	if (repo->signing_secret)
		return check_signed(r, repo->signing_secret, e);
	return check_token(
		r->header("X-Gitlab-Token", r->arg), repo->webhook_secret, e);
}
