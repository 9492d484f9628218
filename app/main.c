/* The program as a table of contents: what is started, and stopped again. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "articles/articles.h"
#include "chat/model/system_prompt.h"
#include "conf/conf.h"
#include "conf/conf_doc.h"
#include "limits/budget.h"
#include "log/log.h"
#include "log/log_target.h"
#include "log/metrics.h"
#include "owner/owner_waiter.h"
#include "routes/routes.h"
#include "server/fcgi_parse.h"
#include "server/listener.h"
#include "service/run_alone.h"
#include "service/run_owner.h"
#include "service/service.h"
#include "service/service_parts.h"
#include "session/sweeper.h"

#define EXIT_CONFIG 2            /* the configuration must be corrected */
#define LARGE_BLOCK (128 * 1024) /* bytes */

/* No descriptor of ours may take the place of standard error. */
static void
fill_standard_descriptors(void)
{
	int fd;

	while ((fd = open("/dev/null", O_RDWR)) != -1 && fd <= STDERR_FILENO)
		;
	if (fd != -1)
		close(fd);
}

/*
 * Neither the key nor conversations are to end up in a core file or in
 * anybody's hands. A core that is piped to a program minds no limit (core(5)),
 * but a process that is not dumpable leaves none, and only root may look into
 * it.
 */
