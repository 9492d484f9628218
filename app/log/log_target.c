/* What an operator may set as log_target, and what each can fail at. */
#include "log/log_target.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define FILE_MODE     (S_IRUSR | S_IWUSR | S_IRGRP)
#define OPEN_FLAGS    (O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
#define PRIORITY_SIZE 3 /* "<6>" */

static enum log_target_kind
target_kind(const char *name)
{
	if (strcmp(name, "stderr") == 0)
		return LOG_TARGET_STDERR;
	return strcmp(name, "syslog") == 0 ? LOG_TARGET_SYSLOG
	                                   : LOG_TARGET_FILE;
}

bool
log_target_valid(const char *name)
{
	return target_kind(name) != LOG_TARGET_FILE ||
	       (*name == '/' && strlen(name) < PATH_MAX);
}

/* Our umask leaves the group out, so the mode is set where we made the file. */
static int
file_open(const char *path)
{
	int fd = open(path, OPEN_FLAGS);

	if (fd != -1 || errno != ENOENT)
		return fd;
	fd = open(path, OPEN_FLAGS | O_CREAT | O_EXCL, FILE_MODE);
	if (fd != -1)
		fchmod(fd, FILE_MODE);
	else if (errno == EEXIST)
		fd = open(path, OPEN_FLAGS);
	return fd;
}

/* As file_open would end, without a trace. */
static bool
file_check(const char *path)
{
	char dir[PATH_MAX];
	int fd = open(path, OPEN_FLAGS);

	if (fd != -1) {
		close(fd);
		return true;
	}
	if (errno != ENOENT || path[strlen(path) - 1] == '/')
		return false;
	snprintf(dir, sizeof(dir), "%s", path);
	return faccessat(AT_FDCWD, dirname(dir), W_OK | X_OK, AT_EACCESS) == 0;
}

/* syslog(3) is silent when there is no daemon to talk to. */
static bool
syslog_check(void)
{
	struct stat st;

	if (stat(_PATH_LOG, &st) == -1)
		return false;
	errno = ENOTSOCK;
	return S_ISSOCK(st.st_mode);
}

static bool
target_refuse(const char *name, struct err *err)
{
	if (strcmp(name, "syslog") == 0)
		return err_put(err, (struct err_place){ "log_target", name, 0 },
		    "%s cannot be used: %s", _PATH_LOG, strerror(errno));
	return err_put(err, (struct err_place){ "log_target", name, 0 },
	    "cannot be opened: %s", strerror(errno));
}

bool
log_target_check(const char *name, struct err *err)
{
	enum log_target_kind kind = target_kind(name);

	if ((kind == LOG_TARGET_FILE && !file_check(name)) ||
	    (kind == LOG_TARGET_SYSLOG && !syslog_check()))
		return target_refuse(name, err);
	return true;
}

static bool
fd_is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

bool
log_target_open(struct log_target *t, const char *name, struct err *err)
{
	enum log_target_kind kind = target_kind(name);
	int fd = kind == LOG_TARGET_STDERR ? STDERR_FILENO : -1;

	*t = (struct log_target){ .fd = STDERR_FILENO };
	if (kind == LOG_TARGET_FILE && (fd = file_open(name)) == -1)
		return target_refuse(name, err);
	if (kind == LOG_TARGET_SYSLOG) {
		if (!syslog_check())
			return target_refuse(name, err);
		openlog("causerie", LOG_NDELAY | LOG_PID, LOG_DAEMON);
	}
	*t = (struct log_target){
		.kind = kind,
		.path = kind == LOG_TARGET_FILE ? name : NULL,
		.fd = fd,
		.ready = kind == LOG_TARGET_FILE || fd_is_file(fd),
	};
	return true;
}

void
log_target_close(struct log_target *t)
{
	if (t->kind == LOG_TARGET_FILE)
		close(t->fd);
	else if (t->kind == LOG_TARGET_SYSLOG)
		closelog();
	*t = (struct log_target){ .fd = STDERR_FILENO };
}

bool
log_target_reopen(struct log_target *t)
{
	int fd;

	if (t->kind != LOG_TARGET_FILE)
		return true;
	if ((fd = file_open(t->path)) == -1)
		return false;
	close(t->fd);
	t->fd = fd;
	t->torn = false;
	return true;
}

static unsigned
count_lines(const char *text, size_t len)
{
	const char *end = text + len;
	unsigned lines = 0;

	while (len > 0 &&
	       (text = memchr(text, '\n', (size_t)(end - text))) != NULL) {
		lines++;
		text++;
	}
	return lines;
}

/*
 * A pipe that is ready takes PIPE_BUF bytes without blocking, and nothing here
 * is longer (pipe(7)); one whose reader is gone is not ready.
 */
static unsigned
pipe_put(int fd, const char *text, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	ssize_t n;

	if (poll(&p, 1, 0) != 1 || p.revents != POLLOUT)
		return count_lines(text, len);
	do
		n = write(fd, text, len);
	while (n == -1 && errno == EINTR);
	return n > 0 ? 0 : count_lines(text, len);
}

static size_t
file_write(int fd, const char *text, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = write(fd, text + done, len - done);
		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			break;
	}
	return done;
}

/* A disk may fill up in the middle of a line, which the next one then ends. */
static unsigned
file_put(struct log_target *t, const char *text, size_t len)
{
	size_t done;

	if (t->torn && file_write(t->fd, "\n", 1) != 1)
		return count_lines(text, len);
	done = file_write(t->fd, text, len);
	t->torn = done > 0 && text[done - 1] != '\n';
	return count_lines(text + done, len - done);
}

static unsigned
syslog_put(const char *text, size_t len)
{
	const char *end = text + len, *stop;

	for (; text < end; text = stop + 1) {
		stop = memchr(text, '\n', (size_t)(end - text));
		syslog(text[1] - '0', "%.*s",
		    (int)(stop - text - PRIORITY_SIZE), text + PRIORITY_SIZE);
	}
	return 0;
}

unsigned
log_target_put(struct log_target *t, const char *text, size_t len)
{
	if (t->kind == LOG_TARGET_SYSLOG)
		return syslog_put(text, len);
	return t->ready ? file_put(t, text, len) : pipe_put(t->fd, text, len);
}
