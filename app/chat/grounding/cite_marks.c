/* Readers say CITE_MORE wherever the text ends before they know. */
#include "chat/grounding/cite_marks.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define MARKER_MAX 64 /* bytes */
#define NESTED_MAX 8  /* brackets in brackets */
#define SCHEME_MAX 32 /* bytes */
#define OPEN_WIDE  "\xe3\x80\x90"
#define CLOSE_WIDE "\xe3\x80\x91"
#define WIDE       3 /* bytes of one */

/* What it means that the text ends here. */
static enum cite_read
at_end(const struct cite_text *t)
{
	return t->whole ? CITE_NONE : CITE_MORE;
}

static bool
is_eol(char c)
{
	return c == '\n' || c == '\r';
}

static bool
is_punct(char c)
{
	return c > ' ' && c < 0x7f && !isalnum((unsigned char)c);
}

/* What is left of a text from somewhere on. */
static struct cite_text
text_from(const struct cite_text *t, size_t at)
{
	return (struct cite_text){ t->p + at, t->n - at, t->whole };
}

/* Whether a word stands there; *at moves behind it. */
static enum cite_read
read_word(const struct cite_text *t, size_t *at, const char *word)
{
	size_t len = strlen(word), left = t->n - *at;
	size_t n = left < len ? left : len;

	if (strncasecmp(t->p + *at, word, n) != 0)
		return CITE_NONE;
	if (n < len)
		return at_end(t);
	*at += len;
	return CITE_READ;
}

/*
 * Markers.
 */

static void
skip_any(const struct cite_text *t, size_t *at, const char *set)
{
	while (
	    *at < t->n && t->p[*at] != '\0' && strchr(set, t->p[*at]) != NULL)
		(*at)++;
}

/* Behind the opening bracket, up to the first number. */
static enum cite_read
read_lead(const struct cite_text *t, size_t *at)
{
	static const char *const words[] = { "sources", "source", "n°" };
	enum cite_read got;

	skip_any(t, at, " ^");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if ((got = read_word(t, at, words[i])) == CITE_MORE)
			return got;
		if (got == CITE_READ)
			skip_any(t, at, " :#");
	}
	return CITE_READ;
}

static enum cite_read
read_number(const struct cite_text *t, size_t *at, unsigned *number)
{
	size_t from = *at;

	*number = 0;
	while (
	    *at < t->n && isdigit((unsigned char)t->p[*at]) && *at - from < 4)
		*number = *number * 10 + (unsigned)(t->p[(*at)++] - '0');
	if (*at == t->n)
		return at_end(t);
	return *at > from && *at - from <= 3 ? CITE_READ : CITE_NONE;
}

static void
marker_add(struct cite_marker *m, unsigned number)
{
	if (m->count < CITE_NUMBERS)
		m->number[m->count++] = number;
}

/* Between two numbers; *range: all between them are meant. */
static enum cite_read
read_between(const struct cite_text *t, size_t *at, bool *range)
{
	static const char *const words[] = { "et ", "and ", "–" };
	enum cite_read got;

	skip_any(t, at, " ,;&^");
	*range = false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if ((got = read_word(t, at, words[i])) == CITE_MORE)
			return got;
		*range |= got == CITE_READ && i == 2;
	}
	if (*at < t->n && t->p[*at] == '-') {
		(*at)++;
		*range = true;
	}
	skip_any(t, at, " ^");
	return *at < t->n ? CITE_READ : at_end(t);
}

/* A dagger and what stands behind it is for whoever wrote the marker. */
static enum cite_read
read_close(const struct cite_text *t, size_t *at, bool wide)
{
	size_t from = *at;
	enum cite_read got = read_word(t, at, "†");

	if (got == CITE_MORE)
		return got;
	if (got == CITE_READ)
		while (*at < t->n && *at - from < MARKER_MAX &&
		       !is_eol(t->p[*at]) && t->p[*at] != ']' &&
		       t->p[*at] != CLOSE_WIDE[0])
			(*at)++;
	if (*at == t->n)
		return at_end(t);
	return read_word(t, at, wide ? CLOSE_WIDE : "]");
}

