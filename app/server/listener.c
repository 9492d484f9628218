/* Three ways to a listening socket: make a unix or TCP one, or inherit it. */
#include "server/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define UNIX_PREFIX "unix:"
#define UNIX_UMASK  0117 /* leaves 0660 */
#define SYSTEMD_FD  3    /* SD_LISTEN_FDS_START */
#define MAX_PORT    65535
#define LOCK_TRIES  100 /* for another start at the same place, */
#define LOCK_NAP_NS (10 * 1000 * 1000) /* 1 s in all */

union address {
	struct sockaddr any;
	struct sockaddr_un local;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct place {
	union address addr;
	socklen_t len;
};

static const struct err_place at_listen = { "listen", NULL, 0 };

static bool
parse_unix(struct place *pl, const char *spec, struct err *err)
{
	struct sockaddr_un *sun = &pl->addr.local;
	const char *path = spec + strlen(UNIX_PREFIX);

	if (*path != '/')
		return err_put(
		    err, at_listen, "%s: the path must begin with /", spec);
	if (strlen(path) >= sizeof(sun->sun_path))
		return err_put(err, at_listen,
		    "%s: the path is longer than %zu bytes", spec,
		    sizeof(sun->sun_path) - 1);
	sun->sun_family = AF_UNIX;
	snprintf(sun->sun_path, sizeof(sun->sun_path), "%s", path);
	pl->len = sizeof(*sun);
	return true;
}

static bool
parse_port(in_port_t *port, const char *s)
{
	size_t n = strspn(s, "0123456789");
	unsigned long value;

	if (n == 0 || n > 5 || s[n] != '\0')
		return false;
	value = strtoul(s, NULL, 10);
	*port = htons((in_port_t)value);
	return value > 0 && value <= MAX_PORT;
}

/* Split "host:port" or "[host]:port"; host is at most as long as an address. */
static bool
split(char host[INET6_ADDRSTRLEN], const char **port, const char *spec)
{
	const char *end;
	size_t bracket = *spec == '[';

	spec += bracket;
	end = strchr(spec, bracket ? ']' : ':');
	if (end == NULL || end - spec >= INET6_ADDRSTRLEN)
		return false;
	snprintf(host, INET6_ADDRSTRLEN, "%.*s", (int)(end - spec), spec);
	end += bracket;
	*port = end + 1;
	return *end == ':';
}

static bool
parse_tcp(struct place *pl, const char *spec)
{
	char host[INET6_ADDRSTRLEN];
	const char *port;

	if (!split(host, &port, spec))
		return false;
	if (*spec == '[') {
		pl->len = sizeof(pl->addr.v6);
		pl->addr.v6.sin6_family = AF_INET6;
		return inet_pton(AF_INET6, host, &pl->addr.v6.sin6_addr) == 1 &&
		       parse_port(&pl->addr.v6.sin6_port, port);
	}
	pl->len = sizeof(pl->addr.v4);
	pl->addr.v4.sin_family = AF_INET;
	return inet_pton(AF_INET, host, &pl->addr.v4.sin_addr) == 1 &&
	       parse_port(&pl->addr.v4.sin_port, port);
}

static bool
is_loopback(const union address *addr)
{
	if (addr->any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&addr->v6.sin6_addr);
	return ntohl(addr->v4.sin_addr.s_addr) >> IN_CLASSA_NSHIFT ==
	       IN_LOOPBACKNET;
}

static bool
parse(struct place *pl, const char *spec, bool allow_remote, struct err *err)
{
	memset(pl, 0, sizeof(*pl));
	if (strncmp(spec, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		return parse_unix(pl, spec, err);
	if (!parse_tcp(pl, spec))
		return err_put(err, at_listen,
		    "%s: must be unix:/path, 127.0.0.1:port or [::1]:port",
		    spec);
	if (!allow_remote && !is_loopback(&pl->addr))
		return err_put(err, at_listen,
		    "%s: is not a loopback address; allow_remote=yes permits "
		    "it",
		    spec);
	return true;
}

/* Whether the socket that stands at the path is nobody's any more. */
static bool
is_stale(const struct place *pl, struct err *err)
{
	const char *path = pl->addr.local.sun_path;
	struct stat st;
	int fd, e = 0;

	if (lstat(path, &st) == -1)
		return errno == ENOENT ||
		       err_put(err, at_listen, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return err_put(err, at_listen,
		    "%s: is not a socket; something else has the name", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return err_put(
		    err, at_listen, "no socket: %s", strerror(errno));
	if (connect(fd, &pl->addr.any, pl->len) == -1)
		e = errno;
	close(fd);
	if (e == 0 || e == EAGAIN)
		return err_put(
		    err, at_listen, "%s: another process serves it", path);
	return e == ECONNREFUSED || e == ENOENT ||
	       err_put(err, at_listen, "%s: %s", path, strerror(e));
}

static bool
bind_unix(int fd, const struct place *pl, struct err *err)
{
	const char *path = pl->addr.local.sun_path;
	mode_t before = umask(UNIX_UMASK);
	bool ok = bind(fd, &pl->addr.any, pl->len) == 0;

	if (!ok && errno == EADDRINUSE) {
		if (!is_stale(pl, err))
			goto out;
		unlink(path);
		ok = bind(fd, &pl->addr.any, pl->len) == 0;
	}
	if (!ok)
		err_put(err, at_listen, "%s: cannot be created: %s", path,
		    strerror(errno));
out:
	umask(before);
	return ok;
}

static bool
bind_tcp(int fd, const struct place *pl, const char *spec, struct err *err)
{
	static const int on = 1;
	bool v6 = pl->addr.any.sa_family == AF_INET6;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    (v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) ==
		       -1) ||
	    bind(fd, &pl->addr.any, pl->len) == -1)
		return err_put(err, at_listen, "%s: cannot be used: %s", spec,
		    strerror(errno));
	return true;
}

/* Remember the socket as ours, to be removed when we go. */
static bool
own_path(struct listener *ls, const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) == -1 || (ls->path = strdup(path)) == NULL)
		return err_put(err, at_listen, "%s: %s", path, strerror(errno));
	ls->dev = st.st_dev;
	ls->ino = st.st_ino;
	return true;
}

/*
 * Starts at one place take turns, from the look at what stands there to the
 * time when it listens: one that does not yet looks stale to the other. Whoever
 * may read the directory may lock it, so it is not waited for without end. The
 * descriptor that holds the lock, or -1.
 */
static int
lock_directory(const char *path)
{
	const struct timespec nap = { .tv_nsec = LOCK_NAP_NS };
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int fd, tries = LOCK_TRIES;

	snprintf(
	    dir, sizeof(dir), "%.*s/", (int)(strrchr(path, '/') - path), path);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (fd != -1 && flock(fd, LOCK_EX | LOCK_NB) == -1 &&
	       errno == EWOULDBLOCK && tries-- > 0)
		nanosleep(&nap, NULL);
	return fd;
}

static bool
start_listening(int fd, const char *spec, struct err *err)
{
	return listen(fd, SOMAXCONN) == 0 ||
	       err_put(err, at_listen, "%s: %s", spec, strerror(errno));
}

static bool
make_unix(struct listener *ls, const struct place *pl, const char *spec,
    struct err *err)
{
	int lock = lock_directory(pl->addr.local.sun_path);
	bool ok = bind_unix(ls->fd, pl, err) &&
	          own_path(ls, pl->addr.local.sun_path, err) &&
	          start_listening(ls->fd, spec, err);

