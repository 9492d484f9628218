#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "log/log.h"

#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))
#define DEADLINE_S 60 /* a log that blocks would stand still for ever */

static int saved_stderr = -1;

/* Make fd the standard error, until stderr_back. */
static void
stderr_to(int fd)
{
	saved_stderr = dup(STDERR_FILENO);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
}

static void
stderr_back(void)
{
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	saved_stderr = -1;
}

/* All that fd holds now, as a string. */
static size_t
read_all(int fd, char *out, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, out + len, size - 1 - len)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	return len;
}

/* What log_write writes, in out; its length. */
static size_t
capture(char *out, size_t size, enum log_level level, const char *event,
    const struct log_field *fields)
{
	int p[2];
	size_t len;

	assert_int_equal(pipe(p), 0);
	stderr_to(p[1]);
	close(p[1]);
	log_write(level, event, fields);
	stderr_back();
	len = read_all(p[0], out, size);
	close(p[0]);
	return len;
}

static int
setup(void **state)
{
	(void)state;
	alarm(DEADLINE_S);
	log_set_level(LOG_LEVEL_INFO);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (saved_stderr != -1)
		stderr_back();
	alarm(0);
	return 0;
}

/* The line behind its time. */
static const char *
after_time(const char *line)
{
	const char *level = strstr(line, "Z level=");

	assert_non_null(level);
	return level + 2;
}

static void
lines_below_the_level_are_left_out(void **state)
{
	static const char *const names[] = { "debug", "info", "notice", "warn",
		"error", "fatal" };
	const struct log_field fields[] = { LOG_INT("k", 1), LOG_END };
	char line[LOG_LINE_MAX + 1], expected[64];
	enum log_level least;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		assert_true(log_level_parse(&least, names[i]));
		assert_int_equal(least, i);
		log_set_level(least);
		for (size_t k = 0; k < COUNT(names); k++) {
			capture(
			    line, sizeof(line), (enum log_level)k, "e", fields);
			snprintf(expected, sizeof(expected),
			    "level=%s event=e k=1\n", names[k]);
			if (k < i)
				assert_string_equal(line, "");
			else
				assert_string_equal(after_time(line), expected);
		}
	}
	assert_false(log_level_parse(&least, ""));
	assert_false(log_level_parse(&least, "INFO"));
	assert_false(log_level_parse(&least, "infos"));
}

static void
verbs_have_their_levels(void **state)
{
	static const char *const expected[] = { "debug", "info", "notice",
		"warn", "error", "fatal" };
	char all[8192], want[32], *line = all;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	log_set_level(LOG_LEVEL_DEBUG);
	stderr_to(p[1]);
	close(p[1]);
	log_debug("e", LOG_INT("n", 0));
	log_info("e", LOG_INT("n", 0));
	log_notice("e", LOG_INT("n", 0));
	log_warn("e", LOG_INT("n", 0));
	log_error("e", LOG_INT("n", 0));
	log_fatal("e", LOG_INT("n", 0), LOG_STR("s", "t"));
	stderr_back();
	read_all(p[0], all, sizeof(all));
	close(p[0]);
	for (size_t i = 0; i < COUNT(expected); i++) {
		snprintf(want, sizeof(want), "level=%s ", expected[i]);
		assert_int_equal(
		    strncmp(after_time(line), want, strlen(want)), 0);
		line = strchr(line, '\n') + 1;
	}
	assert_string_equal(line, "");
}

/* Fill a descriptor until it takes nothing more. */
static void
fill(int fd)
{
	static char block[4096];
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	while (write(fd, block, sizeof(block)) > 0)
		;
	while (write(fd, block, 1) > 0)
		;
	fcntl(fd, F_SETFL, flags);
}

/* Take all out of a descriptor. */
static void
drain(int fd)
{
	static char block[65536];

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (read(fd, block, sizeof(block)) > 0)
		;
}

