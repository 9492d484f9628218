#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "log/log_writer.h"

#define MAX_TEXT   (4 * 1024 * 1024)
#define DEADLINE_S 60
#define STYLE      LOG_FORMAT_LOGFMT

/* The daemon of syslog(3), which may stand still. */
static struct {
	pthread_mutex_t mtx;
	pthread_cond_t change;
	bool still; /* it does not read */
	bool held;  /* and somebody writes */
	int priority;
	char text[MAX_TEXT];
	size_t len;
} daemon_ = { .mtx = PTHREAD_MUTEX_INITIALIZER,
	.change = PTHREAD_COND_INITIALIZER };

static void
daemon_take(int priority, const char *fmt, va_list ap)
{
	pthread_mutex_lock(&daemon_.mtx);
	daemon_.held = true;
	pthread_cond_broadcast(&daemon_.change);
	while (daemon_.still)
		pthread_cond_wait(&daemon_.change, &daemon_.mtx);
	daemon_.held = false;
	daemon_.priority = priority;
	daemon_.len += (size_t)vsnprintf(
	    daemon_.text + daemon_.len, MAX_TEXT - daemon_.len, fmt, ap);
	daemon_.len += (size_t)snprintf(
	    daemon_.text + daemon_.len, MAX_TEXT - daemon_.len, "\n");
	pthread_mutex_unlock(&daemon_.mtx);
}

/*
 * In the place of the C library's, which the headers may call by two names and
 * make a macro of.
 */
#undef syslog

void
syslog(int priority, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	daemon_take(priority, fmt, ap);
	va_end(ap);
}

void __syslog_chk(int priority, int flag, const char *fmt, ...);
void
__syslog_chk(int priority, int flag, const char *fmt, ...)
{
	va_list ap;

	(void)flag;
	va_start(ap, fmt);
	daemon_take(priority, fmt, ap);
	va_end(ap);
}

static char dir[32], file[64], moved[64];

