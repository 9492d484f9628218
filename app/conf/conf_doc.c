/* What is printed of the table, so that no document is written by hand. */
#include "conf/conf_doc.h"

#include <string.h>

#include "conf/conf_table.h"

#define COLUMNS 80

/* The same for a document, where the default shows what kind it is. */
static void
range(char out[CONF_ALLOWED_SIZE], const struct conf_setting *st)
{
	if (st->min == NULL)
		conf_allowed(out, st);
	else
		snprintf(out, CONF_ALLOWED_SIZE, "%s to %s", st->min, st->max);
}

static const char *
shown(const char *def)
{
	return *def == '\0' ? "none" : def;
}

static void
print_wrapped(FILE *f, const char *indent, const char *text)
{
	size_t column = COLUMNS, n;

	while (*text != '\0') {
		n = strcspn(text, " ");
		if (column + 1 + n > COLUMNS) {
			fprintf(f, "\n%s", indent);
			column = strlen(indent);
		} else {
			fputc(' ', f);
			column++;
		}
		column += fwrite(text, 1, n, f);
		text += n + (text[n] == ' ');
	}
}

void
conf_help(FILE *f)
{
	char allowed[CONF_ALLOWED_SIZE];
	const struct conf_setting *st;
	size_t i;

	fputs(
	    "Usage: " CONF_USAGE "\n"
	    "       causerie [-f FILE] [-s KEY=VALUE]... --owner-status | "
	    "--owner-stop\n"
	    "       causerie [-f FILE] [-s KEY=VALUE]... --index IN OUT\n\n"
	    "  -f FILE       read settings from a file of \"key = value\" "
	    "lines\n"
	    "  -s KEY=VALUE  set one setting\n"
	    "  -l LISTEN     listen there, the same as -s listen=LISTEN\n"
	    "  -t            check the settings and the files they name, "
	    "then exit\n"
	    "  -V            print the version\n"
	    "  -h            print this\n"
	    "  --owner-status  print who owns the sessions of owner_dir\n"
	    "  --owner-stop    stop that owner cleanly\n"
	    "  --index IN OUT  make an index file from articles in JSON "
	    "Lines\n\n"
	    "A value comes from the command line, else from the environment\n"
	    "(CAUSERIE_THREADS for threads), else from the file, else it is "
	    "the default.\n"
	    "Sizes are in bytes, or with the suffix K, M or G.\n\nSettings:\n",
	    f);
	for (i = 0; i < conf_settings_count; i++) {
		st = &conf_settings[i];
		range(allowed, st);
		fprintf(f, "\n  %s (default: %s)", st->key, shown(st->def));
		print_wrapped(f, "      ", allowed);
		print_wrapped(f, "      ", st->meaning);
		fputc('\n', f);
	}
}

void
conf_markdown(FILE *f)
{
	char allowed[CONF_ALLOWED_SIZE];
	const struct conf_setting *st;
	size_t i;

	fputs("| key | default | range | meaning |\n|---|---|---|---|\n", f);
	for (i = 0; i < conf_settings_count; i++) {
		st = &conf_settings[i];
		range(allowed, st);
		fprintf(f, "| `%s` | %s | %s | %s |\n", st->key, shown(st->def),
		    allowed, st->meaning);
	}
}

/* roff: a minus sign that can be copied, and no escapes of the text's own. */
static void
print_roff(FILE *f, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '-')
			fputs("\\-", f);
		else if (*text == '\\')
			fputs("\\e", f);
		else
			fputc(*text, f);
	}
}

void
conf_man(FILE *f)
{
	char allowed[CONF_ALLOWED_SIZE];
	const struct conf_setting *st;
	size_t i;

	for (i = 0; i < conf_settings_count; i++) {
		st = &conf_settings[i];
		range(allowed, st);
		fprintf(f, ".TP\n.B %s\n", st->key);
		print_roff(f, st->meaning);
		fprintf(f, ".\nDefault: %s; ", shown(st->def));
		print_roff(f, allowed);
		fputs(".\n", f);
	}
}