/* p[1] is full; what is dropped is told when there is room again. */
static void
drops_and_counts(int p[2])
{
	char text[4 * LOG_LINE_MAX], *line = text;

	fill(p[1]);
	stderr_to(p[1]);
	log_info("lost", LOG_INT("n", 1));
	log_info("lost", LOG_INT("n", 2));
	log_info("lost", LOG_INT("n", 3));
	drain(p[0]);
	log_info("kept", LOG_INT("n", 4));
	log_info("kept", LOG_INT("n", 5));
	stderr_back();
	read_all(p[0], text, sizeof(text));
	close(p[0]);
	close(p[1]);

	assert_null(strstr(text, "event=lost"));
	assert_non_null(strstr(line, "level=info event=kept n=4\n"));
	line = strchr(line, '\n') + 1;
	assert_string_not_equal(line, "");
	assert_int_equal(strncmp(after_time(line),
			     "level=warn event=log_dropped lines=3\n", 37),
	    0);
	line = strchr(line, '\n') + 1;
	assert_string_equal(after_time(line), "level=info event=kept n=5\n");
}

static void
a_full_pipe_does_not_block(void **state)
{
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	drops_and_counts(p);
}

static void
a_full_pipe_that_does_not_block_is_the_same(void **state)
{
	int p[2];

	(void)state;
	assert_int_equal(pipe2(p, O_NONBLOCK), 0);
	drops_and_counts(p);
}

