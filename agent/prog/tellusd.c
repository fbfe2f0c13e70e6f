/* SPDX-License-Identifier: MIT */
/*
 * tellusd: options, wiring, nothing else.  What the agent does is in core/
 * and web/.
 */
#include "base/base.h"
#include "base/log.h"
#include "core/core.h"
#include "core/offline.h"
#include "model/config.h"
#include "web/web.h"

#include <getopt.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>

#define EXIT_USAGE 2
#define DESCRIPTORS 8192

#ifdef ENABLE_CRASH_POINTS
#define VARIANT " (with crash points)"
#else
#define VARIANT ""
#endif

static const char usage[] =
	"usage: tellusd [--config FILE] [--state DIR] [--listen ADDR] "
	"[--check]\n"
	"       tellusd --journal check|rebuild|dump | --doctor | --help | "
	"--version\n"
	"\n"
	"  --config FILE   the configuration (default: /etc/tellus/config, or\n"
	"                  ~/.config/tellus/config)\n"
	"  --state DIR     the state folder, instead of agent.state\n"
	"  --listen ADDR   HOST:PORT or \"none\", instead of agent.listen;\n"
	"                  port 0 takes a free one\n"
	"  --check         read the configuration, say whether it is right, "
	"end\n"
	"  --journal check    read every record of the journal and check it\n"
	"  --journal rebuild  make the summaries anew from the events\n"
	"  --journal dump     print everything in it as lines of JSON\n"
	"  --doctor        what this machine can do, and what is missing\n"
	"\n"
	"SIGTERM stops the agent and leaves running jobs at work; SIGHUP "
	"reads\n"
	"the configuration again.  See tellusd(8).\n";

enum mode { RUN, CHECK, JOURNAL, DOCTOR };

struct options {
	const char *config, *state, *listen, *verb;
	enum mode mode;
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "state", required_argument, NULL, 's' },
	{ "listen", required_argument, NULL, 'l' },
	{ "check", no_argument, NULL, 'k' },
	{ "journal", required_argument, NULL, 'j' },
	{ "doctor", no_argument, NULL, 'd' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* Returns -1 to go on, else the exit status. */
static int
parse(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 's':
			o->state = optarg;
			break;
		case 'l':
			o->listen = optarg;
			break;
		case 'k':
			o->mode = CHECK;
			break;
		case 'j':
			o->mode = JOURNAL;
			o->verb = optarg;
			break;
		case 'd':
			o->mode = DOCTOR;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'V':
			puts("tellusd " PACKAGE_VERSION VARIANT);
			return 0;
		default:
			fputs("try: tellusd --help\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr,
			"tellusd: '%s' is not expected here\n"
			"try: tellusd --help\n",
			argv[optind]);
		return EXIT_USAGE;
	}
	return -1;
}

/* sd_notify(3)'s protocol, without the library. */
static void
notify_manager(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t n = path ? strlen(path) : 0;
	int fd;

	if (!n || n >= sizeof(a.sun_path) || (*path != '/' && *path != '@'))
		return;
	memcpy(a.sun_path, path, n);
	if (*path == '@')
		a.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, text, strlen(text), MSG_NOSIGNAL, (void *)&a,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) <
		0)
		log_line(LOG_WARN, "notify '%s': %s", path, strerror(errno));
	close(fd);
}

static int
load(const struct options *o, struct config *conf, char **ret_path,
	struct err *e)
{
	config_init(conf);
	if (config_find(o->config, ret_path) == 0 &&
		config_load(conf, *ret_path, e) < 0)
		return -1;
	if (o->config && !*ret_path)
		return err_set(e, ERR_ABSENT, "there is no '%s'", o->config);
	if (o->state) {
		if (*o->state != '/')
			return err_set(e, ERR_PERM,
				"--state must be an absolute path");
		str_set(&conf->state, o->state);
	}
	if (o->listen)
		str_set(&conf->listen, o->listen);
	return 0;
}

static const char *
folder(const char *variable, const char *dflt)
{
	const char *v = getenv(variable);

	return v && *v ? v : dflt;
}

/* As many connections as the machine's administrator allows. */
static void
raise_descriptors(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = MIN(rl.rlim_max, (rlim_t)DESCRIPTORS);
		setrlimit(RLIMIT_NOFILE, &rl);
	}
}

static int
run(struct config *conf, const char *config_path, struct err *e)
{
	struct core_opts opts = {
		.config_path = config_path,
		.libexecdir = folder("TELLUS_LIBEXECDIR", WORKERDIR),
	};
	AUTO(freep) char *state = xstrdup(conf->state);
	struct core *core;
	struct web *web;
	int rc;

	log_set_level((enum log_level)conf->log_level);
	raise_descriptors();
	if (core_new(&core, conf, &opts, e) < 0)
		return -1;
	if (web_start(&web, core, folder("TELLUS_TEMPLATES", TEMPLATESDIR), e) <
		0) {
		core_free(core);
		return -1;
	}
	if (web_port(web))
		log_line(LOG_NOTICE, "listening on port %d, state %s",
			web_port(web), state);
	else
		log_line(LOG_NOTICE, "listening on %s/sock", state);
	notify_manager("READY=1");
	rc = core_run(core, e);
	notify_manager("STOPPING=1");
	web_stop(web);
	core_free(core);
	return rc;
}

static int
exit_status(const struct err *e)
{
	if (e->code == ERR_TEMP)
		return EX_TEMPFAIL;
	return EXIT_USAGE;
}

int
main(int argc, char **argv)
{
	struct options o = { 0 };
	AUTO(freep) char *path = NULL;
	struct config conf;
	struct err e = { 0 };
	int rc = parse(argc, argv, &o);

	if (rc >= 0)
		return rc;
	log_set_name("tellusd");
	if (o.mode == DOCTOR)
		return offline_doctor(o.config, o.state,
			folder("TELLUS_LIBEXECDIR", WORKERDIR));
	if (load(&o, &conf, &path, &e) < 0) {
		log_line(LOG_ERROR, "%s", e.msg);
		config_release(&conf);
		return EXIT_USAGE;
	}
	if (o.mode == CHECK) {
		printf("%s: right, %zu repositories\n",
			path ? path : "no configuration file", conf.nrepos);
		config_release(&conf);
		return 0;
	}
	rc = o.mode == JOURNAL ? offline_journal(&conf, o.verb, &e)
			       : run(&conf, path, &e);
	config_release(&conf);
	if (rc < 0) {
		log_line(LOG_ERROR, "%s", e.msg);
		return exit_status(&e);
	}
	return 0;
}
