/*
 * Every request has a line, so one is put together by hand, on the stack of
 * whoever writes it.
 */
#include "log/log_line.h"

#include <string.h>
#include <syslog.h>

#include "base/clock.h"
#include "base/text.h"

#define TAIL         3  /* bytes kept for what ends a line: "}\n after it */
#define TIME_SIZE    24 /* "2025-11-08T14:30:00.123Z" */
#define SECOND_LEN   19 /* of it up to the fraction */
#define JSON_MARKS   4  /* of a key: ,"": */
#define LOGFMT_MARKS 2  /* of a key: a blank and = */
#define REPLACEMENT  0xfffd

static const struct {
	const char *name;
	char priority[4]; /* of syslog(3) */
} levels[LOG_LEVELS] = {
	[LOG_LEVEL_DEBUG] = { "debug", "<7>" },
	[LOG_LEVEL_INFO] = { "info", "<6>" },
	[LOG_LEVEL_NOTICE] = { "notice", "<5>" },
	[LOG_LEVEL_WARN] = { "warn", "<4>" },
	[LOG_LEVEL_ERROR] = { "error", "<3>" },
	[LOG_LEVEL_FATAL] = { "fatal", "<2>" },
};

_Static_assert(LOG_CRIT == 2 && LOG_DEBUG == 7, "priorities of syslog(3)");

