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
#include "base/log.h"
#include "base/text.h"

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
values_are_quoted_and_escaped(void **state)
{
	static const struct {
		const char *value, *shown;
	} rows[] = {
		{ "plain", "plain" },
		{ "/session/{id}", "\"/session/{id}\"" },
		{ "/session/chat", "/session/chat" },
		{ "127.0.0.1:9000", "127.0.0.1:9000" },
		{ "a-b_c@d%20+e,f", "a-b_c@d%20+e,f" },
		{ "", "\"\"" },
		{ "two words", "\"two words\"" },
		{ "a=b", "\"a=b\"" },
		{ "\"", "\"\\x22\"" },
		{ "\\", "\"\\x5c\"" },
		{ "\\n", "\"\\x5cn\"" },
		{ "x\nlevel=error", "\"x\\x0alevel=error\"" },
		{ "\r", "\"\\x0d\"" },
		{ "\t", "\"\\x09\"" },
		{ "\x01", "\"\\x01\"" },
		{ "\x1b[31m", "\"\\x1b[31m\"" },
		{ "\x7f", "\"\\x7f\"" },
		{ "été", "\"été\"" },
		{ "日本", "\"日本\"" },
		{ "\xf0\x9f\x9a\x80", "\"\xf0\x9f\x9a\x80\"" },
		{ "\xff", "\"\\xff\"" },
		{ "a\x80", "\"a\\x80\"" },
		{ "\xc3", "\"\\xc3\"" },
		{ "\xe2\x82", "\"\\xe2\\x82\"" },
		{ "\xc3(", "\"\\xc3(\"" },
		{ "\xc0\xaf", "\"\\xc0\\xaf\"" },
		{ "\xed\xa0\x80", "\"\\xed\\xa0\\x80\"" },
		{ "\xf5\x80\x80\x80", "\"\\xf5\\x80\\x80\\x80\"" },
		{ "\xc2\x80", "\"\\xc2\\x80\"" },
		{ "\xc2\x9b"
		  "31m",
		    "\"\\xc2\\x9b31m\"" },
		{ "\xc2\xa0", "\"\xc2\xa0\"" },
		{ "\xe2\x80\xa7", "\"\xe2\x80\xa7\"" },
		{ "\xe2\x80\xa8", "\"\\xe2\\x80\\xa8\"" },
		{ "\xe2\x80\xa9", "\"\\xe2\\x80\\xa9\"" },
		{ "\xe2\x80\xaa", "\"\\xe2\\x80\\xaa\"" },
		{ "\xe2\x80\xae", "\"\\xe2\\x80\\xae\"" },
		{ "\xe2\x80\xaf", "\"\xe2\x80\xaf\"" },
		{ "\xe2\x81\xa5", "\"\xe2\x81\xa5\"" },
		{ "\xe2\x81\xa6", "\"\\xe2\\x81\\xa6\"" },
		{ "\xe2\x81\xa9", "\"\\xe2\\x81\\xa9\"" },
		{ "\xe2\x81\xaa", "\"\xe2\x81\xaa\"" },
		{ "\xe3\x80\xa8", "\"\xe3\x80\xa8\"" },
	};
	char line[LOG_LINE_MAX + 1], expected[128];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct log_field fields[] = { LOG_STR("k", rows[i].value),
			{ LOG_KIND_END, NULL, NULL, 0 } };

		capture(line, sizeof(line), LOG_LEVEL_INFO, "e", fields);
		snprintf(expected, sizeof(expected),
		    "level=info event=e k=%s\n", rows[i].shown);
		assert_string_equal(after_time(line), expected);
	}
}

static void
numbers_have_their_units(void **state)
{
	static const struct {
		struct log_field field;
		const char *shown;
	} rows[] = {
		{ LOG_INT("k", 0), "0" },
		{ LOG_INT("k", 42), "42" },
		{ LOG_INT("k", -7), "-7" },
		{ LOG_INT("k", INT64_MAX), "9223372036854775807" },
		{ LOG_INT("k", INT64_MIN), "-9223372036854775808" },
		{ LOG_US("k", 0), "0.000" },
		{ LOG_US("k", 5), "0.005" },
		{ LOG_US("k", 1000), "1.000" },
		{ LOG_US("k", 12345), "12.345" },
		{ LOG_US("k", -1500), "-1.500" },
		{ LOG_US("k", INT64_MIN), "-9223372036854775.808" },
	};
	char line[LOG_LINE_MAX + 1], expected[128];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct log_field fields[] = { rows[i].field,
			{ LOG_KIND_END, NULL, NULL, 0 } };

		capture(line, sizeof(line), LOG_LEVEL_INFO, "e", fields);
		snprintf(expected, sizeof(expected),
		    "level=info event=e k=%s\n", rows[i].shown);
		assert_string_equal(after_time(line), expected);
	}
}

