#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/rc.h"
#include "base/text.h"

static void
rows_are_told_apart(void **state)
{
	static const struct {
		enum rc rc;
		int status;
		const char *code;
	} rows[] = {
		{ RC_JSON, 400, "invalid_json" },
		{ RC_NOSESSION, 404, "session_not_found" },
		{ RC_METHOD, 405, "method_not_allowed" },
		{ RC_DELETED, 410, "session_deleted" },
		{ RC_FIELD, 422, "invalid_field" },
		{ RC_CAPACITY, 503, "session_capacity" },
		{ RC_ANSWER_SIZE, 200, "answer_too_long" },
		{ RC_LENGTH, 200, "length" },
		{ RC_FILTER, 200, "content_filter" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(rc_status(rows[i].rc), rows[i].status);
		assert_string_equal(rc_code(rows[i].rc), rows[i].code);
	}
	assert_int_equal(rc_status(RC_OK), 200);
	assert_null(rc_code(RC_OK));
}

static void
texts_are_in_the_language_asked_for(void **state)
{
	(void)state;
	assert_string_equal(
	    rc_text(RC_NOSESSION, LANG_FR), "Session non trouvée ou expirée");
	assert_string_equal(
	    rc_text(RC_NOSESSION, LANG_EN), "Session not found or expired");
}

static void
every_row_is_complete(void **state)
{
	const char *text;
	size_t len;

	(void)state;
	for (int rc = 0; rc < RC_COUNT; rc++) {
		assert_in_range(rc_status((enum rc)rc), 200, 599);
		if (rc != RC_OK)
			assert_non_null(rc_code((enum rc)rc));
		for (int lang = LANG_FR; lang <= LANG_EN; lang++) {
			text = rc_text((enum rc)rc, (enum lang)lang);
			len = strlen(text);
			assert_true(len > 0 && text[len - 1] != '.');
			assert_true(text_is_utf8(text, len));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_told_apart),
		cmocka_unit_test(texts_are_in_the_language_asked_for),
		cmocka_unit_test(every_row_is_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
