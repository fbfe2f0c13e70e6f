/* SPDX-License-Identifier: MIT */
/* The configuration: defaults, types, what has to fit together, secrets. */
#include "base/base.h"
#include "base/buf.h"
#include "base/log.h"
#include "model/config.h"

#include "tap.h"

#include <fcntl.h>
#include <sys/stat.h>

static char dir[] = "/tmp/tellus-config.XXXXXX";

/* A file of that text and mode below dir; the path is good until the next
 * call with the same name. */
static const char *
put(const char *name, const char *text, mode_t mode)
{
	static char path[8][200];
	static unsigned int n;
	char *at = path[n++ % 8];
	FILE *f;

	snprintf(at, sizeof(path[0]), "%s/%s", dir, name);
	unlink(at);
	f = fopen(at, "w");
	if (!f || fwrite(text, 1, strlen(text), f) != strlen(text))
		exit(1);
	fclose(f);
	chmod(at, mode);
	return at;
}

/* Loads the text, with %s replaced by dir; 0 or the message. */
static const char *
load(struct config *c, const char *text)
{
	static struct err e;
	AUTO(buf_release) struct buf b = BUF_INIT;
	const char *at;

	for (; (at = strstr(text, "%s")); text = at + 2) {
		buf_add(&b, text, (size_t)(at - text));
		buf_addz(&b, dir);
	}
	buf_addz(&b, text);
	config_init(c);
	if (config_load(c, put("config", b.data, 0600), &e) == 0)
		return NULL;
	return e.msg;
}

static void
refused(const char *text, const char *want, const char *what)
{
	struct config c;
	const char *why = load(&c, text);
	int good = why && strstr(why, want);

	ok(good, "%s", what);
	if (!good)
		printf("#   got  '%s'\n#   want '%s'\n", why ? why : "(none)",
			want);
	config_release(&c);
}

static void
defaults(void)
{
	struct config c;

	config_init(&c);
	is_str(c.listen, "127.0.0.1:8420", "it listens on loopback alone");
	is_int(c.jobs, 2, "two jobs run at once");
	is_str(c.network, "outbound", "trusted runs may reach the network");
	is_str(c.sandbox, "strict", "the sandbox is strict");
	is_int(c.webhook_max_bytes, 25 << 20, "a webhook has 25 MiB at most");
	is_int(c.log_level, LOG_INFO, "the log level is info");
	ok(c.state && *c.state == '/', "the state folder is absolute");
	config_release(&c);
	setenv("XDG_STATE_HOME", "/x/state", 1);
	config_init(&c);
	is_str(c.state, geteuid() ? "/x/state/tellus" : "/var/lib/tellus",
		"the state folder of users is below XDG_STATE_HOME");
	config_release(&c);
}

static void
everything(void)
{
	struct config c;
	const struct repo_conf *r;
	const char *why;

	put("secret", "s3cret\n", 0600);
	put("token", "t0ken\r\n", 0400);
	put("signing", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 0600);
	why = load(&c,
		"[agent]\n listen = [::1]:0\n state = /srv/tellus/\n"
		" jobs = 3\n memory = 4G\n cpu = 1.5\n timeout = 90m\n"
		" expose = /opt/a\n expose = /opt/b\n log-level = debug\n"
		" url = https://ci.example.org/x/\n api-token-file = %s/token\n"
		"[repository \"acme/widget\"]\n"
		" url = https://github.com/acme/widget.git\n"
		" forge = github\n webhook-secret-file = %s/secret\n"
		" token-file = %s/token\n visibility = private\n"
		"[repository \"group/sub/app\"]\n"
		" url = ssh://git@git.example.org:2222/group/sub/app.git\n"
		" forge = work\n webhook-signing-secret-file = %s/signing\n"
		"[forge \"work\"]\n kind = gitlab\n"
		"[repository \"demo\"]\n path = /srv/git/demo.git\n"
		" statuses = off\n");
	ok(!why, "a full file is accepted");
	if (why)
		printf("# %s\n", why);
	is_str(c.listen, "[::1]:0", "IPv6 in brackets is an address");
	is_str(c.state, "/srv/tellus", "a final slash is dropped");
	is_int(c.memory, (int64_t)4 << 30, "sizes have units");
	is_int(c.cpu_milli, 1500, "cores have fractions");
	is_int(c.timeout_ms, 90 * 60000, "times have units");
	is_int((long long)c.expose.len, 2, "expose may be repeated");
	is_int(c.log_level, LOG_DEBUG, "levels are words");
	is_str(c.url, "https://ci.example.org/x", "the pages' address");
	is_str(c.api_token, "t0ken", "the final CR LF is no part of a secret");
	r = config_repo(&c, "Acme/Widget");
	ok(r && r->kind == FORGE_GITHUB, "names are found in any case");
	is_str(r ? r->webhook_secret : NULL, "s3cret", "secrets are read");
	is_str(r ? r->api : NULL, "https://api.github.com", "GitHub's API");
	ok(r && r->statuses && r->private_pages,
		"statuses are on where there is a token");
	is_str(r ? r->context : NULL, "tellus", "the default context");
	r = config_repo(&c, "group/sub/app");
	ok(r && r->kind == FORGE_GITLAB, "a forge of its own has a kind");
	is_str(r ? r->api : NULL, "https://git.example.org/api/v4",
		"the API is at the host of the address, without ssh's port");
	ok(r && r->signing_secret && !r->statuses, "no token, no statuses");
	r = config_repo(&c, "demo");
	ok(r && r->kind == FORGE_LOCAL, "a path alone is local");
	ok(!config_repo(&c, "nobody"), "an unknown repository is not found");
	config_release(&c);
}

