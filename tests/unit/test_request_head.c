/* What requests begin with: the same for a minute, then with the new time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "chat/model/request_head.h"

#define MINUTE INT64_C(60000)
#define TEN    (INT64_C(1764151200000)) /* 2025-11-26T10:00:00Z */

static const struct request_head_conf conf = {
	.model = "m",
	.temperature = 0.5,
	.system = "Il est \"{time}\".",
};

static void
assert_time(struct request_head *head, int64_t wall_ms, const char *time)
{
	const struct buf *text = request_head_at(head, &conf, 0, wall_ms);
	char expected[256];

	assert_false(text->failed);
	snprintf(expected, sizeof(expected),
	    "{\"model\":\"m\",\"temperature\":0.50,\"stream\":true,"
	    "\"messages\":[{\"role\":\"system\","
	    "\"content\":\"Il est \\\"%s\\\".\"}",
	    time);
	assert_int_equal(text->len, strlen(expected));
	assert_memory_equal(text->data, expected, text->len);
}

static void
the_time_is_of_the_minute(void **state)
{
	struct request_head head;

	(void)state;
	request_head_init(&head);
	assert_time(&head, TEN, "10 h 00");
	assert_time(&head, TEN + MINUTE - 1, "10 h 00");
	assert_time(&head, TEN + MINUTE, "10 h 01");
	assert_time(&head, TEN, "10 h 00"); /* the clock was set back */
	assert_time(&head, TEN + 86400000 - MINUTE, "9 h 59");
	request_head_free(&head);
}

static void
it_is_written_once_a_minute(void **state)
{
	struct request_head head;
	const struct buf *text;

	(void)state;
	request_head_init(&head);
	text = request_head_at(&head, &conf, 0, TEN);
	text->data[2] = 'X';
	assert_int_equal(
	    request_head_at(&head, &conf, 0, TEN + 9)->data[2], 'X');
	assert_time(&head, TEN + MINUTE, "10 h 01");
	request_head_free(&head);
}

static void
what_failed_is_tried_again(void **state)
{
	struct request_head head;

	(void)state;
	request_head_init(&head);
	head.text.max = 10;
	assert_true(request_head_at(&head, &conf, 0, TEN)->failed);
	head.text.max = 1000;
	assert_time(&head, TEN, "10 h 00");
	request_head_free(&head);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_time_is_of_the_minute),
		cmocka_unit_test(it_is_written_once_a_minute),
		cmocka_unit_test(what_failed_is_tried_again),
	};

	setenv("TZ", "UTC0", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
