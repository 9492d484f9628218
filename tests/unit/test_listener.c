/* The listening socket: made, refused, replaced, inherited, removed. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/listener.h"

#define TRIES  20 /* ports that may be taken meanwhile */
#define STARTS 4
#define ROUNDS 100
#define BURST  300 /* connections that nobody has accepted yet */

/* The port is at the same place in both. */
union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static char dir[] = "/tmp/test_listener.XXXXXX";
static char path[64], spec[80];
static struct err err;

static int
connect_to(const char *where)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), e = 0;

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", where);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		e = errno;
	close(fd);
	return e;
}

static int
bound_socket(const char *where)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", where);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

static bool
open_unix(struct listener *ls)
{
	err_clear(&err);
	return listener_open(ls, spec, false, &err);
}

static void
specs_are_checked(void **state)
{
	static const struct {
		const char *spec;
		bool local, remote; /* allowed without, with */
	} rows[] = {
		{ NULL, true, true },
		{ "unix:/run/causerie.sock", true, true },
		{ "127.0.0.1:9000", true, true },
		{ "127.255.0.3:65535", true, true },
		{ "[::1]:9000", true, true },
		{ "0.0.0.0:9000", false, true },
		{ "128.0.0.1:9000", false, true },
		{ "192.0.2.1:9000", false, true },
		{ "[::]:9000", false, true },
		{ "[::ffff:192.0.2.1]:9000", false, true },
		{ "[2001:db8::1]:9000", false, true },
		{ "", false, false },
		{ "unix:", false, false },
		{ "unix:run/causerie.sock", false, false },
		{ "/run/causerie.sock", false, false },
		{ "9000", false, false },
		{ ":9000", false, false },
		{ "localhost:9000", false, false },
		{ "127.0.0.1", false, false },
		{ "127.0.0.1:", false, false },
		{ "127.0.0.1:0", false, false },
		{ "127.0.0.1:65536", false, false },
		{ "127.0.0.1:4294967297", false, false },
		{ "127.0.0.1:-1", false, false },
		{ "127.0.0.1:9000 ", false, false },
		{ "127.1:9000", false, false },
		{ "::1:9000", false, false },
		{ "[::1]9000", false, false },
		{ "[::1]x9000", false, false },
		{ "[0000:0000:0000:0000:0000:ffff:192.168.100.1000]:1", false,
		    false },
		{ "[::1", false, false },
		{ "[::1]", false, false },
		{ "[127.0.0.1]:9000", false, false },
		{ "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1",
		    false, false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		err_clear(&err);
		if (listener_check(rows[i].spec, false, &err) !=
			rows[i].local ||
		    listener_check(rows[i].spec, true, &err) != rows[i].remote)
			fail_msg("%s", rows[i].spec);
		assert_true(rows[i].local || err_is_set(&err));
	}
}

static void
the_refusal_of_an_address_names_the_setting(void **state)
{
	struct listener ls;

	(void)state;
	assert_false(listener_open(&ls, "0.0.0.0:9000", false, &err));
	assert_string_equal(err.text, "listen: 0.0.0.0:9000: is not a loopback "
				      "address; allow_remote=yes permits it");
	assert_int_equal(ls.fd, -1);
}

static void
a_unix_socket_has_its_mode_and_flags(void **state)
{
	static const mode_t masks[] = { 0, 022, 077, 0777 };
	struct listener ls;
	struct stat st;
	mode_t before;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		before = umask(masks[i]);
		assert_true(open_unix(&ls));
		assert_int_equal(umask(before), masks[i]);
		assert_int_equal(lstat(path, &st), 0);
		assert_true(S_ISSOCK(st.st_mode));
		assert_int_equal(st.st_mode & 07777, 0660);
		assert_true(fcntl(ls.fd, F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(ls.fd, F_GETFD) & FD_CLOEXEC);
		assert_int_equal(connect_to(path), 0);
		listener_close(&ls);
		assert_int_equal(ls.fd, -1);
		assert_int_equal(access(path, F_OK), -1);
	}
}

static void
a_stale_socket_is_replaced(void **state)
{
	struct listener ls;

	(void)state;
	close(bound_socket(path));
	assert_int_equal(connect_to(path), ECONNREFUSED);
	assert_true(open_unix(&ls));
	assert_int_equal(connect_to(path), 0);
	listener_close(&ls);
}

/* Listen until all have tried; whether it could. */
static int
start_with_others(int go, int tried, int end)
{
	struct listener ls;
	char byte;
	bool ok;

	(void)!read(go, &byte, 1);
	ok = open_unix(&ls);
	(void)!write(tried, ok ? "1" : "0", 1);
	(void)!read(end, &byte, 1);
	ok = ok && connect_to(path) == 0;
	return ok;
}

/* How many of those that start at once listen. */
static unsigned
start_at_once(void)
{
	int go[2], tried[2], end[2];
	pid_t pids[STARTS];
	unsigned n = 0;
	char byte;

	assert_int_equal(pipe(go) | pipe(tried) | pipe(end), 0);
	for (int i = 0; i < STARTS; i++) {
		if ((pids[i] = fork()) == 0) {
			close(go[1]);
			close(end[1]);
			_exit(start_with_others(go[0], tried[1], end[0]));
		}
	}
	close(go[1]);
	for (int i = 0; i < STARTS; i++) {
		assert_int_equal(read(tried[0], &byte, 1), 1);
		n += byte == '1';
	}
	assert_int_equal(connect_to(path), 0);
	close(end[1]);
	for (int i = 0; i < STARTS; i++)
		waitpid(pids[i], NULL, 0);
	close(go[0]);
	close(tried[0]);
	close(tried[1]);
	close(end[0]);
	return n;
}

static void
of_those_that_replace_a_stale_socket_one_listens(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		close(bound_socket(path));
		assert_int_equal(start_at_once(), 1);
		unlink(path);
	}
}