static void
api_addresses(void)
{
	static const struct {
		const char *forge, *url, *want;
	} rows[] = {
		{ "github", "https://ghe.example.org/a/b.git",
			"https://ghe.example.org/api/v3" },
		{ "github", "git@github.com:a/b.git",
			"https://api.github.com" },
		{ "gitlab", "http://127.0.0.1:8080/a/b.git",
			"http://127.0.0.1:8080/api/v4" },
		{ "gitea", "https://git.example.org:3000/a/b.git",
			"https://git.example.org:3000/api/v1" },
		{ "gitea", "gitea@git.example.org:a/b.git",
			"https://git.example.org/api/v1" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config c;
		AUTO(freep)
		char *text = xasprintf("[repository \"a/b\"]\n"
				       "url=%s\nforge=%s\n",
			rows[i].url, rows[i].forge);

		ok(!load(&c, text), "%s is accepted", rows[i].url);
		is_str(c.nrepos ? c.repos[0].api : NULL, rows[i].want,
			"its API is on the same host");
		config_release(&c);
	}
}

#define REPO "[repository \"a/b\"]\n"

static void
complaints(void)
{
	static const struct {
		const char *text, *want, *what;
	} rows[] = {
		{ "[agent]\njob = 2\n",
			"config:2: unknown key \"agent.job\"; did you mean "
			"\"agent.jobs\"?",
			"an unknown key names line and the nearest key" },
		{ "[agnt]\njobs = 2\n", "did you mean \"agent.jobs\"?",
			"an unknown section too" },
		{ "[agent]\ntoken-file = /x\n",
			"did you mean \"repository.token-file\"?",
			"a key under the wrong heading is pointed out" },
		{ "[zzz]\nqqqqqq = 2\n", "unknown key \"zzz.qqqqqq\"",
			"nothing is suggested where nothing is near" },
		{ "[agent]\n\njobs = two\n",
			"config:3: agent.jobs: \"two\" is not accepted; "
			"accepted is a whole number from 1 to 256",
			"a bad number says what is accepted" },
		{ "[agent]\njobs = 0\n", "from 1 to 256", "no jobs at all" },
		{ "[agent]\njobs = 99999999999999999999\n", "from 1 to 256",
			"a number beyond 64 bits" },
		{ "[agent]\njobs\n", "it has no value", "a bare key" },
		{ "[agent]\nmemory = lots\n", "a size as 512M", "a bad size" },
		{ "[agent]\nmemory = -1\n", "a size as 512M",
			"a negative size" },
		{ "[agent]\ntimeout = 5 fortnights\n", "a time as 90s",
			"a bad time" },
		{ "[agent]\ncpu = 1.2.3\n", "1.5", "a bad number of cores" },
		{ "[agent]\ncpu = .5\n", "1.5", "cores start with a digit" },
		{ "[agent]\nnetwork = vpn\n", "outbound, none or host",
			"a bad choice lists the words" },
		{ "[agent]\nnetwork = out\n", "outbound, none or host",
			"a part of a word is not the word" },
		{ "[agent]\nstate = here\n", "an absolute path",
			"a relative path" },
		{ "[agent]\nlisten = 8420\n", "ADDRESS:PORT",
			"a port without an address" },
		{ "[agent]\nlisten = ::1:80\n", "[IPv6]:PORT",
			"IPv6 without brackets" },
		{ "[agent]\nlisten = a:70000\n", "ADDRESS:PORT", "a bad port" },
		{ "[agent]\nurl = ftp://x\n", "https://", "a bad scheme" },
		{ "[agent]\nurl = https://u@x/\n", "without user",
			"an address with a user" },
		{ "[agent]\njobs = 1\n[agent]\njobs = 2\n",
			"config:4: agent.jobs is set already in line 2",
			"a key that is set twice" },
		{ "[agent \"x\"]\njobs = 1\n", "write [agent]",
			"agent has no second name" },
		{ "[repository]\nurl = https://x/y\n", "needs a name",
			"a repository without a name" },
		{ "[repository \"../x\"]\npath = /x\n", "can not be the name",
			"a name that climbs" },
		{ "[repository \"a b\"]\npath = /x\n", "can not be the name",
			"a name with a blank" },
		{ REPO "url = https://x/y\n[repository \"A/B\"]\npath = /x\n",
			"config:4: repository \"A/B\": the same name, but for "
			"case, is in line 2",
			"two spellings of a name" },
		{ REPO "url = https://x/y\n" REPO "url = https://x/z\n",
			"is set already in line 2",
			"the same repository twice" },
		{ REPO "context = x\n", "it needs url",
			"a repository from nowhere" },
		{ REPO "path = /x\nurl = https://x/y\n", "both url and path",
			"a repository from two places" },
		{ REPO "url = https://u:p@x/y\n", "token-file",
			"a password in an address" },
		{ REPO "url = ext::sh -c id\n", "an address as",
			"a remote helper" },
		{ REPO "url = --upload-pack=x:y\n", "an address as",
			"an address that is an option" },
		{ REPO "url = https://-x/y\n", "an address as",
			"a host that is an option" },
		{ REPO "url = file://host/x\n", "an address as",
			"a file URL of another host" },
		{ REPO "url = https://x/y\nforge = githbu\n",
			"config:3: repository.forge: there is no forge "
			"\"githbu\"; did you mean \"github\"?",
			"an unknown forge" },
		{ "[forge \"work\"]\napi = https://x\n", "needs kind",
			"a forge without a kind" },
		{ REPO "url = https://x/y\nwebhook-secret-file = %s/secret\n",
			"no forge; add forge = github",
			"a secret without a forge" },
		{ REPO "path = /x\nstatuses = true\n", "statuses need",
			"statuses without a token" },
		{ REPO "path = /x\nforge = gitea\ntoken-file = %s/secret\n",
			"set forge.gitea.api", "an API that nobody knows" },
		{ REPO "url = https://x/y\nforge = github\n"
		       "webhook-signing-secret-file = %s/secret\n",
			"is for gitlab", "a signing secret elsewhere" },
		{ REPO "path = /x\ntrust = all\n", "accepted is push",
			"an unknown trust" },
		{ REPO "path = /x\nstatuses = maybe\n", "true or false",
			"a bad truth value" },
	};

	put("secret", "s3cret\n", 0600);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		refused(rows[i].text, rows[i].want, rows[i].what);
}

#define HUB REPO "url=https://github.com/a/b\nwebhook-secret-file=%s/s\n"
#define LAB REPO "url=https://gitlab.com/a/b\n"

static void
secrets(void)
{
	struct config c;
	char long_one[4200];

	memset(long_one, 'x', sizeof(long_one) - 1);
	long_one[sizeof(long_one) - 1] = '\0';
	refused(HUB, "config:3: repository.webhook-secret-file: open '",
		"a secret that is not there names line and file");
	put("s", "", 0600);
	refused(HUB, "/s' is empty", "an empty secret is refused");
	put("s", "\n", 0600);
	refused(HUB, "/s' is empty", "so is a newline alone");
	put("s", "a\nb\n", 0600);
	refused(HUB, "more than one line", "a secret is one line");
	put("s", long_one, 0600);
	refused(HUB, "longer than 4096", "a secret is bounded");
	put("s", "good", 0660);
	refused(HUB, "can be changed by others; chmod 600",
		"a secret that the group may change is refused");
	put("s", "good", 0602);
	refused(HUB, "can be changed by others",
		"a secret that everybody may change is refused");
	put("s", "whsec_c2hvcnQ=", 0600);
	refused(LAB "webhook-signing-secret-file=%s/s\n",
		"holds no signing token", "a short signing key is refused");
	put("s", "good", 0600);
	refused(LAB "webhook-signing-secret-file=%s/s\n",
		"holds no signing token", "a signing key has its prefix");
	ok(!load(&c, HUB), "a good secret is read");
	is_str(c.repos[0].webhook_secret, "good",
		"a secret needs no final newline");
	is_int(c.repos[0].kind, FORGE_GITHUB,
		"github.com says which forge it is");
	config_release(&c);
}

static void
public_part(void)
{
	struct config c;
	struct err e;

	config_init(&c);
	ok(config_load_public(&c,
		   put("config",
			   "[agent]\nstate = /x\n[repository \"a\"]\n"
			   "url = https://github.com/a/b\ntoken-file = "
			   "/not/there\n",
			   0600),
		   &e) == 0,
		"the public part needs no secrets");
	is_str(c.state, "/x", "it has the state folder");
	ok(c.nrepos == 1 && !c.repos[0].token, "it has no token");
	config_release(&c);
	config_init(&c);
	ok(config_load(&c, "/not/there", &e) < 0 && e.code == ERR_ABSENT &&
			strstr(e.msg, "'/not/there'"),
		"a file that is not there");
	config_release(&c);
}

static void
finding(void)
{
	AUTO(freep) char *path = NULL;
	AUTO(freep) char *home = xasprintf("%s/tellus", dir);
	AUTO(freep) char *want = xasprintf("%s/tellus/config", dir);

	mkdir(home, 0700);
	put("tellus/config", "", 0600);
	setenv("XDG_CONFIG_HOME", dir, 1);
	unsetenv("TELLUS_CONFIG");
	ok(config_find(NULL, &path) == 0, "a file is found");
	is_str(path, want, "below XDG_CONFIG_HOME");
	setenv("TELLUS_CONFIG", "/given/by/env", 1);
	freep(&path);
	config_find(NULL, &path);
	is_str(path, "/given/by/env", "the environment goes first");
	freep(&path);
	config_find("/given", &path);
	is_str(path, "/given", "an option beats the environment");
	freep(&path);
	unsetenv("TELLUS_CONFIG");
	unsetenv("XDG_CONFIG_HOME");
	setenv("HOME", "/nowhere", 1);
	if (access("/etc/tellus/config", F_OK) == 0)
		skip("this machine has a configuration", "none is found");
	else
		ok(config_find(NULL, &path) == 1 && !path, "none is found");
}

static void
table(void)
{
	size_t n;
	const struct config_key *k = config_keys(&n);
	bool text = true, once = true;

	for (size_t i = 0; i < n; i++) {
		text &= k[i].text && *k[i].text && k[i].type && *k[i].type;
		for (size_t j = 0; j < i; j++)
			once &= !str_eq(k[i].key, k[j].key) ||
				!str_eq(k[i].section, k[j].section);
	}
	ok(n > 20 && text, "every key is described");
	ok(once, "no key is in the table twice");
}

static void
clean(void)
{
	AUTO(freep) char *cmd = NULL;
	static const char *const names[] = { "config", "secret", "token",
		"signing", "s", "tellus/config" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unlink(put(names[i], "", 0600));
	cmd = xasprintf("%s/tellus", dir);
	rmdir(cmd);
	rmdir(dir);
}

int
main(void)
{
	if (!mkdtemp(dir))
		return 1;
	log_set_level(LOG_ERROR);
	defaults();
	everything();
	api_addresses();
	complaints();
	secrets();
	public_part();
	finding();
	table();
	clean();
	return tap_done();
}