bool
log_level_parse(enum log_level *level, const char *name)
{
	for (int i = 0; i < LOG_LEVELS; i++) {
		if (strcmp(levels[i].name, name) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

static size_t
line_room(const struct log_line *l)
{
	const size_t most = sizeof(l->text) - TAIL;

	return l->len < most ? most - l->len : 0;
}

/* All of it or nothing. */
static bool
line_add(struct log_line *l, const char *s, size_t n)
{
	if (l->full || n > line_room(l)) {
		l->full = true;
		return false;
	}
	memcpy(l->text + l->len, s, n);
	l->len += n;
	return true;
}

static char *
digits_write(char *p, uint64_t n, int width)
{
	for (; n != 0 || width > 0; n /= 10, width--)
		*--p = (char)('0' + n % 10);
	return p;
}

static bool
line_add_number(struct log_line *l, int64_t num, bool thousandths)
{
	uint64_t n = num < 0 ? -(uint64_t)num : (uint64_t)num;
	char text[24], *end = text + sizeof(text), *p = end;

	if (thousandths) {
		p = digits_write(p, n % 1000, 3);
		*--p = '.';
		n /= 1000;
	}
	p = digits_write(p, n, 1);
	if (num < 0)
		*--p = '-';
	return line_add(l, p, (size_t)(end - p));
}

/* Whether logfmt may have it bare: letters, digits and + , - . / : @ _ % */
static bool
char_is_bare(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '+' && c <= ':') ||
	       (c >= '@' && c <= 'Z') || c == '_' || c == '%';
}

/* Whether it stands for itself between quotes, of what is ASCII. */
static bool
char_is_clear(unsigned char c)
{
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

/*
 * What a terminal or a reader of the log could take for something else: control
 * characters, the ends of lines and paragraphs, turns of direction.
 */
static bool
code_is_foreign(unsigned code)
{
	return code < ' ' || (code >= 0x7f && code < 0xa0) ||
	       (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069) || code == '"' ||
	       code == '\\';
}

static void
line_add_escaped_json(struct log_line *l, unsigned code)
{
	char text[6] = { '\\', 'u', text_hex_digit(code >> 12),
		text_hex_digit(code >> 8), text_hex_digit(code >> 4),
		text_hex_digit(code) };

	if (code == '"' || code == '\\') {
		text[1] = (char)code;
		line_add(l, text, 2);
	} else {
		line_add(l, text, sizeof(text));
	}
}

static void
line_add_escaped_byte(struct log_line *l, char c)
{
	const char text[4] = { '\\', 'x', text_hex_digit((unsigned char)c >> 4),
		text_hex_digit((unsigned char)c) };

	line_add(l, text, sizeof(text));
}

/* The character at s, or a byte that is none; how many bytes it was. */
static size_t
line_add_char(struct log_line *l, const char *s)
{
	uint32_t code = REPLACEMENT;
	size_t n = text_decode(s, strnlen(s, TEXT_MAX_CHARACTER), &code);

	if (n > 0 && !code_is_foreign(code)) {
		line_add(l, s, n);
		return n;
	}
	if (n == 0)
		n = 1;
	if (l->json) {
		line_add_escaped_json(l, code);
		return n;
	}
	for (size_t i = 0; i < n; i++)
		line_add_escaped_byte(l, s[i]);
	return n;
}

/* False when nothing of it found room. */
static bool
line_add_quoted(struct log_line *l, const char *s)
{
	size_t n;

	if (!line_add(l, "\"", 1))
		return false;
	while (*s != '\0' && !l->full) {
		for (n = 0; char_is_clear((unsigned char)s[n]); n++)
			;
		if (n > line_room(l)) {
			line_add(l, s, line_room(l));
			l->full = true;
		} else if (n > 0) {
			line_add(l, s, n);
			s += n;
		} else {
			s += line_add_char(l, s);
		}
	}
	l->text[l->len++] = '"';
	return true;
}

static bool
line_add_string(struct log_line *l, const char *s)
{
	size_t n = 0;

	if (l->json)
		return line_add_quoted(l, s);
	while (char_is_bare((unsigned char)s[n]))
		n++;
	if (n == 0 || s[n] != '\0' || n > line_room(l))
		return line_add_quoted(l, s);
	return line_add(l, s, n);
}

static void
line_add_key(struct log_line *l, const char *key, size_t n)
{
	char *p = l->text + l->len;

	if (l->full || n + JSON_MARKS > line_room(l)) {
		l->full = true;
		return;
	}
	*p++ = l->json ? ',' : ' ';
	if (l->json)
		*p++ = '"';
	memcpy(p, key, n);
	p += n;
	if (l->json)
		*p++ = '"';
	*p++ = l->json ? ':' : '=';
	l->len = (size_t)(p - l->text);
}

static bool
line_add_bare(struct log_line *l, const char *s)
{
	size_t n = strlen(s);

	if (!l->json)
		return line_add(l, s, n);
	if (l->full || n + 2 > line_room(l)) {
		l->full = true;
		return false;
	}
	l->text[l->len++] = '"';
	memcpy(l->text + l->len, s, n);
	l->len += n;
	l->text[l->len++] = '"';
	return true;
}

static bool
line_add_value(struct log_line *l, const struct log_field *f)
{
	switch (f->kind) {
	case LOG_KIND_STR:
		return line_add_string(l, f->str);
	case LOG_KIND_BARE:
		return line_add_bare(l, f->str);
	case LOG_KIND_TRUE:
		return line_add(l, "true", 4);
	default:
		return line_add_number(l, f->num, f->kind == LOG_KIND_US);
	}
}

/* A string may be cut at the line's end, anything else is there or not. */
static void
line_add_field(struct log_line *l, const struct log_field *f)
{
	size_t before = l->len;

	if ((f->kind == LOG_KIND_STR || f->kind == LOG_KIND_BARE) &&
	    f->str == NULL)
		return;
	line_add_key(l, f->key, f->key_len);
	if (!line_add_value(l, f))
		l->len = before;
}

/* The text of a second is kept for the lines that follow in it. */
static void
line_add_time(struct log_line *l, int64_t wall_ms)
{
	static _Thread_local int64_t second = -1;
	static _Thread_local char text[] = "0000-00-00T00:00:00.000Z";
	char stamp[CLOCK_TEXT_SIZE];

	if (wall_ms / 1000 != second) {
		second = wall_ms / 1000;
		clock_text(stamp, wall_ms);
		memcpy(text, stamp, SECOND_LEN);
	}
	digits_write(text + TIME_SIZE - 1, (uint64_t)wall_ms % 1000, 3);
	line_add(l, text, TIME_SIZE);
}

static void
line_add_head(struct log_line *l, int64_t wall_ms, enum log_level level)
{
	if (l->json)
		line_add(l, "{\"time\":\"", 9);
	else
		line_add(l, "time=", 5);
	line_add_time(l, wall_ms);
	if (l->json)
		line_add(l, "\"", 1);
	line_add_key(l, "level", 5);
	line_add_bare(l, levels[level].name);
	line_add_key(l, "event", 5);
}

void
log_line_make(struct log_line *l, const struct log_style *style,
    int64_t wall_ms, enum log_level level, const char *event,
    const struct log_field *f)
{
	l->len = 0;
	l->full = false;
	l->json = style->format == LOG_FORMAT_JSON;
	if (style->priority)
		line_add(l, levels[level].priority, 3);
	line_add_head(l, wall_ms, level);
	line_add_bare(l, event);
	for (; f->kind != LOG_KIND_END; f++)
		line_add_field(l, f);
	if (l->json)
		l->text[l->len++] = '}';
	l->text[l->len++] = '\n';
}
