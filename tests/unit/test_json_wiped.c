/* The texts of a document are overwritten with it. */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wiped.h"

static void
texts_end_with_their_document(void **state)
{
	static const char *const documents[] = {
		"{\"message\":\"Bonjour\"}",
		"{\"a\":{\"b\":[1,null,true,{\"c\":\"Bonjour\"}]}}",
	};
	struct json *doc;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(
		    json_parse(documents[i], strlen(documents[i]), &doc),
		    RC_OK);
		wiped_forget();
		json_free(doc);
		assert_string_equal(wiped_last()->text, "Bonjour");
		assert_int_equal(wiped_last()->len, 7);
	}
}

/* json-c's own buffer has the last text; it is as large as the document. */
static void
the_reader_keeps_nothing(void **state)
{
	static const char document[] =
	    "{\"message\":\"Bonjour, que dit-on des smartphones ?\"}";
	struct json *doc;

	(void)state;
	wiped_forget();
	assert_int_equal(
	    json_parse(document, sizeof(document) - 1, &doc), RC_OK);
	assert_true(wiped_last()->len >= sizeof(document) - 1);
	json_free(doc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_end_with_their_document),
		cmocka_unit_test(the_reader_keeps_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
