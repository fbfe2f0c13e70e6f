/* SPDX-License-Identifier: MIT */
/*
 * See fetch.h.  The library has no time-outs here: the caller ends the
 * process when nothing comes any more.
 */
#include "base/base.h"
#include "git/fetch.h"
#include "base/enc.h"
#include "git/url.h"
#include "os/fd.h"

#include <fcntl.h>
#include <sys/mman.h>

#define SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt"
#define CA_MAX ((size_t)4 << 20)
/* Some libraries ask a second time before they look at the answer. */
#define GIVEN_MAX 2

static void
tell_progress(struct fetch *f)
{
	if (f->progress)
		f->progress(f->bytes, f->arg);
}

static int
on_progress(const git_indexer_progress *p, void *arg)
{
	struct fetch *f = arg;

	f->bytes = (int64_t)p->received_bytes;
	tell_progress(f);
	if (f->spec->max_bytes > 0 && f->bytes > f->spec->max_bytes) {
		f->too_large = true;
		return GIT_EUSER;
	}
	return 0;
}

/* The server counts objects: it is alive. */
static int
on_message(const char *text UNUSED, int len UNUSED, void *arg)
{
	tell_progress(arg);
	return 0;
}

static int
ssh_credential(struct fetch *f, git_credential **ret, const char *user,
	unsigned int allowed)
{
	static const char *const keys[] = { "id_ed25519", "id_ecdsa" };
	const char *home = getenv("HOME");

	if (allowed & GIT_CREDENTIAL_USERNAME)
		return git_credential_username_new(ret, user);
	if (!(allowed & GIT_CREDENTIAL_SSH_KEY))
		return GIT_EAUTH;
	f->given++;
	if (getenv("SSH_AUTH_SOCK"))
		return git_credential_ssh_key_from_agent(ret, user);
	for (size_t i = 0; home && i < ARRAY_LEN(keys); i++) {
		AUTO(freep) char *key = xasprintf("%s/.ssh/%s", home, keys[i]);
		AUTO(freep) char *pub = xasprintf("%s.pub", key);

		if (access(key, R_OK) == 0)
			return git_credential_ssh_key_new(ret, user,
				access(pub, R_OK) == 0 ? pub : NULL, key, NULL);
	}
	return GIT_EAUTH;
}

/*
 * The token goes to the scheme, host and port that were configured, and to
 * nothing that a redirect has led to.
 */
static int
on_credentials(git_credential **ret, const char *url, const char *user,
	unsigned int allowed, void *arg)
{
	struct fetch *f = arg;
	const struct mirror_spec *m = f->spec;

	f->sent_away = !url_same_origin(url, m->url);
	if (f->sent_away || f->given >= GIVEN_MAX)
		return GIT_EAUTH;
	if (allowed & (GIT_CREDENTIAL_SSH_KEY | GIT_CREDENTIAL_USERNAME))
		return ssh_credential(
			f, ret, user && *user ? user : "git", allowed);
	if (!m->token || !(allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT))
		return GIT_EAUTH;
	f->given++;
	if (m->token_user && *m->token_user)
		user = m->token_user;
	return git_credential_userpass_plaintext_new(
		ret, user && *user ? user : "x-access-token", m->token);
}

static int
on_certificate(git_cert *cert, int valid, const char *host UNUSED, void *arg)
{
	struct fetch *f = arg;

	if (valid)
		return 0;
	f->bad_host_key = cert->cert_type == GIT_CERT_HOSTKEY_LIBSSH2;
	f->bad_certificate = !f->bad_host_key;
	return GIT_ECERTIFICATE;
}

/* ---- errors ---- */

