/* SPDX-License-Identifier: MIT */
/*
 * The table of configuration keys.  Adding a key is adding a row (and the
 * member it fills); values are read in config_value.c.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/enc.h"
#include "model/config.h"
#include "model/config_key.h"

#define JOBS_MAX 256
#define BYTES_MAX ((int64_t)1 << 50)
#define PIDS_MAX ((int64_t)1 << 22)
#define CPU_MILLI_MAX 1024000
#define DAY_MS ((int64_t)86400000)
#define WEBHOOK_MAX ((int64_t)25 << 20) /* what GitHub sends at most */

#define AGENT(member) offsetof(struct config, member)
#define REPO(member) offsetof(struct repo_conf, member)
#define FORGE(member) offsetof(struct forge_conf, member)

/* clang-format off */
static const struct config_key keys[] = {
	{ "agent", "listen", "address", "127.0.0.1:8420",
		"address and port for webhooks and pages; none: no TCP",
		AGENT(listen), 0, 0 },
	{ "agent", "state", "path", NULL,
		"folder for the journal, mirrors and outputs; by default "
		"/var/lib/tellus, and $XDG_STATE_HOME/tellus for users",
		AGENT(state), 0, 0 },
	{ "agent", "socket", "path", NULL,
		"a second place for the unix socket, besides sock in the "
		"state folder",
		AGENT(socket), 0, 0 },
	{ "agent", "url", "url", NULL,
		"the pages' public address, for links in statuses",
		AGENT(url), 0, 0 },
	{ "agent", "jobs", "number", "2",
		"how many jobs run at the same time",
		AGENT(jobs), 1, JOBS_MAX },
	{ "agent", "build-user", "text", NULL,
		"the account that owns workspaces when the agent is root; "
		"without it tellus-build, or uid 65533 where that is absent",
		AGENT(build_user), 0, 0 },
	{ "agent", "sandbox", "strict|weak", "strict",
		"weak: go on where the kernel lacks a part of the sandbox",
		AGENT(sandbox), 0, 0 },
	{ "agent", "network", "outbound|none|host", "outbound",
		"network of trusted runs that do not say which they want",
		AGENT(network), 0, 0 },
	{ "agent", "expose", "paths", NULL,
		"a path of this machine that steps may read; may be repeated",
		AGENT(expose), 0, 0 },
	{ "agent", "api-token-file", "path", NULL,
		"file with the token that allows actions over TCP",
		AGENT(api_token_file), 0, 0 },
	{ "agent", "memory", "size", "0",
		"memory of a job that does not say; 0: no limit",
		AGENT(memory), 0, BYTES_MAX },
	{ "agent", "memory-budget", "size", NULL,
		"memory that is promised to all jobs together, a job without "
		"a limit counting its share; by default 80 % of the "
		"machine's; 0: no bound",
		AGENT(memory_budget), 0, BYTES_MAX },
	{ "agent", "disk-budget", "size", NULL,
		"how large mirrors, trees, layers and outputs may get; the "
		"longest unused go first; by default 80 % of the file "
		"system; 0: no bound",
		AGENT(disk_budget), 0, BYTES_MAX },
	{ "agent", "keep", "duration", "90d",
		"how long the output of a run is kept; 0: for ever",
		AGENT(keep_ms), 0, 3650 * DAY_MS },
	{ "agent", "disk-floor", "size", NULL,
		"nothing new starts while less is free; by default 5 % of "
		"the file system, 512M at most; 0: none",
		AGENT(disk_floor), 0, BYTES_MAX },
	{ "agent", "pids", "number", "512",
		"processes of a job that does not say; 0: no limit",
		AGENT(pids), 0, PIDS_MAX },
	{ "agent", "cpu", "cpus", "0",
		"cores of a job that does not say, as 1.5; 0: no limit",
		AGENT(cpu_milli), 0, CPU_MILLI_MAX },
	{ "agent", "disk", "size", "0",
		"disk space of a job that does not say; 0: no limit",
		AGENT(disk), 0, BYTES_MAX },
	{ "agent", "output", "size", "64M",
		"output that is kept of a step; 0: no limit",
		AGENT(output), 0, BYTES_MAX },
	{ "agent", "timeout", "duration", "1h",
		"time of a job that does not say",
		AGENT(timeout_ms), 1000, 30 * DAY_MS },
	{ "agent", "poll", "duration", "1h",
		"how often branches and tags are looked at, for pushes that "
		"nobody told of; 0: never",
		AGENT(poll_ms), 0, 30 * DAY_MS },
	{ "agent", "idle-exit", "duration", "0",
		"end after that time without work; 0: never",
		AGENT(idle_exit_ms), 0, 30 * DAY_MS },
	{ "agent", "webhook-max", "size", "25M",
		"largest body of a webhook",
		AGENT(webhook_max_bytes), 1024, WEBHOOK_MAX },
	{ "agent", "log-level", "level", "info",
		"what the agent logs",
		AGENT(log_level), 0, 0 },

	{ "repository", "url", "location", NULL,
		"address to fetch from",
		REPO(url), 0, 0 },
	{ "repository", "path", "path", NULL,
		"a repository on this machine, instead of url",
		REPO(path), 0, 0 },
	{ "repository", "forge", "text", NULL,
		"github, gitlab, gitea, local, or the name of a [forge]",
		REPO(forge), 0, 0 },
	{ "repository", "webhook-secret-file", "path", NULL,
		"file with the secret that the forge signs webhooks with",
		REPO(webhook_secret_file), 0, 0 },
	{ "repository", "webhook-signing-secret-file", "path", NULL,
		"gitlab: file with the signing token (whsec_...)",
		REPO(signing_secret_file), 0, 0 },
	{ "repository", "token-file", "path", NULL,
		"file with the token for statuses and for fetching",
		REPO(token_file), 0, 0 },
	{ "repository", "poll", "duration", NULL,
		"the same as agent.poll, for this repository",
		REPO(poll_ms), 0, 30 * DAY_MS },
	{ "repository", "trust", "push", "push",
		"whose changes run: push means who may push here",
		REPO(trust), 0, 0 },
	{ "repository", "context", "text", "tellus",
		"first part of the names of statuses",
		REPO(context), 0, 0 },
	{ "repository", "statuses", "bool", NULL,
		"post statuses; by default where there is a token",
		REPO(statuses), 0, 0 },
	{ "repository", "visibility", "public|private", "public",
		"private: pages and outputs only for who holds the token",
		REPO(visibility), 0, 0 },

	{ "forge", "kind", "github|gitlab|gitea", NULL,
		"which forge it is; by default the section's own name",
		FORGE(kind), 0, 0 },
	{ "forge", "api", "url", NULL,
		"address of its API; by default made from the "
		"repository's url",
		FORGE(api), 0, 0 },
};
/* clang-format on */