static enum cite_read
read_numbers(
    struct cite_marker *m, const struct cite_text *t, size_t *at, bool wide)
{
	unsigned number, before = 0;
	bool range = false;
	enum cite_read got;

	while (*at < MARKER_MAX) {
		if ((got = read_number(t, at, &number)) != CITE_READ)
			return got;
		while (range && ++before < number && m->count < CITE_NUMBERS)
			marker_add(m, before);
		marker_add(m, number);
		before = number;
		if ((got = read_close(t, at, wide)) != CITE_NONE)
			return got;
		if ((got = read_between(t, at, &range)) != CITE_READ)
			return got;
	}
	return CITE_NONE;
}

enum cite_read
cite_read_marker(struct cite_marker *m, const struct cite_text *t)
{
	bool wide = t->n > 0 && t->p[0] == OPEN_WIDE[0];
	size_t at = 0;
	enum cite_read got;

	*m = (struct cite_marker){ 0 };
	got = read_word(t, &at, wide ? OPEN_WIDE : "[");
	if (got == CITE_READ)
		got = read_lead(t, &at);
	if (got == CITE_READ)
		got = at < t->n ? read_numbers(m, t, &at, wide) : at_end(t);
	m->len = at;
	return got;
}

/*
 * Code.
 */

enum cite_read
cite_read_run(size_t *len, const struct cite_text *t)
{
	for (*len = 0; *len < t->n && t->p[*len] == t->p[0]; (*len)++)
		;
	return *len < t->n || t->whole ? CITE_READ : CITE_MORE;
}

enum cite_read
cite_read_span(size_t *len, const struct cite_text *t)
{
	struct cite_text rest;
	size_t open, run, at;

	if (cite_read_run(&open, t) == CITE_MORE)
		return CITE_MORE;
	for (at = open; at < t->n && !is_eol(t->p[at]); at++) {
		if (t->p[at] != '`')
			continue;
		rest = text_from(t, at);
		if (cite_read_run(&run, &rest) == CITE_MORE)
			return CITE_MORE;
		*len = at + run;
		if (run == open)
			return CITE_READ;
		at += run - 1;
	}
	return at < t->n ? CITE_NONE : at_end(t);
}

/*
 * Links.
 */

static size_t
scheme_length(const char *p, size_t n)
{
	size_t len = 0;

	while (len < n && len < SCHEME_MAX &&
	       (isalnum((unsigned char)p[len]) ||
		   memchr("+.-", p[len], 3) != NULL))
		len++;
	if (len < 2 || len == n || p[len] != ':' ||
	    !isalpha((unsigned char)p[0]))
		return 0;
	len++;
	while (len < n && p[len] == '/')
		len++;
	return len;
}

enum cite_read
cite_read_auto(size_t *len, size_t *scheme, const struct cite_text *t)
{
	size_t at = 1;

	while (at < t->n && (unsigned char)t->p[at] > ' ' && t->p[at] != '<' &&
	       t->p[at] != '>')
		at++;
	if (at == t->n)
		return at_end(t);
	*scheme = scheme_length(t->p + 1, at - 1);
	*len = at + 1;
	return t->p[at] == '>' && *scheme > 0 ? CITE_READ : CITE_NONE;
}

static void
skip_blanks(const struct cite_text *t, size_t *at)
{
	while (*at < t->n && (t->p[*at] == ' ' || t->p[*at] == '\t'))
		(*at)++;
}

/* Up to a byte that is not escaped, and behind it. */
static enum cite_read
read_until(const struct cite_text *t, size_t *at, char end)
{
	for (; *at < t->n && !is_eol(t->p[*at]); (*at)++) {
		if (t->p[*at] == '\\' && *at + 1 < t->n &&
		    !is_eol(t->p[*at + 1]))
			(*at)++;
		else if (t->p[*at] == end)
			break;
	}
	if (*at >= t->n)
		return at_end(t);
	if (t->p[*at] != end)
		return CITE_NONE;
	(*at)++;
	return CITE_READ;
}

