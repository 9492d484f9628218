/*
 * Where settings come from: defaults, the file, the environment and the
 * command line, applied in this order, so that the last one wins and all of
 * them are checked.
 */
#include "conf/conf.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf_doc.h"
#include "conf/conf_table.h"

#define PREFIX      "CAUSERIE_"
#define MAX_LINE    4096 /* bytes of a line, its end not counted */
#define MAX_NAME    64   /* bytes of a key */
#define KEY_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789_"
#define BLANKS      " \t\r\v\f"
#define OPTIONS     "+:f:s:l:tVh"

/* Their values are the actions, behind all characters. */
#define LONG_OPTION 256
static const struct option long_options[] = {
	{ "owner-status", no_argument, NULL, LONG_OPTION + CONF_OWNER_STATUS },
	{ "owner-stop", no_argument, NULL, LONG_OPTION + CONF_OWNER_STOP },
	{ NULL, 0, NULL, 0 },
};

struct loader {
	struct conf *cf;
	char *err;
	size_t errsize;
};

static bool refuse(struct loader *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

static bool
refuse(struct loader *ld, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(ld->err, ld->errsize, fmt, ap);
	va_end(ap);
	return false;
}

/* No value is shown: it may be a secret. */
static bool
apply(struct loader *ld, const char *where, const struct conf_setting *st,
    const char *value)
{
	char allowed[CONF_ALLOWED_SIZE];

	switch (conf_set(ld->cf, st, value)) {
	case CONF_SET:
		return true;
	case CONF_NOMEM:
		return refuse(ld, "out of memory");
	default:
		conf_allowed(allowed, st);
		return refuse(
		    ld, "%s: %s: must be %s", where, st->key, allowed);
	}
}

static bool
apply_defaults(struct loader *ld)
{
	size_t i;

	for (i = 0; i < conf_settings_count; i++)
		if (!apply(
			ld, "default", &conf_settings[i], conf_settings[i].def))
			return false;
	return true;
}

static char *
trim(char *s)
{
	size_t n;

	s += strspn(s, BLANKS);
	for (n = strlen(s); n > 0 && strchr(BLANKS, s[n - 1]) != NULL; n--)
		;
	s[n] = '\0';
	return s;
}

/* Split "key = value" in place. */
static const struct conf_setting *
split(struct loader *ld, const char *where, char *line, char **value)
{
	const struct conf_setting *st;
	char *key, *equals;

	if ((equals = strchr(line, '=')) == NULL) {
		refuse(ld, "%s: not of the form key = value", where);
		return NULL;
	}
	*equals = '\0';
	*value = trim(equals + 1);
	key = trim(line);
	if (*key == '\0' || key[strspn(key, KEY_LETTERS)] != '\0' ||
	    strlen(key) > MAX_NAME) {
		refuse(ld, "%s: not of the form key = value", where);
		return NULL;
	}
	if ((st = conf_find(key)) == NULL)
		refuse(ld, "%s: %s: there is no such setting", where, key);
	return st;
}

enum line { LINE_READ, LINE_LAST, LINE_NUL, LINE_LONG, LINE_ERROR };

static enum line
read_line(FILE *f, char line[MAX_LINE + 1])
{
	size_t n = 0;
	int c;

	while ((c = getc(f)) != EOF && c != '\n') {
		if (c == '\0')
			return LINE_NUL;
		if (n == MAX_LINE)
			return LINE_LONG;
		line[n++] = (char)c;
	}
	line[n] = '\0';
	if (ferror(f))
		return LINE_ERROR;
	return c == EOF ? LINE_LAST : LINE_READ;
}

/* line_of: where in this file each setting stands, 0 for nowhere. */
static bool
apply_line(struct loader *ld, const char *where, char *line, unsigned number,
    unsigned *line_of)
{
	const struct conf_setting *st;
	char *value, *text = trim(line);
	unsigned *seen;

	if (*text == '\0' || *text == '#')
		return true;
	if ((st = split(ld, where, text, &value)) == NULL)
		return false;
	seen = &line_of[st - conf_settings];
	if (*seen != 0)
		return refuse(ld, "%s: %s: already set on line %u", where,
		    st->key, *seen);
	*seen = number;
	return apply(ld, where, st, value);
}

static bool
apply_lines(struct loader *ld, const char *path, FILE *f)
{
	char line[MAX_LINE + 1], where[MAX_LINE];
	unsigned line_of[CONF_MAX_SETTINGS] = { 0 }, number;
	enum line got = LINE_READ;

	for (number = 1; got != LINE_LAST; number++) {
		snprintf(where, sizeof(where), "%s:%u", path, number);
		got = read_line(f, line);
		if (got == LINE_NUL)
			return refuse(ld, "%s: a NUL byte", where);
		if (got == LINE_LONG)
			return refuse(
			    ld, "%s: longer than %d bytes", where, MAX_LINE);
		if (got == LINE_ERROR)
			return refuse(ld, "%s: cannot be read: %s", where,
			    strerror(errno));
		if (!apply_line(ld, where, line, number, line_of))
			return false;
	}
	return true;
}

static bool
apply_file(struct loader *ld, const char *path)
{
	FILE *f;
	bool ok;

	if (path == NULL)
		return true;
	if ((f = fopen(path, "re")) == NULL)
		return refuse(
		    ld, "%s: cannot be read: %s", path, strerror(errno));
	ok = apply_lines(ld, path, f);
	fclose(f);
	return ok;
}

/* The row of CAUSERIE_KEY; name has len bytes. */
static const struct conf_setting *
find_variable(const char *name, size_t len)
{
	const char *key;
	size_t i, n, skip = strlen(PREFIX);

	for (i = 0; i < conf_settings_count; i++) {
		key = conf_settings[i].key;
		if (strlen(key) != len - skip)
			continue;
		for (n = 0; key[n] != '\0'; n++)
			if (toupper((unsigned char)key[n]) != name[skip + n])
				break;
		if (key[n] == '\0')
			return &conf_settings[i];
	}
	return NULL;
}

static bool
apply_environment(struct loader *ld, char *const *envp)
{
	char name[sizeof(PREFIX) + MAX_NAME];
	const struct conf_setting *st;
	size_t len;

	for (; envp != NULL && *envp != NULL; envp++) {
		len = strcspn(*envp, "=");
		if (strncmp(*envp, PREFIX, strlen(PREFIX)) != 0 ||
		    (*envp)[len] == '\0')
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)len, *envp);
		if ((st = find_variable(*envp, len)) == NULL)
			log_warn("unknown_variable", LOG_STR("name", name));
		else if (!apply(ld, name, st, *envp + len + 1))
			return false;
	}
	return true;
}