const struct config_key *
config_keys(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(keys);
	return keys;
}

const struct config_key *
key_find(const char *section, const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (str_eq(keys[i].section, section) &&
			str_eq(keys[i].key, key))
			return &keys[i];
	return NULL;
}

/* The nearest key of the section, when there is such a section. */
static const char *
nearest_key(const char *section, const char *key)
{
	const char *names[ARRAY_LEN(keys)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (str_eq(keys[i].section, section))
			names[n++] = keys[i].key;
	return nearest_name(key, names, n);
}

char *
key_nearest(const char *section, const char *key)
{
	static const char *const sections[] = { "agent", "repository",
		"forge" };
	const char *s = nearest_name(section, sections, ARRAY_LEN(sections));
	const char *k = s ? nearest_key(s, key) : NULL;

	if (k)
		return xasprintf("%s.%s", s, k);
	/* a key under the wrong heading */
	for (size_t i = 0; i < ARRAY_LEN(sections); i++)
		if (key_find(sections[i], key))
			return xasprintf("%s.%s", sections[i], key);
	return NULL;
}

void
config_key_defaults(const char *section, void *base)
{
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const struct config_key *k = &keys[i];

		if (!k->dflt || !str_eq(k->section, section))
			continue;
		if (key_store(k, base, k->dflt, &e) < 0)
			assert(!"a default that its own type refuses");
	}
}
