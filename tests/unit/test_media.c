/* Bodies that can be read, and what is said of the others. */
#include "http/media.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define J        "application/json"
#define LONG     "x23456789_123456789_123456789_123456789"

static void
test_media(void **state)
{
	static const struct {
		const char *type, *coding;
		enum rc rc;
		const char *named;
	} rows[] = {
		{ J, "", RC_OK, "" },
		{ "Application/JSON", "", RC_OK, "" },
		{ J ";charset=utf-8", "", RC_OK, "" },
		{ J "; charset=UTF8", "", RC_OK, "" },
		{ J " ; Charset=\"Utf-8\"", "", RC_OK, "" },
		{ J ";charset=US-ASCII", "", RC_OK, "" },
		{ J ";charset=utf-8;charset=utf8", "", RC_OK, "" },
		{ J ";;; x; =; y=z; charset=utf8;", "", RC_OK, "" },
		{ J ";x=\"a;charset=latin1\";charset=utf8", "", RC_OK, "" },
		{ J ";x=\"\\\";charset=latin1\"", "", RC_OK, "" },
		{ J, "identity", RC_OK, "" },
		{ J, "Identity", RC_OK, "" },
		/* other types */
		{ "", "", RC_MEDIA, "" },
		{ "text/plain", "", RC_MEDIA, "" },
		{ J "x", "", RC_MEDIA, "" },
		{ J ", text/plain", "", RC_MEDIA, "" },
		{ "text/json;charset=latin1", "", RC_MEDIA, "" },
		/* other characters */
		{ J ";charset=iso-8859-1", "", RC_CHARSET, "iso-8859-1" },
		{ J ";charset=\"UTF-16\"", "", RC_CHARSET, "UTF-16" },
		{ J ";charset=utf-8;charset=latin1", "", RC_CHARSET, "latin1" },
		{ J ";charset=utf-88", "", RC_CHARSET, "utf-88" },
		{ J ";charset=utf", "", RC_CHARSET, "utf" },
		{ J ";charset=", "", RC_CHARSET, "" },
		{ J ";charset=\"", "", RC_CHARSET, "" },
		{ J ";charset=\"\"", "", RC_CHARSET, "" },
		{ J ";charset=\"utf 8\"", "", RC_CHARSET, "" },
		{ J ";charset=caf\303\251", "", RC_CHARSET, "" },
		{ J ";charset=" LONG, "", RC_CHARSET, LONG },
		{ J ";charset=" LONG "x", "", RC_CHARSET, "" },
		/* other codings */
		{ J, "gzip", RC_ENCODING, "gzip" },
		{ J, "br", RC_ENCODING, "br" },
		{ "text/plain", "gzip", RC_ENCODING, "gzip" },
		{ J, "gzip, identity", RC_ENCODING, "" },
		{ J, "identityx", RC_ENCODING, "identityx" },
		{ J, LONG LONG, RC_ENCODING, "" },
	};
	char named[MEDIA_NAMED_SIZE];
	struct cgi cgi = { .body = "" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		print_message("# %s %s\n", rows[i].type, rows[i].coding);
		cgi.var[CGI_CONTENT_TYPE] = rows[i].type;
		cgi.var[CGI_CONTENT_ENCODING] = rows[i].coding;
		assert_int_equal(media_check(&cgi, named), rows[i].rc);
		assert_string_equal(named, rows[i].named);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_media),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
