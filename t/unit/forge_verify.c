/* SPDX-License-Identifier: MIT */
/* Signatures and tokens, against the vectors that the forges document. */
#include "base/base.h"
#include "forge/forge.h"

#include "forge_request.h"

#define HUB_SECRET "It's a Secret to Everybody"
#define HUB_BODY "Hello, World!"
#define HUB_SIG                                                                \
	"757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

static bool
verifies(enum forge_kind kind, const char *secret, const char *signing,
	const char *const *headers, const char *body)
{
	struct repo_conf repo = {
		.name = (char *)(uintptr_t) "a/b",
		.kind = kind,
		.webhook_secret = (char *)(uintptr_t)secret,
		.signing_secret = (char *)(uintptr_t)signing,
	};
	struct forge_request r = request(headers, body);
	struct err e = { 0 };

	if (forge_verify(kind, &r, &repo, &e) == 0)
		return true;
	if (e.code != ERR_DENIED || !e.msg[0])
		printf("# refused, but not as ERR_DENIED: %s\n", e.msg);
	return false;
}

static void
hub_signatures(void)
{
	static const char *const good[] = { "x-hub-signature-256",
		"sha256=" HUB_SIG, NULL };
	static const struct {
		const char *name, *value, *what;
	} bad[] = {
		{ "X-Hub-Signature-256", HUB_SIG, "no sha256= before it" },
		{ "X-Hub-Signature-256", "sha256=", "an empty digest" },
		{ "X-Hub-Signature-256", "", "an empty header" },
		{ "X-Hub-Signature-256", "sha256=7571", "a short digest" },
		{ "X-Hub-Signature-256", "sha256=" HUB_SIG "00",
			"a long digest" },
		{ "X-Hub-Signature-256", "sha256= " HUB_SIG, "a blank" },
		{ "X-Hub-Signature", "sha1=" HUB_SIG, "the old header" },
		{ "X-Gitea-Signature", HUB_SIG, "another forge's header" },
		{ "X-Gitlab-Token", HUB_SECRET, "a token" },
	};
	char body[] = HUB_BODY;
	bool flipped = false;

	ok(verifies(FORGE_GITHUB, HUB_SECRET, NULL, good, HUB_BODY),
		"GitHub's documented signature verifies");
	for (size_t i = 0; i < sizeof(body) - 1; i++)
		for (int bit = 0; bit < 7; bit++) {
			body[i] ^= (char)(1 << bit);
			if (body[i])
				flipped |= verifies(FORGE_GITHUB, HUB_SECRET,
					NULL, good, body);
			body[i] ^= (char)(1 << bit);
		}
	ok(!flipped, "no body with one bit flipped verifies");
	ok(!verifies(FORGE_GITHUB, "other", NULL, good, HUB_BODY),
		"another secret does not verify");
	ok(!verifies(FORGE_GITHUB, NULL, NULL, good, HUB_BODY),
		"without a secret nothing verifies");
	ok(!verifies(FORGE_GITHUB, "", NULL, good, HUB_BODY),
		"with an empty secret nothing verifies");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const char *headers[] = { bad[i].name, bad[i].value, NULL };

		ok(!verifies(FORGE_GITHUB, HUB_SECRET, NULL, headers, HUB_BODY),
			"refused by GitHub's rule: %s", bad[i].what);
	}
}

static void
tea_signatures(void)
{
	static const char *const bare[] = { "X-Gitea-Signature", HUB_SIG,
		NULL };
	static const char *const prefixed[] = { "X-Hub-Signature-256",
		"sha256=" HUB_SIG, NULL };
	static const char *const empty[] = { "X-Gitea-Signature", "",
		"X-Hub-Signature-256", "sha256=", NULL };

	ok(verifies(FORGE_GITEA, HUB_SECRET, NULL, bare, HUB_BODY),
		"Gitea's bare hex verifies");
	ok(verifies(FORGE_GITEA, HUB_SECRET, NULL, prefixed, HUB_BODY),
		"Gitea's sha256= verifies");
	ok(!verifies(FORGE_GITEA, HUB_SECRET, NULL, empty, HUB_BODY),
		"Gitea's empty signatures are refused");
	ok(!verifies(FORGE_GITEA, "", NULL, empty, HUB_BODY),
		"also where the secret is empty");
}