static int
setup(void **state)
{
	(void)state;
	alarm(DEADLINE_S);
	daemon_.len = 0;
	daemon_.still = false;
	snprintf(dir, sizeof(dir), "/tmp/log_writer.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/log", dir);
	snprintf(moved, sizeof(moved), "%s/log.1", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(file);
	unlink(moved);
	rmdir(dir);
	alarm(0);
	return 0;
}

static void
open_file(struct log_writer *w)
{
	struct err err;

	assert_true(log_writer_open(w, file, STYLE, &err));
}

/* As log_writer_open does it where there is a daemon. */
static void
open_syslog(struct log_writer *w)
{
	w->target = (struct log_target){ .kind = LOG_TARGET_SYSLOG, .fd = -1 };
	w->style.priority = true;
}

static void
write_line(struct log_writer *w, const char *text)
{
	log_writer_write(w, text, strlen(text), 1);
}

static const char *
read_file(const char *path)
{
	static char text[MAX_TEXT];
	FILE *f = fopen(path, "re");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static unsigned
count(const char *text, const char *what)
{
	unsigned n = 0;

	while ((text = strstr(text, what)) != NULL) {
		text++;
		n++;
	}
	return n;
}

static void
lines_are_written_with_and_without_a_thread(void **state)
{
	struct log_writer w = LOG_WRITER_INIT;

	(void)state;
	open_file(&w);
	write_line(&w, "before\n");
	assert_string_equal(read_file(file), "before\n");
	assert_true(log_writer_start(&w));
	write_line(&w, "one\n");
	write_line(&w, "two\n");
	log_writer_stop(&w);
	write_line(&w, "after\n");
	log_writer_stop(&w);
	assert_string_equal(read_file(file), "before\none\ntwo\nafter\n");
	log_target_close(&w.target);
}

#define WRITERS 4
#define LINES   2000

struct writer {
	struct log_writer *w;
	int id;
	pthread_t thread;
};

static void *
writer_main(void *arg)
{
	const struct writer *me = arg;
	char line[32];

	for (int i = 0; i < LINES; i++) {
		snprintf(line, sizeof(line), "writer=%d i=%d\n", me->id, i);
		write_line(me->w, line);
	}
	return NULL;
}

/* Whole, in order, all of them: the queue is longer than they are. */
static void
lines_of_threads_stay_whole(void **state)
{
	struct log_writer w = LOG_WRITER_INIT;
	struct writer writers[WRITERS];
	int next[WRITERS] = { 0 }, id, i, n = 0;
	const char *line;

	(void)state;
	open_file(&w);
	assert_true(log_writer_start(&w));
	for (i = 0; i < WRITERS; i++) {
		writers[i].w = &w;
		writers[i].id = i;
		assert_int_equal(pthread_create(&writers[i].thread, NULL,
				     writer_main, &writers[i]),
		    0);
	}
	for (i = 0; i < WRITERS; i++)
		pthread_join(writers[i].thread, NULL);
	log_writer_stop(&w);
	for (line = read_file(file); *line != '\0';
	     line = strchr(line, '\n') + 1) {
		assert_int_equal(sscanf(line, "writer=%d i=%d\n", &id, &i), 2);
		assert_in_range(id, 0, WRITERS - 1);
		assert_int_equal(i, next[id]++);
		n++;
	}
	assert_int_equal(n, WRITERS * LINES);
	log_target_close(&w.target);
}

/* Wait until the thread has the first line, so that the queue is empty. */
static void
daemon_wait_held(void)
{
	pthread_mutex_lock(&daemon_.mtx);
	while (!daemon_.held)
		pthread_cond_wait(&daemon_.change, &daemon_.mtx);
	pthread_mutex_unlock(&daemon_.mtx);
}

static void
daemon_set_still(bool still)
{
	pthread_mutex_lock(&daemon_.mtx);
	daemon_.still = still;
	pthread_cond_broadcast(&daemon_.change);
	pthread_mutex_unlock(&daemon_.mtx);
}

static void
a_line_reaches_syslog_with_its_priority(void **state)
{
	struct log_writer w = LOG_WRITER_INIT;

	(void)state;
	open_syslog(&w);
	assert_true(log_writer_start(&w));
	write_line(&w, "<6>event=a percent=\"100 %s\"\n<3>event=b\n");
	log_writer_stop(&w);
	assert_string_equal(
	    daemon_.text, "event=a percent=\"100 %s\"\nevent=b\n");
	assert_int_equal(daemon_.priority, LOG_ERR);
}

/* Nobody waits; what the queue has no room for is told in the end. */
static void
a_daemon_that_stands_still_holds_nobody_up(void **state)
{
	static char line[1025];
	struct log_writer w = LOG_WRITER_INIT;
	unsigned written = LOG_QUEUE_MAX / 1024 + 100;
	char told[64];

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	memcpy(line, "<6>line", 7);
	line[sizeof(line) - 2] = '\n';
	open_syslog(&w);
	daemon_set_still(true);
	assert_true(log_writer_start(&w));
	write_line(&w, "<6>event=first\n");
	daemon_wait_held();
	for (unsigned i = 0; i < written; i++)
		write_line(&w, line);
	daemon_set_still(false);
	log_writer_stop(&w);
	assert_int_equal(count(daemon_.text, "linex"), written - 100);
	snprintf(
	    told, sizeof(told), "level=warn event=log_dropped lines=100\n");
	assert_int_equal(count(daemon_.text, told), 1);
}

/* The end is not put off for long. */
static void
a_daemon_that_stands_still_is_given_up(void **state)
{
	static struct log_writer w = LOG_WRITER_INIT;

	(void)state;
	open_syslog(&w);
	daemon_set_still(true);
	assert_true(log_writer_start(&w));
	write_line(&w, "<6>event=first\n");
	daemon_wait_held();
	log_writer_stop(&w);
	assert_true(w.running);
	write_line(&w, "<6>event=last\n");
	daemon_set_still(false);
	log_writer_stop(&w);
	assert_false(w.running);
	assert_string_equal(daemon_.text, "event=first\nevent=last\n");
}

/* Until a file has a text in it. */
static void
wait_for(const char *path, const char *text)
{
	while (
	    access(path, F_OK) == -1 || strstr(read_file(path), text) == NULL)
		usleep(1000);
}

static void
a_file_that_was_moved_is_opened_anew(void **state)
{
	struct log_writer w = LOG_WRITER_INIT;
	struct err err;

	(void)state;
	assert_true(log_writer_open(&w, file, LOG_FORMAT_JSON, &err));
	assert_true(log_writer_start(&w));
	write_line(&w, "one\n");
	wait_for(file, "one\n");
	assert_int_equal(rename(file, moved), 0);
	log_writer_reopen(&w);
	wait_for(file, "\"level\":\"notice\",\"event\":\"log_reopened\"");
	write_line(&w, "two\n");
	log_writer_stop(&w);
	assert_string_equal(read_file(moved), "one\n");
	assert_int_equal(count(read_file(file), "\n"), 2);
	assert_int_equal(count(read_file(file), "two\n"), 1);
	log_target_close(&w.target);
}

static void
without_a_new_file_the_old_one_stays_and_says_so(void **state)
{
	struct log_writer w = LOG_WRITER_INIT;

	(void)state;
	open_file(&w);
	assert_true(log_writer_start(&w));
	assert_int_equal(rename(file, moved), 0);
	assert_int_equal(mkdir(file, 0700), 0);
	log_writer_reopen(&w);
	wait_for(moved, "level=error event=log_not_reopened target=");
	write_line(&w, "one\n");
	log_writer_stop(&w);
	assert_int_equal(count(read_file(moved), "one\n"), 1);
	assert_int_equal(rmdir(file), 0);
	log_target_close(&w.target);
}

/* From a device that is full to a file, without waiting for anything. */
static void
a_full_disk_is_told_when_there_is_room(void **state)
{
	struct log_writer w = LOG_WRITER_INIT;
	struct err err;
	int fd;

	(void)state;
	assert_true(log_writer_open(&w, "/dev/full", STYLE, &err));
	write_line(&w, "one\n");
	write_line(&w, "two\n");
	assert_int_equal(w.dropped, 2);
	assert_true((fd = open(file, O_WRONLY | O_CREAT, 0600)) >= 0);
	assert_true(dup2(fd, w.target.fd) >= 0);
	close(fd);
	assert_true(log_writer_start(&w));
	write_line(&w, "three\n");
	log_writer_stop(&w);
	assert_int_equal(w.dropped, 0);
	assert_int_equal(strncmp(read_file(file), "three\n", 6), 0);
	assert_int_equal(
	    count(read_file(file), "level=warn event=log_dropped lines=2\n"),
	    1);
	log_target_close(&w.target);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_are_written_with_and_without_a_thread),
		TEST(lines_of_threads_stay_whole),
		TEST(a_line_reaches_syslog_with_its_priority),
		TEST(a_daemon_that_stands_still_holds_nobody_up),
		TEST(a_daemon_that_stands_still_is_given_up),
		TEST(a_file_that_was_moved_is_opened_anew),
		TEST(without_a_new_file_the_old_one_stays_and_says_so),
		TEST(a_full_disk_is_told_when_there_is_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
