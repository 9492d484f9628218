/* The documents: that they are whole, and in their form. */
#include "conf/conf_doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/conf_table.h"

static char *
printed(void (*print)(FILE *))
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	print(f);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void
documents_name_every_setting(void **state)
{
	static void (*const print[])(
	    FILE *) = { conf_help, conf_markdown, conf_man };
	char *text;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(print) / sizeof(print[0]); i++) {
		text = printed(print[i]);
		for (k = 0; k < conf_settings_count; k++)
			if (strstr(text, conf_settings[k].key) == NULL)
				fail_msg("%zu: %s", i, conf_settings[k].key);
		free(text);
	}
}

static void
help_fits_into_80_columns(void **state)
{
	char *text = printed(conf_help), *line, *rest = text;

	(void)state;
	while ((line = strsep(&rest, "\n")) != NULL)
		if (strlen(line) > 80)
			fail_msg("%s", line);
	free(text);
}

static void
markdown_rows_have_four_cells(void **state)
{
	char *text = printed(conf_markdown), *line, *rest = text, *s;
	int bars;

	(void)state;
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		for (bars = 0, s = line; (s = strchr(s, '|')) != NULL; s++)
			bars++;
		assert_int_equal(bars, 5);
	}
	free(text);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_name_every_setting),
		cmocka_unit_test(help_fits_into_80_columns),
		cmocka_unit_test(markdown_rows_have_four_cells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