	if (lock != -1)
		close(lock);
	return ok;
}

static bool
make(struct listener *ls, const char *spec, bool allow_remote, struct err *err)
{
	struct place pl;

	if (!parse(&pl, spec, allow_remote, err))
		return false;
	ls->fd = socket(pl.addr.any.sa_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (ls->fd == -1)
		return err_put(err, at_listen, "%s: %s", spec, strerror(errno));
	if (pl.addr.any.sa_family == AF_UNIX)
		return make_unix(ls, &pl, spec, err);
	return bind_tcp(ls->fd, &pl, spec, err) &&
	       start_listening(ls->fd, spec, err);
}

static bool
is_listening(int fd)
{
	int value = 0, type = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &len) == 0 &&
	       value != 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       type == SOCK_STREAM;
}

bool
listener_adopt(int fd)
{
	int flags;

	return is_listening(fd) && (flags = fcntl(fd, F_GETFL)) != -1 &&
	       fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
	       fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

/* How many descriptors systemd passed to this process. */
static long
systemd_fds(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");

	if (pid == NULL || fds == NULL || strtol(pid, NULL, 10) != getpid())
		return 0;
	return strtol(fds, NULL, 10);
}

static bool
inherit(struct listener *ls, struct err *err)
{
	long fds = systemd_fds();
	int fd = STDIN_FILENO;

	if (!is_listening(fd)) {
		fd = SYSTEMD_FD;
		if (fds > 1)
			return err_put(err, at_listen,
			    "systemd passed %ld sockets where one is expected",
			    fds);
		if (fds != 1 || !is_listening(fd))
			return err_put(err, at_listen,
			    "is not set, and descriptor 0 is not a listening "
			    "socket; say where with -l, such as "
			    "-l unix:/run/causerie.sock");
	}
	if (!listener_adopt(fd))
		return err_put(
		    err, at_listen, "descriptor %d: %s", fd, strerror(errno));
	ls->fd = fd;
	return true;
}

bool
listener_check(const char *spec, bool allow_remote, struct err *err)
{
	struct place pl;

	return spec == NULL || parse(&pl, spec, allow_remote, err);
}

bool
listener_open(
    struct listener *ls, const char *spec, bool allow_remote, struct err *err)
{
	bool ok;

	*ls = (struct listener){ .fd = -1 };
	ok = spec == NULL ? inherit(ls, err)
	                  : make(ls, spec, allow_remote, err);
	if (!ok)
		listener_close(ls);
	return ok;
}

void
listener_unlink(struct listener *ls)
{
	struct stat st;

	if (ls->path == NULL)
		return;
	if (lstat(ls->path, &st) == 0 && st.st_dev == ls->dev &&
	    st.st_ino == ls->ino)
		unlink(ls->path);
	free(ls->path);
	ls->path = NULL;
}

void
listener_close(struct listener *ls)
{
	listener_unlink(ls);
	if (ls->fd != -1)
		close(ls->fd);
	ls->fd = -1;
}
