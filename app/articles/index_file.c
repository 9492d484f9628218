/* The file is never mapped: cutting it would then be a signal, not an error. */
#include "articles/index_file.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "articles/index_check.h"
#include "articles/index_layout.h"
#include "articles/pile.h"

#define CHUNK ((size_t)1 << 20) /* read between two looks whether to go on */
#define MODE  (S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH)

bool
index_file_is(int fd)
{
	char magic[sizeof(INDEX_MAGIC) - 1];

	return pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) &&
	       memcmp(magic, INDEX_MAGIC, sizeof(magic)) == 0;
}

static const char *
read_all(int fd, char *bytes, size_t size, size_t from,
    const struct index_limits *limits)
{
	ssize_t n;

	while (from < size) {
		if (limits_stopped(limits))
			return "stopped";
		n = pread(fd, bytes + from,
		    size - from < CHUNK ? size - from : CHUNK, (off_t)from);
		if (n == -1 && errno != EINTR)
			return strerror(errno);
		if (n == 0)
			return "was truncated while it was being read";
		if (n > 0)
			from += (size_t)n;
	}
	return NULL;
}

static const char *
check_limits(const struct index_head *head, const struct index_limits *limits)
{
	if (head->articles > limits->articles)
		return "has more articles than articles_max";
	if (head->size > limits->memory)
		return "needs more than articles_memory";
	return NULL;
}

/* The block when nothing is wrong. */
static char *
read_block(
    int fd, size_t size, const struct index_limits *limits, const char **what)
{
	struct index_head head;
	char *block;

	if (size < sizeof(head)) {
		*what = "is cut off, or not as long as it says";
		return NULL;
	}
	if ((*what = read_all(fd, (char *)&head, sizeof(head), 0, limits)) !=
		NULL ||
	    (*what = index_check_head(&head, size)) != NULL ||
	    (*what = check_limits(&head, limits)) != NULL)
		return NULL;
	if ((block = block_new(size)) == NULL) {
		*what = "out of memory";
		return NULL;
	}
	memcpy(block, &head, sizeof(head));
	if ((*what = read_all(fd, block, size, sizeof(head), limits)) == NULL &&
	    (*what = index_check(block, size)) == NULL)
		return block;
	block_free(block, size);
	return NULL;
}

struct index *
index_file_read(
    int fd, size_t size, const struct index_limits *limits, const char **what)
{
	struct index *ix;
	char *block;

	if ((block = read_block(fd, size, limits, what)) == NULL)
		return NULL;
	if ((ix = index_new(block, size)) == NULL)
		*what = "out of memory";
	return ix;
}

static bool
write_all(int fd, const char *bytes, size_t size)
{
	ssize_t n;

	while (size > 0) {
		if ((n = write(fd, bytes, size)) == -1 && errno != EINTR)
			return false;
		if (n > 0) {
			bytes += n;
			size -= (size_t)n;
		}
	}
	return fchmod(fd, MODE) == 0 && fsync(fd) == 0;
}

static bool
write_file(const struct index *ix, const char *path)
{
	const char *bytes;
	size_t size;
	int fd, error;

	bytes = index_bytes(ix, &size);
	fd = open(
	    path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, MODE);
	if (fd == -1)
		return false;
	if (write_all(fd, bytes, size))
		return close(fd) == 0;
	error = errno;
	close(fd);
	errno = error;
	return false;
}

bool
index_file_write(const struct index *ix, const char *path)
{
	char *temporary;
	bool ok;
	int error;

	if (asprintf(&temporary, "%s.tmp", path) == -1)
		return false;
	ok = write_file(ix, temporary) && rename(temporary, path) == 0;
	error = errno;
	if (!ok)
		unlink(temporary);
	free(temporary);
	errno = error;
	return ok;
}
