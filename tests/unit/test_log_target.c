#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/log_target.h"

#define MAX_TEXT 4096
#define LIMIT    20 /* bytes of a file on a full disk */

struct place {
	char dir[32];
	char file[64];
	char moved[64];
	mode_t mask;
};

static int
setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	strncpy(place->dir, "/tmp/log_target.XXXXXX", sizeof(place->dir) - 1);
	assert_non_null(mkdtemp(place->dir));
	snprintf(place->file, sizeof(place->file), "%s/log", place->dir);
	snprintf(place->moved, sizeof(place->moved), "%s/log.1", place->dir);
	place->mask = umask(S_IRWXG | S_IRWXO);
	*state = place;
	return 0;
}

static int
teardown(void **state)
{
	struct place *place = *state;

	umask(place->mask);
	unlink(place->file);
	unlink(place->moved);
	rmdir(place->dir);
	free(place);
	return 0;
}

static void
open_target(struct log_target *t, const char *name)
{
	struct err err = { "" };

	assert_true(log_target_open(t, name, &err));
	assert_string_equal(err.text, "");
}

static unsigned
put(struct log_target *t, const char *text)
{
	return log_target_put(t, text, strlen(text));
}

static void
check_file(const char *path, const char *expected)
{
	char text[MAX_TEXT];
	FILE *f = fopen(path, "re");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	assert_string_equal(text, expected);
}

static void
a_target_is_a_word_or_a_path_from_the_root(void **state)
{
	char path[8192];

	(void)state;
	assert_true(log_target_valid("stderr"));
	assert_true(log_target_valid("syslog"));
	assert_true(log_target_valid("/var/log/x"));
	assert_false(log_target_valid(""));
	assert_false(log_target_valid("stdout"));
	assert_false(log_target_valid("log/x"));
	memset(path, '/', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_false(log_target_valid(path));
}

static void
a_file_is_made_for_owner_and_group(void **state)
{
	const struct place *place = *state;
	struct log_target t;
	struct stat st;

	open_target(&t, place->file);
	assert_int_equal(put(&t, "one\n"), 0);
	log_target_close(&t);
	assert_int_equal(stat(place->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	check_file(place->file, "one\n");
}

static void
a_file_that_exists_is_continued_as_it_is(void **state)
{
	const struct place *place = *state;
	struct log_target t;
	struct stat st;

	open_target(&t, place->file);
	assert_int_equal(put(&t, "one\n"), 0);
	log_target_close(&t);
	assert_int_equal(chmod(place->file, 0600), 0);
	open_target(&t, place->file);
	assert_int_equal(put(&t, "two\nthree\n"), 0);
	log_target_close(&t);
	check_file(place->file, "one\ntwo\nthree\n");
	assert_int_equal(stat(place->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void
a_check_makes_nothing(void **state)
{
	const struct place *place = *state;
	struct err err = { "" };
	char path[128];

	assert_true(log_target_check(place->file, &err));
	assert_int_equal(access(place->file, F_OK), -1);
	snprintf(path, sizeof(path), "%s/none/log", place->dir);
	assert_false(log_target_check(path, &err));
	assert_non_null(strstr(err.text, path));
	assert_non_null(strstr(err.text, strerror(ENOENT)));
	assert_false(log_target_check(place->dir, &err));
	assert_non_null(strstr(err.text, strerror(EISDIR)));
	assert_true(log_target_check("stderr", &err));
	assert_int_equal(
	    log_target_check("syslog", &err), access("/dev/log", F_OK) == 0);
}

static void
what_cannot_be_opened_is_told(void **state)
{
	const struct place *place = *state;
	struct log_target t;
	struct err err = { "" };

	assert_false(log_target_open(&t, place->dir, &err));
	assert_non_null(strstr(err.text, "log_target: "));
	assert_non_null(strstr(err.text, strerror(EISDIR)));
	assert_int_equal(t.kind, LOG_TARGET_STDERR);
	assert_int_equal(t.fd, STDERR_FILENO);
}

static void
a_file_that_was_moved_is_opened_anew(void **state)
{
	const struct place *place = *state;
	struct log_target t;

	open_target(&t, place->file);
	assert_int_equal(put(&t, "one\n"), 0);
	assert_int_equal(rename(place->file, place->moved), 0);
	assert_int_equal(put(&t, "two\n"), 0);
	assert_true(log_target_reopen(&t));
	assert_int_equal(put(&t, "three\n"), 0);
	log_target_close(&t);
	check_file(place->moved, "one\ntwo\n");
	check_file(place->file, "three\n");
}

static void
without_a_new_file_the_old_one_stays(void **state)
{
	const struct place *place = *state;
	struct log_target t;

	open_target(&t, place->file);
	assert_int_equal(rename(place->file, place->moved), 0);
	assert_int_equal(mkdir(place->file, 0700), 0);
	assert_false(log_target_reopen(&t));
	assert_int_equal(errno, EISDIR);
	assert_int_equal(put(&t, "one\n"), 0);
	log_target_close(&t);
	check_file(place->moved, "one\n");
	assert_int_equal(rmdir(place->file), 0);
}

/* A file may grow to a size, as on a disk that has so much left. */
static void
leave_room(rlim_t size)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size == 0 ? limit.rlim_max : size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
a_full_disk_loses_lines_and_tells_how_many(void **state)
{
	const struct place *place = *state;
	struct log_target t;
	void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
	unsigned lost;

	open_target(&t, place->file);
	leave_room(LIMIT);
	lost = put(&t, "line 1\nline 2\nline 3\nline 4\n");
	lost += put(&t, "line 5\n");
	leave_room(0);
	signal(SIGXFSZ, before);
	assert_int_equal(put(&t, "line 6\n"), 0);
	assert_int_equal(put(&t, "line 7\n"), 0);
	log_target_close(&t);
	assert_int_equal(lost, 3);
	check_file(place->file, "line 1\nline 2\nline 3\nline 6\nline 7\n");
}

static void
a_device_that_is_full_takes_nothing(void **state)
{
	struct log_target t;

	(void)state;
	open_target(&t, "/dev/full");
	assert_int_equal(put(&t, "one\ntwo\n"), 2);
	assert_true(log_target_reopen(&t));
	assert_int_equal(put(&t, "three\n"), 1);
	log_target_close(&t);
}

/* Nobody reads: to open it does not block, nor to write. */
static void
a_pipe_without_reader_does_not_block(void **state)
{
	const struct place *place = *state;
	static char block[64 * 1024 + 1];
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);
	struct err err = { "" };
	struct log_target t;
	int fd;

	assert_int_equal(mkfifo(place->file, 0600), 0);
	assert_false(log_target_open(&t, place->file, &err));
	assert_true((fd = open(place->file, O_RDONLY | O_NONBLOCK)) >= 0);
	open_target(&t, place->file);
	memset(block, '\n', sizeof(block));
	assert_int_equal(log_target_put(&t, block, sizeof(block)), 1);
	close(fd);
	assert_int_equal(put(&t, "one\n"), 1);
	log_target_close(&t);
	signal(SIGPIPE, before);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_target_is_a_word_or_a_path_from_the_root),
		TEST(a_file_is_made_for_owner_and_group),
		TEST(a_file_that_exists_is_continued_as_it_is),
		TEST(a_check_makes_nothing),
		TEST(what_cannot_be_opened_is_told),
		TEST(a_file_that_was_moved_is_opened_anew),
		TEST(without_a_new_file_the_old_one_stays),
		TEST(a_full_disk_loses_lines_and_tells_how_many),
		TEST(a_device_that_is_full_takes_nothing),
		TEST(a_pipe_without_reader_does_not_block),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
