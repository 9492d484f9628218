/* The only place that says what is wrong with a key or a value. */
#include "conf/conf_apply.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAX_SHOWN    60 /* bytes of a value */
#define SHOWN_SIZE   (MAX_SHOWN + 16)
#define BLANKS       " \t\r\n\v\f"
#define NAME_LETTERS CONF_KEY_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ-"

bool
conf_refuse(struct conf_loader *ld, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vput(ld->err, ERR_NOWHERE, fmt, ap);
	va_end(ap);
	return false;
}

/* Or may be: a URL with a user or a query, a key in its file's path's place. */
static bool
is_secret(const struct conf_setting *st, const char *value)
{
	unsigned flags = conf_kinds[st->kind].flags;

	return flags & CONF_IS_SECRET || strpbrk(value, "@?") != NULL ||
	       (flags & CONF_NAMES_FILE && strncmp(st->key, "llm_", 4) == 0);
}

/* A value as it goes into a message; nothing of a secret. */
static void
show(char out[SHOWN_SIZE], const struct conf_setting *st, const char *value)
{
	char *c;

	*out = '\0';
	if (is_secret(st, value))
		return;
	if (*value == '\0') {
		snprintf(out, SHOWN_SIZE, ", not empty");
		return;
	}
	snprintf(out, SHOWN_SIZE, ", not \"%.*s%s\"", MAX_SHOWN, value,
	    strlen(value) > MAX_SHOWN ? "..." : "");
	for (c = out; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

static bool
refuse_value(struct conf_loader *ld, const char *where,
    const struct conf_setting *st, const char *value)
{
	char allowed[CONF_ALLOWED_SIZE], shown[SHOWN_SIZE];
	const char *hint = conf_fault(st, value);

	conf_allowed(allowed, st);
	show(shown, st, value);
	return conf_refuse(ld, "%s: %s: must be %s%s%s%s", where, st->key,
	    allowed, shown, *hint != '\0' ? "; " : "", hint);
}

bool
conf_apply(struct conf_loader *ld, const char *where,
    const struct conf_setting *st, const char *value)
{
	switch (conf_set(ld->cf, st, value)) {
	case CONF_SET:
		return true;
	case CONF_NOMEM:
		return conf_refuse(ld, "out of memory");
	default:
		return refuse_value(ld, where, st, value);
	}
}

char *
conf_trim(char *s)
{
	size_t n;

	s += strspn(s, BLANKS);
	for (n = strlen(s); n > 0 && strchr(BLANKS, s[n - 1]) != NULL; n--)
		;
	s[n] = '\0';
	return s;
}

/* The setting that a person means by a name of len bytes; NULL: none. */
static const struct conf_setting *
guess(const char *name, size_t len)
{
	char key[CONF_MAX_KEY + 1];
	size_t i;

	if (len > strlen(CONF_PREFIX) &&
	    strncmp(name, CONF_PREFIX, strlen(CONF_PREFIX)) == 0) {
		name += strlen(CONF_PREFIX);
		len -= strlen(CONF_PREFIX);
	}
	if (len > CONF_MAX_KEY)
		return NULL;
	for (i = 0; i < len; i++)
		key[i] = name[i] == '-' ? '_'
		                        : (char)tolower((unsigned char)name[i]);
	key[i] = '\0';
	return conf_find(key);
}

/* As keys and variables are written; what is not may be a secret. */
static bool
is_name(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && n <= CONF_MAX_KEY &&
	       (strspn(text, CONF_KEY_LETTERS) == n ||
		   strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == n);
}

/* What stands where a key belongs. */
static void
refuse_key(
    struct conf_loader *ld, const char *where, const char *text, bool equals)
{
	size_t len = strspn(text, NAME_LETTERS);
	const struct conf_setting *st = guess(text, len);

	if (st != NULL && equals && text[len] == '\0')
		conf_refuse(ld, "%s: %s: unknown setting; did you mean %s?",
		    where, text, st->key);
	else if (st != NULL)
		conf_refuse(ld,
		    "%s: %s: not of the form key = value; write %s = VALUE",
		    where, st->key, st->key);
	else if (equals && is_name(text))
		conf_refuse(ld,
		    "%s: %s: unknown setting; causerie -h lists all", where,
		    text);
	else
		conf_refuse(ld, "%s: not of the form key = value", where);
}

const struct conf_setting *
conf_split(struct conf_loader *ld, const char *where, char *line, char **value)
{
	const struct conf_setting *st;
	char *key, *equals;

	if ((equals = strchr(line, '=')) != NULL) {
		*equals = '\0';
		*value = conf_trim(equals + 1);
	}
	key = conf_trim(line);
	if (equals == NULL || (st = conf_find(key)) == NULL) {
		refuse_key(ld, where, key, equals != NULL);
		return NULL;
	}
	return st;
}