static void
harden(void)
{
	static const struct rlimit none = { 0, 0 };

	umask(S_IRWXG | S_IRWXO);
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/*
 * Large blocks are mapped one by one, so that they go back to the system when
 * they are freed. Unset, malloc learns from each that is freed to keep as many
 * bytes the next time, up to 32 MiB of every thread.
 */
static void
memory_begin(void)
{
	mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
	mallopt(M_TRIM_THRESHOLD, 8 * LARGE_BLOCK);
}

/* Block what can be waited for, in this thread and in all to come. */
static void
signals_block(void)
{
	static const int faults[] = { SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV,
		SIGSYS, SIGTRAP };
	sigset_t set;
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGUSR1, SIG_DFL);
	sigfillset(&set);
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&set, faults[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* libfcgi puts a handler of its own in the place of the ignored SIGPIPE. */
static bool
parse_begin(void)
{
	bool ok = parser_init();

	signal(SIGPIPE, SIG_IGN);
	return ok;
}

/* NULL, or the name of what failed. */
static const char *
open_parts(
    struct service *service, const char *system, struct sweeper **sweeper)
{
	const char *failed;

	if ((failed = service_parts_open(service, system)) != NULL)
		return failed;
	*sweeper = sweeper_start(
	    service->store, service->conf->cleanup_interval_ms);
	if (*sweeper == NULL)
		return "sweeper";
	return parse_begin() ? NULL : "libfcgi";
}

/* An owner does not keep the web server's standard error. */
static bool
open_log(const struct conf *cf, bool owns)
{
	const char *target = cf->log_target;
	struct err err;

	if (owns && strcmp(target, "stderr") == 0 &&
	    log_target_check("syslog", &err))
		target = "syslog";
	if (!log_open(target, (enum log_format)cf->log_format, &err))
		log_fatal("start", LOG_STR("failed", err.text));
	else if (!log_start())
		log_fatal("start", LOG_STR("failed", "log"),
		    LOG_STR("error", strerror(errno)));
	else
		return true;
	return false;
}

static int
run(const struct conf *cf, struct articles *articles, const char *system,
    struct run_owner *own)
{
	struct metrics_all metrics;
	struct budget budget;
	struct service service = {
		.conf = cf,
		.routes = &routes_table,
		.articles = articles,
		.metrics = &metrics,
		.budget = &budget,
	};
	struct sweeper *sweeper = NULL;
	struct listener ls = { .fd = -1 };
	const char *failed;
	struct err err;
	int status = EXIT_FAILURE;

	signals_block();
	if (own == NULL &&
	    !listener_open(&ls, cf->listen, cf->allow_remote, &err)) {
		log_fatal("start", LOG_STR("failed", err.text));
		return status;
	}
	if (!open_log(cf, own != NULL)) {
		listener_close(&ls);
		return status;
	}
	metrics_all_init(&metrics);
	budget_init(&budget, (int64_t)cf->tokens_per_day);
	if ((failed = open_parts(&service, system, &sweeper)) != NULL)
		log_fatal("start", LOG_STR("failed", failed),
		    LOG_STR("error", strerror(errno)));
	else if (own != NULL ? run_owner(&service, own)
			     : run_alone(&service, &ls))
		status = EXIT_SUCCESS;
	if (sweeper != NULL)
		sweeper_stop(sweeper);
	service_parts_close(&service);
	metrics_all_destroy(&metrics);
	budget_destroy(&budget);
	listener_close(&ls);
	log_notice("stop", LOG_INT("status", status));
	return status;
}

/* Everything that settings name is looked at before anything is started. */
static int
check_and_run(const struct conf *cf, bool test, struct run_owner *own)
{
	const struct articles_conf conf = service_articles_conf(cf);
	struct articles *articles = NULL;
	char *system = NULL;
	struct err err;
	int status = EXIT_CONFIG;

	if (!listener_check(cf->listen, cf->allow_remote, &err) ||
	    !log_target_check(cf->log_target, &err) ||
	    !run_owner_check(cf, &err) ||
	    (articles = articles_open(&conf, &err)) == NULL ||
	    (system = system_prompt_load(cf->system_prompt_file, &err)) ==
		NULL) {
		fprintf(stderr, "causerie: %s\n", err.text);
		goto out;
	}
	status = EXIT_SUCCESS;
	if (test)
		puts("causerie: the configuration is valid");
	else
		status = run(cf, articles, system, own);
out:
	free(system);
	articles_close(articles);
	return status;
}

/* With owner_dir, most processes get no further than this. */
static int
start(const struct conf *cf, bool test)
{
	struct run_owner own;
	struct err err;
	int status;

	if (test || cf->owner_dir == NULL)
		return check_and_run(cf, test, NULL);
	if (!run_owner_begin(&own, cf, &err)) {
		fprintf(stderr, "causerie: %s\n", err.text);
		return EXIT_FAILURE;
	}
	status = check_and_run(cf, false, &own);
	owner_dir_close(&own.dir);
	return status;
}

/* Make an index file, and say what is in it. */
static int
make_index(const struct conf *cf)
{
	struct articles_conf conf = service_articles_conf(cf);
	struct err err;

	conf.path = cf->index_from;
	if (articles_convert(&conf, cf->index_to, &err))
		return EXIT_SUCCESS;
	fprintf(stderr, "causerie: %s\n", err.text);
	return EXIT_CONFIG;
}

/* What a command has said must have been heard. */
static int
said(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fputs("causerie: standard output cannot be written\n", stderr);
	return EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	enum conf_action action;
	struct conf cf;
	sigset_t before;
	struct err err;
	int status = EXIT_SUCCESS;

	owner_waiter_keep_signals(&before);
	fill_standard_descriptors();
	harden();
	memory_begin();
	log_begin();
	action = conf_load(&cf, argc, argv, environ, &err);
	switch (action) {
	case CONF_INVALID:
		fprintf(stderr, "causerie: %s\n", err.text);
		status = EXIT_CONFIG;
		break;
	case CONF_VERSION:
		puts("causerie " PACKAGE_VERSION);
		break;
	case CONF_HELP:
		conf_help(stdout);
		break;
	case CONF_INDEX:
		status = make_index(&cf);
		break;
	case CONF_OWNER_STATUS:
	case CONF_OWNER_STOP:
		sigprocmask(SIG_SETMASK, &before, NULL);
		status = run_owner_command(&cf, action == CONF_OWNER_STOP);
		break;
	default:
		log_set_level((enum log_level)cf.log_level);
		status = start(&cf, action == CONF_TEST);
	}
	log_stop();
	conf_free(&cf);
	return said(status);
}