static void
a_line_begins_with_its_time(void **state)
{
	const struct log_field fields[] = { LOG_STR("a", "x"),
		LOG_STR("left_out", NULL), LOG_INT("b", 2),
		{ LOG_KIND_END, NULL, NULL, 0 } };
	char line[LOG_LINE_MAX + 1], early[64], late[64];
	char text[CLOCK_TEXT_SIZE];
	int64_t before, after;

	(void)state;
	before = clock_wall_ms();
	capture(line, sizeof(line), LOG_LEVEL_WARN, "two words", fields);
	after = clock_wall_ms();
	clock_text(text, before);
	snprintf(
	    early, sizeof(early), "time=%s.%03dZ", text, (int)(before % 1000));
	clock_text(text, after);
	snprintf(
	    late, sizeof(late), "time=%s.%03dZ", text, (int)(after % 1000));
	assert_true(strncmp(line, early, strlen(early)) >= 0);
	assert_true(strncmp(line, late, strlen(late)) <= 0);
	assert_string_equal(
	    after_time(line), "level=warn event=\"two words\" a=x b=2\n");
}

static void
lines_below_the_level_are_left_out(void **state)
{
	static const char *const names[] = { "debug", "info", "notice", "warn",
		"error", "fatal" };
	const struct log_field fields[] = { LOG_INT("k", 1),
		{ LOG_KIND_END, NULL, NULL, 0 } };
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

/* A line whose value is too long keeps its form: quoted, whole characters. */
static void
long_lines_are_cut_between_characters(void **state)
{
	static const char *const units[] = { "a", " ", "é", "日",
		"\xf0\x9f\x9a\x80", "\n", "\xff" };
	static char value[4 * LOG_LINE_MAX];
	char line[2 * LOG_LINE_MAX];
	size_t n, len, unit;

	(void)state;
	for (size_t i = 0; i < COUNT(units); i++) {
		unit = strlen(units[i]);
		for (size_t pad = 0; pad < 5; pad++) {
			memset(value, 'p', pad);
			for (n = pad; n + unit < sizeof(value); n += unit)
				memcpy(value + n, units[i], unit);
			value[n] = '\0';
			const struct log_field fields[] = { LOG_STR("k", value),
				LOG_INT("lost", 1),
				{ LOG_KIND_END, NULL, NULL, 0 } };

			len = capture(
			    line, sizeof(line), LOG_LEVEL_INFO, "e", fields);
			assert_in_range(len, LOG_LINE_MAX - 4, LOG_LINE_MAX);
			assert_string_equal(line + len - 2, "\"\n");
			assert_true(text_is_utf8(line, len));
			assert_null(strstr(line, "lost"));
			if (units[i][0] == '\n')
				assert_memory_equal(line + len - 6, "\\x0a", 4);
		}
	}
}

/* Whatever the place of the end, a number is there whole or not at all. */
static void
numbers_are_never_cut(void **state)
{
	static char value[LOG_LINE_MAX];
	char line[2 * LOG_LINE_MAX];
	const char *tail;
	size_t len, whole = 0, without = 0;

	(void)state;
	for (size_t n = LOG_LINE_MAX - 150; n < LOG_LINE_MAX; n++) {
		memset(value, 'v', n);
		value[n] = '\0';
		const struct log_field fields[] = { LOG_STR("k", value),
			LOG_US("ms", 123456789),
			{ LOG_KIND_END, NULL, NULL, 0 } };

		len = capture(line, sizeof(line), LOG_LEVEL_INFO, "e", fields);
		assert_true(len <= LOG_LINE_MAX && line[len - 1] == '\n');
		if ((tail = strstr(line, " ms=")) != NULL) {
			assert_string_equal(tail, " ms=123456.789\n");
			whole++;
		} else {
			assert_true(
			    line[len - 2] == 'v' || line[len - 2] == '"');
			without++;
		}
	}
	assert_true(whole > 10 && without > 10);
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values_are_quoted_and_escaped),
		TEST(numbers_have_their_units),
		TEST(a_line_begins_with_its_time),
		TEST(lines_below_the_level_are_left_out),
		TEST(verbs_have_their_levels),
		TEST(long_lines_are_cut_between_characters),
		TEST(numbers_are_never_cut),
		TEST(a_full_pipe_does_not_block),
		TEST(a_full_pipe_that_does_not_block_is_the_same),
		TEST(a_full_socket_does_not_block),
		TEST(a_reader_that_is_gone_does_no_harm),
		TEST(errno_is_kept),
		TEST(lines_of_threads_stay_whole),
		TEST(held_lines_are_written_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