static bool
apply_argument(struct loader *ld, const char *text)
{
	const struct conf_setting *st;
	char line[MAX_LINE + 1], *value;

	if (strlen(text) > MAX_LINE)
		return refuse(ld, "-s: longer than %d bytes", MAX_LINE);
	snprintf(line, sizeof(line), "%s", text);
	if ((st = split(ld, "-s", line, &value)) == NULL)
		return false;
	if (st->kind == CONF_SECRET)
		return refuse(ld,
		    "-s: %s: never on the command line, where "
		    "everybody sees it",
		    st->key);
	return apply(ld, "-s", st, value);
}

static bool
apply_options(struct loader *ld, int argc, char *const *argv)
{
	int opt;
	bool ok = true;

	optind = 0;
	while (ok && (opt = getopt_long(
			  argc, argv, OPTIONS, long_options, NULL)) != -1) {
		if (opt == 's')
			ok = apply_argument(ld, optarg);
		else if (opt == 'l')
			ok = apply(ld, "-l", conf_find("listen"), optarg);
	}
	return ok;
}

/* A long one stands in argv only, as it was written. */
static void
refuse_option(struct loader *ld, char *const *argv)
{
	char letter[] = { '-', '?', '\0' };
	const char *shown = letter;

	if (optopt > ' ' && optopt < 0x7f)
		letter[1] = (char)optopt;
	else if (strncmp(argv[optind - 1], "--", 2) == 0)
		shown = argv[optind - 1];
	refuse(ld, "%.*s: there is no such option; usage: %s",
	    2 + (int)strspn(shown + 2, KEY_LETTERS "-"), shown, CONF_USAGE);
}

