/* A short lock for the pointer; whatever takes long happens outside it. */
#include "articles/articles.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "articles/article_lines.h"
#include "articles/index_file.h"

struct articles {
	/* immutable, once open */
	struct articles_conf conf;
	atomic_bool stop;

	/* the renewing thread's: what was read last, right or not */
	struct stat read;

	/* guarded by mtx */
	pthread_mutex_t mtx;
	struct index *index;
	int64_t written_ms; /* wall clock; 0: not a file */
};

struct source {
	const struct articles_conf *conf;
	struct stat st; /* taken before anything is read */
	struct err *err;
};

static void
source_fail(const struct source *src, const char *what)
{
	err_put(src->err, (struct err_place){ "articles", src->conf->path, 0 },
	    "%s", what);
}

static void
source_fail_open(const struct source *src)
{
	err_put(src->err, (struct err_place){ "articles", src->conf->path, 0 },
	    "cannot be read: %s", strerror(errno));
}

static struct index *
source_index(const struct source *src, int fd)
{
	const char *what;
	struct index *ix;

	ix = index_file_read(
	    fd, (size_t)src->st.st_size, &src->conf->limits, &what);
	if (ix == NULL)
		source_fail(src, what);
	return ix;
}

static struct index *
source_file(struct source *src)
{
	struct index *ix = NULL;
	int fd;

	fd = open(src->conf->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1) {
		source_fail_open(src);
		return NULL;
	}
	if (fstat(fd, &src->st) == -1)
		source_fail(src, strerror(errno));
	else if (!S_ISREG(src->st.st_mode))
		source_fail(src, "is not a regular file");
	else if (index_file_is(fd))
		ix = source_index(src, fd);
	else
		ix = article_lines_read(
		    src->conf->path, &src->conf->limits, src->err);
	close(fd);
	return ix;
}

static struct index *
source_read(struct source *src)
{
	if (src->conf->path != NULL)
		return source_file(src);
	return article_lines_read(NULL, &src->conf->limits, src->err);
}

static int64_t
written_ms(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000 +
	       st->st_mtim.tv_nsec / 1000000;
}

struct articles *
articles_open(const struct articles_conf *conf, struct err *err)
{
	struct source src = { .conf = conf, .err = err };
	struct articles *a;

	if ((a = calloc(1, sizeof(*a))) == NULL) {
		err_put(err, (struct err_place){ "articles", NULL, 0 },
		    "out of memory");
		return NULL;
	}
	if ((a->index = source_read(&src)) == NULL) {
		free(a);
		return NULL;
	}
	a->conf = *conf;
	a->conf.limits.stop = &a->stop;
	a->read = src.st;
	a->written_ms = written_ms(&src.st);
	pthread_mutex_init(&a->mtx, NULL);
	return a;
}

void
articles_close(struct articles *a)
{
	if (a == NULL)
		return;
	index_unref(a->index);
	pthread_mutex_destroy(&a->mtx);
	free(a);
}

struct index *
articles_index(struct articles *a)
{
	struct index *ix;

	pthread_mutex_lock(&a->mtx);
	ix = index_ref(a->index);
	pthread_mutex_unlock(&a->mtx);
	return ix;
}

const struct search_conf *
articles_search(const struct articles *a)
{
	return &a->conf.search;
}

int64_t
articles_age(struct articles *a, int64_t wall_ms)
{
	int64_t then;

	pthread_mutex_lock(&a->mtx);
	then = a->written_ms;
	pthread_mutex_unlock(&a->mtx);
	return then > 0 && then < wall_ms ? (wall_ms - then) / 1000 : 0;
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Whether the file was not read yet; one that is gone, only once. */
static bool
is_another(const struct articles *a, struct stat *st)
{
	if (stat(a->conf.path, st) == -1)
		memset(st, 0, sizeof(*st));
	return !is_same(st, &a->read);
}

void
articles_stop(struct articles *a)
{
	atomic_store(&a->stop, true);
}

enum articles_renewed
articles_renew(struct articles *a, struct err *err)
{
	struct source src = { .conf = &a->conf, .err = err };
	struct index *ix, *old;
	struct stat st;

	if (a->conf.path == NULL || !is_another(a, &st))
		return ARTICLES_SAME;
	src.st = st;
	ix = source_read(&src);
	a->read = src.st;
	if (ix == NULL)
		return atomic_load(&a->stop) ? ARTICLES_SAME : ARTICLES_BAD;
	pthread_mutex_lock(&a->mtx);
	old = a->index;
	a->index = ix;
	a->written_ms = written_ms(&src.st);
	pthread_mutex_unlock(&a->mtx);
	index_unref(old);
	return ARTICLES_NEW;
}

bool
articles_convert(
    const struct articles_conf *conf, const char *to, struct err *err)
{
	struct source src = { .conf = conf, .err = err };
	struct index *ix;
	bool ok;

	if ((ix = source_read(&src)) == NULL)
		return false;
	if (!(ok = index_file_write(ix, to)))
		err_put(err, (struct err_place){ NULL, to, 0 }, "%s",
		    strerror(errno));
	index_unref(ix);
	return ok;
}
