/*
 * Start the loops together and end them together; between the two they have
 * nothing in common but the listening descriptors.
 */
#include "server/server.h"

#include <sys/resource.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/container.h"
#include "log/log.h"
#include "server/fcgi_parse.h"
#include "server/pool.h"

#define MAX_THREADS 256
#define MAX_CONNS   1000000
#define SPARE_FDS   64 /* for the log, the listener and libraries */
#define LOOP_FDS    3  /* epoll, eventfd, and one to spare */

enum worker_state {
	WORKER_STARTING,
	WORKER_RUNNING,
	WORKER_FAILED,
};

struct worker {
	struct server *server;
	pthread_t thread;
	struct pool *pool;
	struct loop_task drain;

	/* guarded by the server's mtx */
	enum worker_state state;
};

struct server {
	struct server_conf conf;
	struct server_app app;
	unsigned max_conns; /* of one loop */
	unsigned other_fds;
	unsigned count;
	struct worker *workers;

	pthread_mutex_t mtx;
	pthread_cond_t started;
};

static void
worker_tell(struct worker *w, enum worker_state state)
{
	pthread_mutex_lock(&w->server->mtx);
	w->state = state;
	pthread_cond_signal(&w->server->started);
	pthread_mutex_unlock(&w->server->mtx);
}

static void
worker_close(struct worker *w)
{
	struct pool *pool = w->pool;

	if (pool == NULL)
		return;
	if (pool->env.state != NULL)
		w->server->app.loop_close(pool->env.state);
	parser_free(pool->env.parser);
	loop_free(pool->env.loop);
	free(pool);
	w->pool = NULL;
}

static bool
worker_open(struct worker *w, unsigned index)
{
	struct server *server = w->server;
	struct pool *pool;

	if ((pool = calloc(1, sizeof(*pool))) == NULL)
		return false;
	w->pool = pool;
	pool->env.app = &server->app;
	pool->env.body_max = server->conf.body_max;
	pool->env.max_conns = server->max_conns;
	if ((pool->env.loop = loop_new(index)) == NULL ||
	    (pool->env.parser = parser_new()) == NULL) {
		log_error("loop", LOG_INT("errno", errno));
		return false;
	}
	pool->env.state = server->app.loop_open(
	    server->app.arg, pool->env.loop);
	return pool->env.state != NULL;
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;
	unsigned index = (unsigned)(w - w->server->workers);

	if (!worker_open(w, index)) {
		worker_close(w);
		worker_tell(w, WORKER_FAILED);
		return NULL;
	}
	pool_open(w->pool);
	worker_tell(w, WORKER_RUNNING);
	loop_run(w->pool->env.loop);
	return NULL;
}

static void
worker_drain(struct loop_task *task)
{
	struct worker *w = container_of(task, struct worker, drain);

	pool_drain(w->pool);
}

static bool
worker_start(struct worker *w, struct server *server)
{
	int error;
	bool running;

	w->server = server;
	w->drain.run = worker_drain;
	if ((error = pthread_create(&w->thread, NULL, worker_main, w)) != 0) {
		log_error("thread", LOG_INT("errno", error));
		return false;
	}
	pthread_mutex_lock(&server->mtx);
	while (w->state == WORKER_STARTING)
		pthread_cond_wait(&server->started, &server->mtx);
	running = w->state == WORKER_RUNNING;
	pthread_mutex_unlock(&server->mtx);
	if (!running)
		pthread_join(w->thread, NULL);
	return running;
}

/* The limit of descriptors, raised as far as it goes. */
static rlim_t
descriptors(void)
{
	struct rlimit limit = { 1024, 1024 };

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
			log_warn("descriptors", LOG_INT("errno", errno));
		getrlimit(RLIMIT_NOFILE, &limit);
	}
	return limit.rlim_cur;
}

/* How many descriptors the caller may have. */
static unsigned
others(rlim_t fds, const struct server_conf *conf, rlim_t own)
{
	rlim_t room = fds / 2 > own ? fds / 2 - own : 0;

	return room < conf->other_fds ? (unsigned)room : conf->other_fds;
}

/* Divide the descriptors among the caller and the loops' connections. */
static void
divide(struct server *server, rlim_t fds, unsigned threads)
{
	const struct server_conf *conf = &server->conf;
	rlim_t own = SPARE_FDS + (LOOP_FDS + (rlim_t)conf->loop_fds) * threads,
	       kept, room;

	server->other_fds = others(fds, conf, own);
	kept = own + server->other_fds;
	room = fds > kept ? (fds - kept) / conf->conn_fds : 1;
	if (room > MAX_CONNS)
		room = MAX_CONNS;
	server->max_conns = room >= threads ? (unsigned)(room / threads) : 1;
}

static unsigned
cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : (unsigned)n;
}

struct server *
server_start(const struct server_conf *conf, const struct server_app *app)
{
	struct server *server;
	unsigned threads = conf->threads != 0 ? conf->threads : cores();
	rlim_t fds = descriptors();

	if ((server = calloc(1, sizeof(*server))) == NULL)
		return NULL;
	server->conf = *conf;
	server->app = *app;
	divide(server, fds, threads);
	pthread_mutex_init(&server->mtx, NULL);
	pthread_cond_init(&server->started, NULL);
	server->workers = calloc(threads, sizeof(*server->workers));
	if (server->workers == NULL) {
		log_error("memory", LOG_STR("for", "loops"));
		server_drain(server);
		return NULL;
	}
	for (; server->count < threads; server->count++) {
		if (!worker_start(&server->workers[server->count], server)) {
			server_drain(server);
			return NULL;
		}
	}
	log_info("serving", LOG_INT("loops", threads),
	    LOG_INT("descriptors", fds),
	    LOG_INT("max_chats", threads * server->max_conns));
	return server;
}

void
server_drain(struct server *server)
{
	struct worker *w;
	unsigned i;

	for (i = 0; i < server->count; i++) {
		w = &server->workers[i];
		/* NOLINTNEXTLINE(clang-analyzer-*): it runs */
		loop_mail(w->pool->env.loop, &w->drain);
	}
	for (i = 0; i < server->count; i++)
		pthread_join(server->workers[i].thread, NULL);
	for (i = 0; i < server->count; i++)
		worker_close(&server->workers[i]);
	free(server->workers);
	pthread_cond_destroy(&server->started);
	pthread_mutex_destroy(&server->mtx);
	free(server);
}

unsigned
server_other_fds(const struct server *server)
{
	return server->other_fds;
}

unsigned
server_loops(const struct server *server)
{
	return server->count;
}

struct pool *
server_pool(const struct server *server, unsigned index)
{
	return server->workers[index].pool;
}