/* What is asked for, and the file; the settings are left to apply_options. */
static enum conf_action
read_options(struct loader *ld, int argc, char *const *argv, const char **file)
{
	enum conf_action action = CONF_RUN;
	int opt;

	opterr = 0;
	optind = 0;
	while ((opt = getopt_long(argc, argv, OPTIONS, long_options, NULL)) !=
	       -1) {
		switch (opt) {
		case 'h':
			return CONF_HELP;
		case 'V':
			return CONF_VERSION;
		case 't':
			action = CONF_TEST;
			break;
		case LONG_OPTION + CONF_OWNER_STATUS:
		case LONG_OPTION + CONF_OWNER_STOP:
			action = (enum conf_action)(opt - LONG_OPTION);
			break;
		case 'f':
			*file = optarg;
			break;
		case 's':
		case 'l':
			break;
		case ':':
			refuse(ld, "-%c: a value is missing; usage: %s", optopt,
			    CONF_USAGE);
			return CONF_INVALID;
		default:
			refuse_option(ld, argv);
			return CONF_INVALID;
		}
	}
	if (optind < argc) {
		refuse(ld, "too many arguments; usage: %s", CONF_USAGE);
		return CONF_INVALID;
	}
	return action;
}

/* A file with one line. */
static bool
read_key(struct loader *ld, const char *where, FILE *f)
{
	char line[MAX_LINE + 1];
	enum line got = read_line(f, line);
	size_t n;

	if (got == LINE_ERROR)
		return refuse(
		    ld, "%s: cannot be read: %s", where, strerror(errno));
	if ((got != LINE_READ && got != LINE_LAST) || getc(f) != EOF)
		return refuse(ld, "%s: must hold one line, the key", where);
	if ((n = strlen(line)) > 0 && line[n - 1] == '\r')
		line[--n] = '\0';
	if (n == 0)
		return refuse(ld, "%s: there is no key in it", where);
	return apply(ld, where, conf_find("llm_api_key"), line);
}

static bool
apply_key_file(struct loader *ld)
{
	const char *path = ld->cf->llm_api_key_file;
	char where[MAX_LINE];
	FILE *f;
	bool ok;

	if (path == NULL)
		return true;
	if (ld->cf->llm_api_key != NULL)
		return refuse(ld, "llm_api_key_file: llm_api_key is set too, "
				  "only one of them may be");
	snprintf(where, sizeof(where), "llm_api_key_file: %s", path);
	if ((f = fopen(path, "re")) == NULL)
		return refuse(
		    ld, "%s: cannot be read: %s", where, strerror(errno));
	ok = read_key(ld, where, f);
	fclose(f);
	return ok;
}

/* What no row can say alone, and a default that is another setting. */
static bool
check(struct loader *ld)
{
	struct conf *cf = ld->cf;

	if (cf->owner_linger_ms == 0)
		cf->owner_linger_ms = cf->session_timeout_ms;
	if (cf->responder == CONF_RESPONDER_LOCAL)
		return true;
	if (cf->responder == CONF_RESPONDER_OPENAI && cf->llm_base_url == NULL)
		return refuse(ld, "responder: openai needs llm_base_url");
	if (cf->llm_base_url != NULL && cf->llm_model == NULL)
		return refuse(ld, "llm_base_url: needs llm_model as well");
	return true;
}

enum conf_action
conf_load(struct conf *cf, int argc, char *const *argv, char *const *envp,
    char *err, size_t errsize)
{
	struct loader ld = { .cf = cf, .err = err, .errsize = errsize };
	const char *file = NULL;
	enum conf_action action;

	*cf = (struct conf){ 0 };
	action = read_options(&ld, argc, argv, &file);
	if (action == CONF_INVALID || action == CONF_VERSION ||
	    action == CONF_HELP)
		return action;
	if (!apply_defaults(&ld) || !apply_file(&ld, file) ||
	    !apply_environment(&ld, envp) || !apply_options(&ld, argc, argv) ||
	    !apply_key_file(&ld) || !check(&ld))
		return CONF_INVALID;
	if ((action == CONF_OWNER_STATUS || action == CONF_OWNER_STOP) &&
	    cf->owner_dir == NULL) {
		refuse(&ld, "owner_dir: must be set, to find the owner");
		return CONF_INVALID;
	}
	return action;
}