/* What the library or the server says, and what it means. */
static const struct {
	const char *text;
	enum err_code code;
	const char *sentence;
} meanings[] = {
	{ "status code: 401", ERR_DENIED, "the server wants credentials" },
	{ "status code: 403", ERR_DENIED, "the server refuses access" },
	{ "status code: 404", ERR_ABSENT, "there is no such repository" },
	{ "status code: 410", ERR_ABSENT, "there is no such repository" },
	{ "status code: 429", ERR_TEMP, "the server asks us to wait" },
	{ "status code: 5", ERR_TEMP, "the server has a problem" },
	{ "too many redirects", ERR_PERM,
		"the server sends us to another address: write that one into "
		"the configuration" },
	{ "redirect", ERR_PERM,
		"the server sends us to another address: write that one into "
		"the configuration" },
	{ "repository not exported", ERR_ABSENT,
		"there is no such repository" },
	{ "epository not found", ERR_ABSENT, "there is no such repository" },
	{ "does not appear to be a git repo", ERR_ABSENT,
		"there is no such repository" },
	{ "SSH authentication methods", ERR_DENIED,
		"the server refused our ssh key (RSA keys do not work: use "
		"ed25519)" },
	{ "failed to authenticate", ERR_DENIED,
		"the server refused our ssh key" },
	{ "not our ref", ERR_ABSENT, "the server does not have the commit" },
};

static int
meaning_of(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
		if (strstr(text, meanings[i].text))
			return (int)i;
	return -1;
}

static bool
is_ours(int klass, const char *text)
{
	switch (klass) {
	case GIT_ERROR_ODB:
	case GIT_ERROR_OBJECT:
	case GIT_ERROR_TREE:
	case GIT_ERROR_REFERENCE:
	case GIT_ERROR_REPOSITORY:
		return true;
	case GIT_ERROR_INDEXER:
		return strstr(text, "delta") != NULL;
	default:
		return false;
	}
}

static enum err_code
network_code(int klass)
{
	switch (klass) {
	case GIT_ERROR_NET:
	case GIT_ERROR_HTTP:
	case GIT_ERROR_SSL:
	case GIT_ERROR_SSH:
	case GIT_ERROR_ZLIB:
	case GIT_ERROR_INDEXER:
		return ERR_TEMP;
	case GIT_ERROR_OS:
		return errno ? err_code_from_errno(errno) : ERR_TEMP;
	default:
		return ERR_PERM;
	}
}

static int
explain(struct fetch *f, int rc, struct err *e)
{
	const git_error *last = git_error_last();
	AUTO(freep)
	char *text =
		git_shown(last && last->message ? last->message : "unknown");
	int klass = last ? last->klass : 0;
	int known = meaning_of(text);

	f->looks_corrupt = is_ours(klass, text);
	if (f->too_large)
		return err_set(e, ERR_PERM,
			"the pack is larger than %" PRId64 " bytes",
			f->spec->max_bytes);
	if (f->bad_host_key)
		return err_set(e, ERR_PERM,
			"the server's ssh key is not in known_hosts");
	if (f->bad_certificate || rc == GIT_ECERTIFICATE)
		return err_set(e, ERR_PERM,
			"the server's certificate is not trusted (%s)", text);
	if (f->sent_away)
		return err_set(e, ERR_DENIED,
			"the server sends us to another one, which wants "
			"credentials: write that address into the "
			"configuration");
	if (rc == GIT_EAUTH)
		return err_set(e, ERR_DENIED, "%s",
			f->given ? "the server refused our credentials"
				 : "the server wants credentials");
	if (known >= 0)
		return err_set(e, meanings[known].code, "%s",
			meanings[known].sentence);
	return err_set(e, network_code(klass), "%s", text);
}

/* ---- running ---- */

static int
slurp_ca(const char *path, struct buf *out, struct err *e)
{
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	return fd_slurp(fd, CA_MAX, out, e);
}

/* The library knows one file only, so the system's authorities and the
 * administrator's are put together into one that has no name. */
int
fetch_trust(const struct mirror_spec *m, struct err *e)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	AUTO(fd_closep) int fd = -1;
	AUTO(freep) char *path = NULL;
	struct err none;
	int rc;

	if (!m->ca_file)
		return 0;
	if (slurp_ca(m->ca_file, &b, e) < 0)
		return -1;
	buf_addc(&b, '\n');
	slurp_ca(SYSTEM_CA, &b, &none);
	fd = memfd_create("ca", MFD_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "memfd_create");
	if (fd_write_all(fd, b.data, b.len, e) < 0)
		return -1;
	path = xasprintf("/proc/self/fd/%d", fd);
	rc = git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, path, NULL);
	return rc < 0 ? git_fail(e, rc, "certificates of '%s'", m->ca_file) : 0;
}

