/* Reading gives way to serving: the thread has the lowest priority. */
#include "articles/reload.h"

#include <sys/resource.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "log/log.h"

#define LOWEST 19 /* nice(2) */
struct reload {
	/* immutable */
	struct articles *articles;
	pthread_t thread;

	/* guarded by mtx */
	pthread_mutex_t mtx;
	pthread_cond_t wake;
	bool stop;
	bool asked;
};

static void
reload_look(struct articles *articles)
{
	struct err err;
	int64_t begun = clock_mono_ms();
	struct index *ix;

	switch (articles_renew(articles, &err)) {
	case ARTICLES_NEW:
		ix = articles_index(articles);
		log_notice("articles",
		    LOG_INT("articles", (int64_t)index_count(ix)),
		    LOG_INT("passages", (int64_t)index_passages(ix)),
		    LOG_INT("bytes", (int64_t)index_size(ix)),
		    LOG_INT("ms", clock_mono_ms() - begun));
		index_unref(ix);
		break;
	case ARTICLES_BAD:
		log_error("articles", LOG_STR("failed", err.text));
		break;
	case ARTICLES_SAME:
		break;
	}
}

/* Wait; whether to go on. */
static bool
reload_wait(struct reload *rl)
{
	struct timespec deadline;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += RELOAD_SECONDS;
	pthread_mutex_lock(&rl->mtx);
	while (
	    !rl->stop && !rl->asked &&
	    pthread_cond_timedwait(&rl->wake, &rl->mtx, &deadline) != ETIMEDOUT)
		;
	rl->asked = false;
	stop = rl->stop;
	pthread_mutex_unlock(&rl->mtx);
	return !stop;
}

static void *
reload_run(void *arg)
{
	struct reload *rl = arg;

	setpriority(PRIO_PROCESS, (id_t)gettid(), LOWEST);
	while (reload_wait(rl))
		reload_look(rl->articles);
	return NULL;
}

/* Signals are main's. */
static int
reload_spawn(struct reload *rl)
{
	sigset_t all, old;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&rl->thread, NULL, reload_run, rl);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return error;
}

struct reload *
reload_start(struct articles *articles)
{
	pthread_condattr_t attr;
	struct reload *rl;
	int error;

	if ((rl = calloc(1, sizeof(*rl))) == NULL)
		return NULL;
	rl->articles = articles;
	pthread_mutex_init(&rl->mtx, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&rl->wake, &attr);
	pthread_condattr_destroy(&attr);
	if ((error = reload_spawn(rl)) == 0)
		return rl;
	pthread_cond_destroy(&rl->wake);
	pthread_mutex_destroy(&rl->mtx);
	free(rl);
	errno = error;
	return NULL;
}

static void
reload_tell(struct reload *rl, bool stop)
{
	pthread_mutex_lock(&rl->mtx);
	rl->asked = true;
	rl->stop = stop;
	pthread_cond_signal(&rl->wake);
	pthread_mutex_unlock(&rl->mtx);
}

void
reload_now(struct reload *rl)
{
	if (rl != NULL)
		reload_tell(rl, false);
}

void
reload_stop(struct reload *rl)
{
	if (rl == NULL)
		return;
	articles_stop(rl->articles);
	reload_tell(rl, true);
	pthread_join(rl->thread, NULL);
	pthread_cond_destroy(&rl->wake);
	pthread_mutex_destroy(&rl->mtx);
	free(rl);
}