#define STD_SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define STD_ID "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define STD_TIME "1614265330"
#define STD_SIG "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define STD_BODY "{\"test\": 2432232314}"

/* The request of the vector with one header changed (NULL: left out). */
static bool
std_with(const char *name, const char *value)
{
	const char *h[] = { "webhook-id", STD_ID, "webhook-timestamp", STD_TIME,
		"webhook-signature", STD_SIG, "X-Gitlab-Token", "plain", NULL };

	for (size_t i = 0; h[i]; i += 2)
		if (str_eq(h[i], name)) {
			h[i] = value ? name : "x-other";
			h[i + 1] = value;
		}
	return verifies(FORGE_GITLAB, "plain", STD_SECRET, h, STD_BODY);
}

static bool
std_at(int64_t now_s)
{
	static const char *const h[] = { "webhook-id", STD_ID,
		"webhook-timestamp", STD_TIME, "webhook-signature", STD_SIG,
		NULL };
	struct forge_request r = request(h, STD_BODY);
	struct repo_conf repo = {
		.name = (char *)(uintptr_t) "a/b",
		.kind = FORGE_GITLAB,
		.signing_secret = (char *)(uintptr_t)STD_SECRET,
	};
	struct err e;

	r.now_s = now_s;
	return forge_verify(FORGE_GITLAB, &r, &repo, &e) == 0;
}

static void
lab_signatures(void)
{
	static const char *const token[] = { "X-Gitlab-Token", "plain", NULL };
	static const char *const wrong[] = { "X-Gitlab-Token", "plain ", NULL };

	ok(verifies(FORGE_GITLAB, "plain", NULL, token, "{}"),
		"GitLab's token verifies");
	ok(!verifies(FORGE_GITLAB, "plain", NULL, wrong, "{}"),
		"a token with a blank more does not");
	ok(!verifies(FORGE_GITLAB, "plain", NULL, NULL, "{}"), "nor does none");
	ok(!verifies(FORGE_GITLAB, NULL, NULL, token, "{}"),
		"nor any where no secret is configured");
	ok(std_with("none", NULL), "the Standard Webhooks' vector verifies");
	ok(!verifies(FORGE_GITLAB, "plain", STD_SECRET, token, "{}"),
		"with a signing secret the plain token does not count");
	ok(!std_with("webhook-id", NULL), "the id is needed");
	ok(!std_with("webhook-id", "msg_other"), "the id is signed");
	ok(!std_with("webhook-id", "msg.p5"), "an id with a dot is refused");
	ok(!std_with("webhook-timestamp", NULL), "the time is needed");
	ok(!std_with("webhook-timestamp", "1614265331"), "the time is signed");
	ok(!std_with("webhook-timestamp", "now"), "the time is a number");
	ok(!std_with("webhook-signature", NULL), "the signature is needed");
	ok(!std_with("webhook-signature", "v1,"), "an empty one is refused");
	ok(!std_with("webhook-signature", "v1a" STD_SIG),
		"another version is no v1");
	ok(!std_with("webhook-signature", STD_SIG "A"),
		"more than base64 is refused");
	ok(std_with("webhook-signature", "v1a,AAAA v1,AAAA " STD_SIG),
		"one of several signatures is enough");
	ok(std_at(1614265330 + 300) && std_at(1614265330 - 300),
		"a clock five minutes off is accepted");
	ok(!std_at(1614265330 + 301), "a stale time is refused");
	ok(!std_at(1614265330 - 301), "a future time is refused");
}

int
main(void)
{
	hub_signatures();
	tea_signatures();
	lab_signatures();
	return tap_done();
}