static void
set_options(git_fetch_options *o, struct fetch *f, bool tags)
{
	git_fetch_options_init(o, GIT_FETCH_OPTIONS_VERSION);
	o->callbacks.credentials = on_credentials;
	o->callbacks.certificate_check = on_certificate;
	o->callbacks.transfer_progress = on_progress;
	o->callbacks.sideband_progress = on_message;
	o->callbacks.payload = f;
	o->prune = GIT_FETCH_NO_PRUNE;
	o->update_fetchhead = 0;
	o->download_tags = tags ? GIT_REMOTE_DOWNLOAD_TAGS_AUTO
				: GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	o->proxy_opts.type = GIT_PROXY_AUTO;
}

/*
 * known_hosts is looked for where the user's configuration would be, which
 * git_start has closed.  The configuration is loaded before that place is
 * opened, so that nothing but known_hosts is read there.
 */
static void
open_known_hosts(git_repository *git, const char *where)
{
	git_config *config = NULL;

	if (git) {
		git_repository_config(&config, git);
		git_config_free(config);
	}
	if (where)
		git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH,
			GIT_CONFIG_LEVEL_GLOBAL, where);
}

static bool
is_ssh_url(const char *url)
{
	AUTO(url_release) struct url u = { 0 };
	struct err ignored;

	return url_parse(&u, url, &ignored) == 0 && str_eq(u.scheme, "ssh");
}

static int
run(git_repository *git, struct fetch *f, const git_strarray *list,
	const git_fetch_options *o)
{
	git_remote *remote = NULL;
	bool is_ssh = is_ssh_url(f->spec->url);
	int rc;

	if (is_ssh)
		open_known_hosts(git, getenv("HOME"));
	errno = 0;
	rc = git_remote_create_anonymous(&remote, git, f->spec->url);
	if (rc == 0)
		rc = git_remote_fetch(remote, list, o, NULL);
	if (is_ssh)
		open_known_hosts(git, "");
	git_remote_free(remote);
	return rc;
}

int
fetch_refs(git_repository *git, struct fetch *f, const char *const *specs,
	size_t n, bool tags, struct err *e)
{
	git_fetch_options o;
	git_strarray list = { (char **)specs, n };
	AUTO(buf_release) struct buf clean = BUF_INIT;
	int rc;

	set_options(&o, f, tags);
	f->given = 0;
	f->too_large = f->bad_certificate = f->bad_host_key = false;
	f->looks_corrupt = f->sent_away = false;
	rc = run(git, f, &list, &o);
	if (rc == 0)
		return 0;
	explain(f, rc, e);
	mirror_url_clean(f->spec->url, &clean);
	return err_wrap(e, "fetch '%s'", clean.data);
}

int
fetch_connect(struct fetch *f, git_remote **ret,
	const git_remote_head ***ret_heads, size_t *ret_n, struct err *e)
{
	AUTO(buf_release) struct buf clean = BUF_INIT;
	bool is_ssh = is_ssh_url(f->spec->url);
	git_remote *remote = NULL;
	git_fetch_options o;
	int rc;

	set_options(&o, f, false);
	if (is_ssh)
		open_known_hosts(NULL, getenv("HOME"));
	errno = 0;
	rc = git_remote_create_detached(&remote, f->spec->url);
	if (rc == 0)
		rc = git_remote_connect(remote, GIT_DIRECTION_FETCH,
			&o.callbacks, &o.proxy_opts, NULL);
	if (rc == 0)
		rc = git_remote_ls(ret_heads, ret_n, remote);
	if (is_ssh)
		open_known_hosts(NULL, "");
	if (rc == 0) {
		*ret = remote;
		return 0;
	}
	explain(f, rc, e);
	git_remote_free(remote);
	mirror_url_clean(f->spec->url, &clean);
	return err_wrap(e, "list the branches of '%s'", clean.data);
}
