/* What a client would rather have. */
#include "http/accept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
test_language(void **state)
{
	static const struct {
		const char *header;
		enum lang lang;
	} cases[] = {
		{ "", LANG_FR },
		{ "fr", LANG_FR },
		{ "en", LANG_EN },
		{ "EN-gb", LANG_EN },
		{ "eng", LANG_FR },
		{ "de", LANG_FR },
		{ "*", LANG_FR },
		{ "de, en;q=0.1", LANG_EN },
		{ "fr, en", LANG_FR },
		{ "en, fr", LANG_FR },
		{ "en-US,en;q=0.9,fr;q=0.8", LANG_EN },
		{ "fr-FR,fr;q=0.9,en;q=0.8", LANG_FR },
		{ "en;q=0.8,fr;q=0.801", LANG_FR },
		{ "fr;q=0.8,en;q=0.801", LANG_EN },
		{ "fr;q=0.8 , en ; q=0.9", LANG_EN },
		{ "en;q=0", LANG_FR },
		{ "en;q=0.0, de", LANG_FR },
		{ "fr;q=0, *", LANG_EN },
		{ "en;q=0, *", LANG_FR },
		{ "fr;q=0.5, *;q=0.6", LANG_EN },
		{ "en;Q=0.4, fr;q=0.3", LANG_EN },
		{ "en;q=x, fr;q=0.001", LANG_FR },
		{ "en;q=1.9, fr;q=1", LANG_FR },
		{ "en;q=", LANG_FR },
		{ "en;level=1;q=0.2, fr;q=0.3", LANG_FR },
		{ ",, ,en,", LANG_EN },
		{ ";;;,q=,;", LANG_FR },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		print_message("# %s\n", cases[i].header);
		assert_int_equal(
		    accept_language(cases[i].header), cases[i].lang);
	}
}

static void
test_events(void **state)
{
	static const struct {
		const char *header;
		bool wants;
	} cases[] = {
		{ "", false },
		{ "*/*", false },
		{ "text/*", false },
		{ "application/json", false },
		{ "text/event-stream", true },
		{ "Text/Event-Stream", true },
		{ "text/event-streams", false },
		{ "text/event-stream;charset=utf-8", true },
		{ "text/event-stream;q=0", false },
		{ "text/event-stream; q=0.000, */*", false },
		{ "text/event-stream;q=0.001", true },
		/* beside JSON, in any order */
		{ "application/json, text/event-stream", false },
		{ "text/event-stream, application/json", false },
		{ "text/event-stream, Application/JSON; q=1.0", false },
		{ "application/json, text/event-stream;q=0.5", false },
		{ "text/event-stream;q=0.5, application/json", false },
		{ "application/json;q=0.9, text/event-stream", true },
		{ "text/event-stream, application/json;q=0.999", true },
		{ "application/json;q=0, text/event-stream;q=0.1", true },
		{ "text/event-stream;q=0.5, application/json;q=0.5", false },
		/* beside ranges */
		{ "text/event-stream, */*", true },
		{ "*/*, text/event-stream", true },
		{ "text/event-stream;q=0.5, */*", false },
		{ "text/event-stream, */*;q=0.8", true },
		{ "text/event-stream, application/*", false },
		{ "text/event-stream, application/*;q=0.2, */*", true },
		{ "text/event-stream, application/json;q=0.2, */*", true },
		{ "text/*;q=0.1, text/event-stream;q=0.4, */*;q=0.3", true },
		{ "text/event-stream;q=0.4, text/event-stream;q=0.9, "
		  "application/json;q=0.6",
		    true },
		{ "text/html, application/xml;q=0.9, */*;q=0.8", false },
		{ ",, ,text/event-stream,", true },
		{ "/, */, /*, text/, text/event-stream/", false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		print_message("# %s\n", cases[i].header);
		assert_int_equal(
		    accept_events(cases[i].header), cases[i].wants);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_language),
		cmocka_unit_test(test_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