static void
a_full_socket_does_not_block(void **state)
{
	int p[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
	drops_and_counts(p);
}

/* SIGPIPE has its default action here: it would end the test. */
static void
a_reader_that_is_gone_does_no_harm(void **state)
{
	char text[4 * LOG_LINE_MAX];
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	close(p[0]);
	stderr_to(p[1]);
	close(p[1]);
	log_info("lost", LOG_INT("n", 1));
	stderr_back();

	assert_int_equal(pipe(p), 0);
	stderr_to(p[1]);
	close(p[1]);
	log_info("kept", LOG_INT("n", 2));
	stderr_back();
	read_all(p[0], text, sizeof(text));
	close(p[0]);
	assert_non_null(strstr(text, "event=log_dropped lines=1\n"));
}

static void
errno_is_kept(void **state)
{
	char text[4 * LOG_LINE_MAX];
	int p[2], full, taken, dropped;

	(void)state;
	assert_int_equal(pipe2(p, O_NONBLOCK), 0);
	assert_true((full = open("/dev/full", O_WRONLY)) >= 0);
	stderr_to(p[1]);
	errno = ENOTTY;
	log_info("e", LOG_INT("n", 1));
	taken = errno;
	dup2(full, STDERR_FILENO);
	close(full);
	errno = ENOTTY;
	log_info("e", LOG_INT("n", 2));
	dropped = errno;
	dup2(p[1], STDERR_FILENO);
	log_info("e", LOG_INT("n", 3));
	stderr_back();
	read_all(p[0], text, sizeof(text));
	close(p[0]);
	close(p[1]);
	assert_int_equal(taken, ENOTTY);
	assert_int_equal(dropped, ENOTTY);
	assert_non_null(strstr(text, "event=log_dropped lines=1\n"));
}

#define WRITERS 4
#define LINES   500

static void *
writer(void *arg)
{
	const int *id = arg;

	for (int i = 0; i < LINES; i++)
		log_info("e", LOG_INT("writer", *id), LOG_INT("i", i));
	return NULL;
}

/* In a file, so that nothing is dropped: it is always ready. */
static void
lines_of_threads_stay_whole(void **state)
{
	static char text[WRITERS * LINES * 128];
	int ids[WRITERS], next[WRITERS] = { 0 }, file, id, i, count = 0;
	pthread_t threads[WRITERS];
	char *line, *end;

	(void)state;
	assert_true((file = memfd_create("log", 0)) >= 0);
	stderr_to(file);
	for (i = 0; i < WRITERS; i++) {
		ids[i] = i;
		assert_int_equal(
		    pthread_create(&threads[i], NULL, writer, &ids[i]), 0);
	}
	for (i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	stderr_back();
	lseek(file, 0, SEEK_SET);
	read_all(file, text, sizeof(text));
	close(file);

	for (line = text; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		assert_int_equal(
		    sscanf(after_time(line),
			"level=info event=e writer=%d i=%d", &id, &i),
		    2);
		assert_in_range(id, 0, WRITERS - 1);
		assert_int_equal(i, next[id]++);
		count++;
	}
	assert_int_equal(count, WRITERS * LINES);
	assert_string_equal(line, "");
}

/* How many lines have come out since the last look. */
static unsigned
lines_out(int fd)
{
	char text[2 * PIPE_BUF];
	unsigned lines = 0;

	read_all(fd, text, sizeof(text));
	for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	return lines;
}

static void
held_lines_are_written_together(void **state)
{
	unsigned written = 0, early;
	int p[2];

	(void)state;
	assert_int_equal(pipe2(p, O_NONBLOCK), 0);
	stderr_to(p[1]);
	log_hold();
	log_info("e", LOG_INT("i", 1));
	log_info("e", LOG_INT("i", 2));
	assert_int_equal(lines_out(p[0]), 0);
	log_warn("e", LOG_INT("i", 3));
	assert_int_equal(lines_out(p[0]), 3);
	for (; (early = lines_out(p[0])) == 0; written++)
		log_info("e", LOG_STR("s", "more than is held at a time"));
	assert_true(early > 1 && early < written);
	log_flush();
	assert_int_equal(lines_out(p[0]), written - early);
	assert_false(log_holds());
	stderr_back();
	close(p[0]);
	close(p[1]);
}

/* What was hidden is told when its minute is over, at the latest at the end. */
static void
a_storm_is_cut_short_and_counted(void **state)
{
	char text[16 * LOG_LINE_MAX];
	int p[2];

	(void)state;
	assert_int_equal(pipe2(p, O_NONBLOCK), 0);
	stderr_to(p[1]);
	for (int i = 0; i < 2 * LOG_MOST; i++) {
		log_warn("storm", LOG_INT("i", i));
		log_info("request", LOG_INT("i", i));
	}
	assert_int_equal(lines_out(p[0]), 3 * LOG_MOST);
	log_error("storm", LOG_INT("i", -1));
	assert_int_equal(lines_out(p[0]), 0);
	log_fatal("storm", LOG_INT("i", -1));
	log_error("another", LOG_INT("i", -1));
	assert_int_equal(lines_out(p[0]), 2);
	log_tick();
	assert_int_equal(lines_out(p[0]), 0);
	log_stop();
	stderr_back();
	read_all(p[0], text, sizeof(text));
	close(p[0]);
	close(p[1]);
	assert_string_equal(after_time(text),
	    "level=warn event=log_limited of=storm lines=11\n");
}

static void
at_level_debug_nothing_is_hidden(void **state)
{
	int p[2];

	(void)state;
	assert_int_equal(pipe2(p, O_NONBLOCK), 0);
	stderr_to(p[1]);
	log_set_level(LOG_LEVEL_DEBUG);
	for (int i = 0; i < 2 * LOG_MOST; i++)
		log_warn("debugged", LOG_INT("i", i));
	assert_int_equal(lines_out(p[0]), 2 * LOG_MOST);
	log_stop();
	assert_int_equal(lines_out(p[0]), 0);
	stderr_back();
	close(p[0]);
	close(p[1]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_below_the_level_are_left_out),
		TEST(verbs_have_their_levels), TEST(a_full_pipe_does_not_block),
		TEST(a_full_pipe_that_does_not_block_is_the_same),
		TEST(a_full_socket_does_not_block),
		TEST(a_reader_that_is_gone_does_no_harm), TEST(errno_is_kept),
		TEST(lines_of_threads_stay_whole),
		TEST(a_storm_is_cut_short_and_counted),
		TEST(at_level_debug_nothing_is_hidden),
		TEST(held_lines_are_written_together), /* the last: it holds */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
