/*
 * Where settings come from: defaults, the file, the environment and the
 * command line, applied in this order, so that the last one wins and all of
 * them are checked.
 */
#include "conf/conf.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text_file.h"
#include "conf/conf_apply.h"
#include "conf/conf_doc.h"
#include "conf/conf_exposed.h"
#include "conf/conf_files.h"
#include "conf/conf_table.h"

#define MAX_LINE 4096 /* bytes of a line, its end not counted */
#define OPTIONS  "+:f:s:l:tVh"

/* Their values are the actions, behind all characters. */
#define LONG_OPTION 256
static const struct option long_options[] = {
	{ "index", no_argument, NULL, LONG_OPTION + CONF_INDEX },
	{ "owner-status", no_argument, NULL, LONG_OPTION + CONF_OWNER_STATUS },
	{ "owner-stop", no_argument, NULL, LONG_OPTION + CONF_OWNER_STOP },
	{ NULL, 0, NULL, 0 },
};

static bool
apply_defaults(struct conf_loader *ld)
{
	size_t i;

	for (i = 0; i < conf_settings_count; i++)
		if (!conf_apply(
			ld, "default", &conf_settings[i], conf_settings[i].def))
			return false;
	return true;
}

/* line_of: where in this file each setting stands, 0 for nowhere. */
static bool
apply_line(struct conf_loader *ld, const struct text_file *tf, char *line,
    size_t line_of[CONF_MAX_SETTINGS])
{
	char where[MAX_LINE], *value, *text = conf_trim(line);
	const struct conf_setting *st;
	size_t *seen;

	if (*text == '\0' || *text == '#')
		return true;
	snprintf(where, sizeof(where), "%s:%zu", tf->path, tf->line);
	if ((st = conf_split(ld, where, text, &value)) == NULL)
		return false;
	seen = &line_of[st - conf_settings];
	if (*seen != 0)
		return conf_refuse(ld, "%s: %s: already set on line %zu", where,
		    st->key, *seen);
	*seen = tf->line;
	return conf_apply(ld, where, st, value);
}

static bool
apply_file(struct conf_loader *ld, const char *path)
{
	size_t line_of[CONF_MAX_SETTINGS] = { 0 };
	struct text_file tf;
	struct buf line;
	bool ok;

	if (path == NULL)
		return true;
	buf_init(&line, MAX_LINE);
	ok = text_file_open(&tf, "-f", path, ld->err);
	while (ok && text_file_next(&tf, &line)) {
		if (buf_string(&line) == NULL)
			ok = text_file_refuse(&tf, "out of memory");
		else
			ok = apply_line(ld, &tf, line.data, line_of);
	}
	buf_wipe(&line);
	return text_file_close(&tf) && ok;
}

/* The row of CAUSERIE_KEY; name has len bytes. */
static const struct conf_setting *
find_variable(const char *name, size_t len)
{
	const char *key;
	size_t i, n, skip = strlen(CONF_PREFIX);

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

/* One without a value is as good as none; env_file's lines may have a \r. */
static bool
apply_variable(struct conf_loader *ld, const char *name,
    const struct conf_setting *st, const char *text)
{
	char copy[MAX_LINE + 1], *value;
	bool ok;

	if (strlen(text) > MAX_LINE)
		return conf_refuse(ld, "%s: %s: is longer than %d bytes", name,
		    st->key, MAX_LINE);
	snprintf(copy, sizeof(copy), "%s", text);
	value = conf_trim(copy);
	ok = *value == '\0' || conf_apply(ld, name, st, value);
	explicit_bzero(copy, sizeof(copy));
	return ok;
}

static bool
apply_environment(struct conf_loader *ld, char *const *envp)
{
	char name[sizeof(CONF_PREFIX) + CONF_MAX_KEY];
	const struct conf_setting *st;
	size_t len;

	for (; envp != NULL && *envp != NULL; envp++) {
		len = strcspn(*envp, "=");
		if (strncmp(*envp, CONF_PREFIX, strlen(CONF_PREFIX)) != 0 ||
		    (*envp)[len] == '\0')
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)len, *envp);
		if ((st = find_variable(*envp, len)) == NULL)
			log_warn("unknown_variable", LOG_STR("name", name));
		else if (!apply_variable(ld, name, st, *envp + len + 1))
			return false;
	}
	return true;
}

static bool
apply_argument(struct conf_loader *ld, const char *text)
{
	const struct conf_setting *st;
	char line[MAX_LINE + 1], *value;

	if (strlen(text) > MAX_LINE)
		return conf_refuse(ld, "-s: is longer than %d bytes", MAX_LINE);
	snprintf(line, sizeof(line), "%s", text);
	if ((st = conf_split(ld, "-s", line, &value)) == NULL)
		return false;
	if (conf_kinds[st->kind].flags & CONF_IS_SECRET)
		return conf_refuse(ld,
		    "-s: %s: never on the command line, where everybody sees "
		    "it; use a file, see %s_file",
		    st->key, st->key);
	return conf_apply(ld, "-s", st, value);
}