/* An address without angles: its parentheses are in pairs. */
static enum cite_read
read_plain(const struct cite_text *t, size_t *at)
{
	int open = 0;

	for (; *at < t->n && (unsigned char)t->p[*at] > ' '; (*at)++) {
		if (t->p[*at] == '\\' && *at + 1 < t->n &&
		    is_punct(t->p[*at + 1]))
			(*at)++;
		else if (t->p[*at] == '(')
			open++;
		else if (t->p[*at] == ')' && open-- == 0)
			break;
	}
	return *at < t->n ? CITE_READ : at_end(t);
}

static enum cite_read
read_address(struct cite_target *g, const struct cite_text *t, size_t *at)
{
	bool angle = *at < t->n && t->p[*at] == '<';
	size_t from = *at + angle;
	enum cite_read got;

	*at = from;
	got = angle ? read_until(t, at, '>') : read_plain(t, at);
	g->url = t->p + from;
	g->url_len = *at - from - (angle && got == CITE_READ);
	return got;
}

static enum cite_read
read_title(struct cite_target *g, const struct cite_text *t, size_t *at)
{
	char open = *at < t->n ? t->p[*at] : '\0';

	g->titled = open == '"' || open == '\'' || open == '(';
	if (!g->titled)
		return *at < t->n ? CITE_READ : at_end(t);
	(*at)++;
	return read_until(t, at, open == '(' ? ')' : open);
}

enum cite_read
cite_read_target(struct cite_target *g, const struct cite_text *t)
{
	size_t at = 1;
	enum cite_read got;

	*g = (struct cite_target){ 0 };
	skip_blanks(t, &at);
	if ((got = read_address(g, t, &at)) != CITE_READ)
		return got;
	skip_blanks(t, &at);
	if ((got = read_title(g, t, &at)) != CITE_READ)
		return got;
	skip_blanks(t, &at);
	if (at == t->n)
		return at_end(t);
	g->len = at + 1;
	return t->p[at] == ')' ? CITE_READ : CITE_NONE;
}

/* What binds closer than a bracket; CITE_NONE: nothing does. */
static enum cite_read
read_closer(const struct cite_text *t, size_t *at)
{
	struct cite_text rest = text_from(t, *at);
	size_t len = 0, scheme;
	enum cite_read got = CITE_NONE;

	if (t->p[*at] == '`')
		got = cite_read_span(&len, &rest);
	else if (t->p[*at] == '<')
		got = cite_read_auto(&len, &scheme, &rest);
	else if (t->p[*at] == '\\' && rest.n > 1 && is_punct(rest.p[1]))
		len = 2, got = CITE_READ;
	else if (t->p[*at] == '\\' && rest.n == 1)
		got = at_end(t);
	if (got == CITE_READ)
		*at += len;
	return got;
}

/* The bracket that closes the first one. */
static enum cite_read
read_brackets(const struct cite_text *t, size_t *at)
{
	int open = 1;
	enum cite_read got;

	for (*at = 1; *at < t->n && !is_eol(t->p[*at]);) {
		if ((got = read_closer(t, at)) == CITE_MORE)
			return got;
		if (got == CITE_READ)
			continue;
		if (t->p[*at] == '`' ||
		    (t->p[*at] == '[' && ++open > NESTED_MAX))
			return CITE_NONE;
		if (t->p[*at] == ']' && --open == 0)
			return CITE_READ;
		(*at)++;
	}
	return *at < t->n ? CITE_NONE : at_end(t);
}

enum cite_read
cite_read_link(struct cite_link *link, const struct cite_text *t)
{
	struct cite_text rest;
	size_t at;
	enum cite_read got;

	if ((got = read_brackets(t, &at)) != CITE_READ)
		return got;
	link->text_len = at - 1;
	if (++at == t->n)
		return at_end(t);
	if (t->p[at] != '(')
		return CITE_NONE;
	rest = text_from(t, at);
	got = cite_read_target(&link->target, &rest);
	link->len = at + link->target.len;
	return got;
}