static void
who_holds_the_directory_holds_up_no_start(void **state)
{
	struct listener ls;
	int lock = open(dir, O_RDONLY);

	(void)state;
	assert_int_equal(flock(lock, LOCK_EX), 0);
	assert_true(open_unix(&ls));
	assert_int_equal(connect_to(path), 0);
	listener_close(&ls);
	close(lock);
}

static void
a_served_socket_is_left_alone(void **state)
{
	struct listener first, second;

	(void)state;
	assert_true(open_unix(&first));
	assert_false(open_unix(&second));
	assert_non_null(strstr(err.text, "another process serves it"));
	assert_int_equal(connect_to(path), 0);
	listener_close(&first);
}

static void
a_served_socket_with_a_full_queue_is_left_alone(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct listener ls;
	int server = bound_socket(path), client;

	(void)state;
	assert_int_equal(listen(server, 0), 0);
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	assert_int_equal(
	    connect(client, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_false(open_unix(&ls));
	assert_non_null(strstr(err.text, "another process serves it"));
	assert_int_equal(access(path, F_OK), 0);
	close(client);
	close(server);
	unlink(path);
}

static void
what_is_no_socket_is_left_alone(void **state)
{
	struct listener ls;
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	(void)state;
	assert_int_not_equal(fd, -1);
	close(fd);
	assert_false(open_unix(&ls));
	assert_non_null(strstr(err.text, "is not a socket"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/nonexistent", path), 0);
	assert_false(open_unix(&ls));
	assert_int_equal(unlink(path), 0);
}

static void
paths_have_a_length(void **state)
{
	struct sockaddr_un sun;
	char longest[sizeof(sun.sun_path)], with[sizeof(longest) + 8];
	struct listener ls;

	(void)state;
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, dir, strlen(dir));
	longest[strlen(dir)] = '/';
	longest[sizeof(longest) - 1] = '\0';
	snprintf(with, sizeof(with), "unix:%sx", longest);
	assert_false(listener_open(&ls, with, false, &err));
	assert_non_null(strstr(err.text, "longer than 107"));
	snprintf(with, sizeof(with), "unix:%s", longest);
	assert_true(listener_open(&ls, with, false, &err));
	assert_int_equal(connect_to(longest), 0);
	listener_close(&ls);
	assert_int_equal(access(longest, F_OK), -1);
}

static void
a_missing_directory_is_told(void **state)
{
	struct listener ls;

	(void)state;
	assert_false(
	    listener_open(&ls, "unix:/nonexistent/c.sock", false, &err));
	assert_non_null(strstr(err.text, "/nonexistent/c.sock: "));
}

static void
the_socket_of_a_successor_stays(void **state)
{
	struct listener ls, next;

	(void)state;
	assert_true(open_unix(&ls));
	assert_int_equal(unlink(path), 0);
	assert_true(open_unix(&next));
	listener_close(&ls);
	assert_int_equal(connect_to(path), 0);
	listener_close(&next);
	assert_int_equal(access(path, F_OK), -1);
}

static void
unlink_leaves_the_descriptor(void **state)
{
	struct listener ls, next;

	(void)state;
	assert_true(open_unix(&ls));
	listener_unlink(&ls);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_not_equal(fcntl(ls.fd, F_GETFL), -1);
	assert_true(open_unix(&next));
	listener_close(&ls);
	assert_int_equal(connect_to(path), 0);
	listener_close(&next);
}

static void
a_burst_fits_into_the_queue(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct listener ls;
	int fds[BURST], i;

	(void)state;
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	assert_true(open_unix(&ls));
	for (i = 0; i < BURST; i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		assert_int_equal(
		    connect(fds[i], (struct sockaddr *)&sun, sizeof(sun)), 0);
	}
	while (i > 0)
		close(fds[--i]);
	listener_close(&ls);
}

/* A port that was free a moment ago; 0 when the family is not there. */
static unsigned
free_port(const union address *any, socklen_t len)
{
	union address got = { 0 };
	int fd = socket(any->any.sa_family, SOCK_STREAM, 0);

	if (fd == -1)
		return 0;
	if (bind(fd, &any->any, len) == 0)
		getsockname(fd, &got.any, &len);
	close(fd);
	return ntohs(got.v4.sin_port);
}

static void
a_port_is_listened_on(void **state)
{
	union address any = { .v4.sin_family = AF_INET };
	struct listener ls, second;
	char where[32];
	int i;

	(void)state;
	any.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (i = 0; i < TRIES; i++) {
		snprintf(where, sizeof(where), "127.0.0.1:%u",
		    free_port(&any, sizeof(any.v4)));
		if (listener_open(&ls, where, false, &err))
			break;
	}
	assert_int_not_equal(ls.fd, -1);
	assert_null(ls.path);
	assert_true(fcntl(ls.fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(ls.fd, F_GETFD) & FD_CLOEXEC);
	assert_false(listener_open(&second, where, false, &err));
	assert_non_null(strstr(err.text, where));
	listener_close(&ls);
}

static void
a_port_of_ipv6_is_listened_on(void **state)
{
	union address any = { .v6.sin6_family = AF_INET6,
		.v6.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct listener ls;
	char where[32];
	unsigned port = 0;
	int i;

	(void)state;
	for (i = 0; i < TRIES; i++) {
		if ((port = free_port(&any, sizeof(any.v6))) == 0)
			skip();
		snprintf(where, sizeof(where), "[::1]:%u", port);
		if (listener_open(&ls, where, false, &err))
			break;
	}
	assert_int_not_equal(ls.fd, -1);
	listener_close(&ls);
}

/* What a child sees that was started with these descriptors. */
struct start {
	int fd0, fd3;    /* -1: closed */
	const char *pid; /* LISTEN_PID; NULL: the child's own */
	const char *fds; /* LISTEN_FDS; NULL: none */
};

/* In a child: the descriptor that listener_open chose, 100 when refused. */
static int
chosen(const struct start *start)
{
	struct listener ls;
	char pid[16];
	pid_t child;
	int status;

	fflush(NULL);
	if ((child = fork()) == 0) {
		snprintf(pid, sizeof(pid), "%d", (int)getpid());
		setenv("LISTEN_PID", start->pid == NULL ? pid : start->pid, 1);
		if (start->fds != NULL)
			setenv("LISTEN_FDS", start->fds, 1);
		if (start->fd0 == -1 || dup2(start->fd0, 0) == -1)
			close(0);
		if (start->fd3 == -1 || dup2(start->fd3, 3) == -1)
			close(3);
		if (!listener_open(&ls, NULL, false, &err))
			_exit(!err_is_set(&err) ? 102 : 100);
		if ((fcntl(ls.fd, F_GETFL) & O_NONBLOCK) == 0 ||
		    (fcntl(ls.fd, F_GETFD) & FD_CLOEXEC) == 0)
			_exit(101);
		_exit(ls.fd);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
a_socket_is_inherited(void **state)
{
	int listening = fcntl(bound_socket(path), F_DUPFD, 20);
	int idle = fcntl(socket(AF_UNIX, SOCK_STREAM, 0), F_DUPFD, 20);
	int file = fcntl(open("/dev/null", O_RDWR), F_DUPFD, 20);
	int packets = fcntl(socket(AF_UNIX, SOCK_SEQPACKET, 0), F_DUPFD, 20);
	struct sockaddr_un unnamed = { .sun_family = AF_UNIX };
	const struct {
		struct start start;
		int fd;
	} rows[] = {
		{ { listening, -1, NULL, NULL }, 0 },
		{ { listening, listening, NULL, "1" }, 0 },
		{ { file, listening, NULL, "1" }, 3 },
		{ { -1, listening, NULL, "1" }, 3 },
		{ { idle, listening, NULL, "1" }, 3 },
		{ { file, listening, "1", "1" }, 100 },
		{ { file, listening, NULL, "2" }, 100 },
		{ { file, listening, NULL, "0" }, 100 },
		{ { file, listening, NULL, NULL }, 100 },
		{ { file, idle, NULL, "1" }, 100 },
		{ { file, file, NULL, "1" }, 100 },
		{ { file, -1, NULL, "1" }, 100 },
		{ { packets, -1, NULL, NULL }, 100 },
		{ { -1, -1, NULL, NULL }, 100 },
	};
	size_t i;

	(void)state;
	assert_int_equal(listen(listening, 1), 0);
	assert_int_equal(bind(packets, (struct sockaddr *)&unnamed,
			     sizeof(unnamed.sun_family)),
	    0);
	assert_int_equal(listen(packets, 1), 0);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (chosen(&rows[i].start) != rows[i].fd)
			fail_msg("row %zu: %d", i, chosen(&rows[i].start));
	unlink(path);
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/sock", dir);
	snprintf(spec, sizeof(spec), "unix:%s", path);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	return rmdir(dir);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(specs_are_checked),
		cmocka_unit_test(the_refusal_of_an_address_names_the_setting),
		cmocka_unit_test(a_unix_socket_has_its_mode_and_flags),
		cmocka_unit_test(a_stale_socket_is_replaced),
		cmocka_unit_test(
		    of_those_that_replace_a_stale_socket_one_listens),
		cmocka_unit_test(who_holds_the_directory_holds_up_no_start),
		cmocka_unit_test(a_served_socket_is_left_alone),
		cmocka_unit_test(
		    a_served_socket_with_a_full_queue_is_left_alone),
		cmocka_unit_test(what_is_no_socket_is_left_alone),
		cmocka_unit_test(paths_have_a_length),
		cmocka_unit_test(a_missing_directory_is_told),
		cmocka_unit_test(the_socket_of_a_successor_stays),
		cmocka_unit_test(unlink_leaves_the_descriptor),
		cmocka_unit_test(a_burst_fits_into_the_queue),
		cmocka_unit_test(a_port_is_listened_on),
		cmocka_unit_test(a_port_of_ipv6_is_listened_on),
		cmocka_unit_test(a_socket_is_inherited),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