static bool
apply_options(struct conf_loader *ld, int argc, char *const *argv)
{
	int opt;
	bool ok = true;

	optind = 0;
	while (ok && (opt = getopt_long(
			  argc, argv, OPTIONS, long_options, NULL)) != -1) {
		if (opt == 's')
			ok = apply_argument(ld, optarg);
		else if (opt == 'l')
			ok = conf_apply(ld, "-l", conf_find("listen"), optarg);
	}
	return ok;
}

/* A long one stands in argv only, as it was written. */
static void
refuse_option(struct conf_loader *ld, char *const *argv)
{
	char letter[] = { '-', '?', '\0' };
	const char *shown = letter;

	if (optopt > ' ' && optopt < 0x7f)
		letter[1] = (char)optopt;
	else if (strncmp(argv[optind - 1], "--", 2) == 0)
		shown = argv[optind - 1];
	conf_refuse(ld, "%.*s: unknown option; usage: %s",
	    2 + (int)strspn(shown + 2, CONF_KEY_LETTERS "-"), shown,
	    CONF_USAGE);
}

/* --index IN OUT */
static enum conf_action
read_operands(struct conf_loader *ld, int count, char *const *operands)
{
	if (count != 2) {
		conf_refuse(
		    ld, "--index: needs two files; usage: %s", CONF_USAGE);
		return CONF_INVALID;
	}
	ld->cf->index_from = operands[0];
	ld->cf->index_to = operands[1];
	return CONF_INDEX;
}

/* What is asked for, and the file; the settings are left to apply_options. */
static enum conf_action
read_options(
    struct conf_loader *ld, int argc, char *const *argv, const char **file)
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
		case LONG_OPTION + CONF_INDEX:
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
			conf_refuse(ld, "-%c: needs a value; usage: %s", optopt,
			    CONF_USAGE);
			return CONF_INVALID;
		default:
			refuse_option(ld, argv);
			return CONF_INVALID;
		}
	}
	if (action == CONF_INDEX)
		return read_operands(ld, argc - optind, argv + optind);
	if (optind < argc) {
		conf_refuse(ld, "too many arguments; usage: %s", CONF_USAGE);
		return CONF_INVALID;
	}
	return action;
}

/* A secret that goes over plain HTTP to another machine is for all to read. */
static void
warn_of_url(const char *setting, const char *url, bool secret)
{
	if (url != NULL && secret && conf_is_exposed(url))
		log_warn("key_exposed", LOG_STR("setting", setting),
		    LOG_STR("use", "https"));
}

static void
warn_exposed(const struct conf *cf)
{
	warn_of_url("llm_base_url", cf->llm_base_url,
	    cf->llm_api_key != NULL || cf->llm_headers_file != NULL);
	warn_of_url(
	    "llm_proxy", cf->llm_proxy, cf->llm_proxy_user_file != NULL);
}

/* What no row can say alone, and a default that is another setting. */
static bool
check(struct conf_loader *ld)
{
	struct conf *cf = ld->cf;

	if (cf->owner_linger_ms == 0)
		cf->owner_linger_ms = cf->session_timeout_ms;
	if (cf->responder == CONF_RESPONDER_LOCAL)
		return true;
	if (cf->responder == CONF_RESPONDER_OPENAI && cf->llm_base_url == NULL)
		return conf_refuse(ld, "responder: openai needs llm_base_url");
	if (cf->llm_base_url != NULL && cf->llm_model == NULL)
		return conf_refuse(ld, "llm_base_url: needs llm_model as well");
	warn_exposed(cf);
	return true;
}

enum conf_action
conf_load(struct conf *cf, int argc, char *const *argv, char *const *envp,
    struct err *err)
{
	struct conf_loader ld = { .cf = cf, .err = err };
	const char *file = NULL;
	enum conf_action action;

	*cf = (struct conf){ 0 };
	action = read_options(&ld, argc, argv, &file);
	if (action == CONF_INVALID || action == CONF_VERSION ||
	    action == CONF_HELP)
		return action;
	if (!apply_defaults(&ld) || !apply_file(&ld, file) ||
	    !apply_environment(&ld, envp) || !apply_options(&ld, argc, argv) ||
	    !conf_read_files(&ld) || !check(&ld))
		return CONF_INVALID;
	if ((action == CONF_OWNER_STATUS || action == CONF_OWNER_STOP) &&
	    cf->owner_dir == NULL) {
		conf_refuse(&ld, "owner_dir: must be set, to find the owner");
		return CONF_INVALID;
	}
	return action;
}
