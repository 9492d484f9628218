/*
 * The directives are one table, which feeds the reader, the defaults and the
 * help.
 */
#include "upstream_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	NUMBER,
	WORD,
	TEXT,
};

struct directive {
	const char *name;
	enum kind kind;
	bool fault;
	size_t offset;
	int64_t def;  /* when it is absent */
	int64_t bare; /* when it stands without a value */
	const char *meaning;
};

#define DIRECTIVE(name, kind, fault, def, bare, meaning) \
	{ \
#name, kind, fault, offsetof(struct plan, name), def, bare, \
		    meaning \
	}
#define ANSWER(name, def, bare, meaning) \
	DIRECTIVE(name, NUMBER, false, def, bare, meaning)
#define FAULT(name, def, bare, meaning) \
	DIRECTIVE(name, NUMBER, true, def, bare, meaning)

static const struct directive directives[] = {
	DIRECTIVE(text, TEXT, false, 0, 0,
	    "the answer, \"in quotes\" when it has blanks; a word is a token"),
	DIRECTIVE(nonce, WORD, false, 0, 0,
	    "without text the answer is \"NONCE.1 NONCE.2 ...\""),
	ANSWER(tokens, 10, 10, "so many, without text"),
	FAULT(empty, 0, 1, "an answer without any text"),
	ANSWER(endless, 0, 1, "it never stops, as fast as it is read"),
	ANSWER(usage, -1, 1,
	    "1: counted in a last chunk, 2: in texts, 0: not (as asked)"),
	ANSWER(whole, 0, 1, "in one piece for a call that asks for no stream"),
	DIRECTIVE(finish, WORD, false, 0, 0, "the finish_reason (stop)"),
	ANSWER(think, 0, 1, "so many thoughts before the first token"),
	DIRECTIVE(think_as, WORD, false, 0, 0,
	    "in reasoning_content, or another member, or in parts"),
	FAULT(tools, 0, 1, "a call of a tool in place of an answer"),
	ANSWER(first, 0, 0, "ms before the first token, or before a failure"),
	ANSWER(pace, 0, 0, "ms between two tokens"),
	ANSWER(split, 0, 1, "the events in pieces of so many bytes"),
	ANSWER(crlf, 0, 1, "lines end with CRLF"),
	ANSWER(comments, 0, 1, "a comment of so many bytes before each token"),
	ANSWER(until_close, 0, 1, "the end of the body is the connection's"),
	ANSWER(bom, 0, 1, "a byte order mark at the head"),
	ANSWER(cr, 0, 1, "lines end with CR"),
	ANSWER(nospace, 0, 1, "no blank behind data:"),
	ANSWER(blanks, 0, 1, "blanks around [DONE]"),
	ANSWER(multiline, 0, 1, "data of several lines"),
	ANSWER(fields, 0, 1, "other fields in each event"),
	ANSWER(beats, 0, 1, "events without data, and pings, before each"),
	ANSWER(refusal, 0, 1, "the text is a refusal's"),
	ANSWER(parts, 0, 1, "content is an array of parts"),
	ANSWER(object, 0, 1, "content is a part alone"),
	ANSWER(choices, 0, 1, "a second choice, and more in the first"),
	ANSWER(message, 0, 1, "message in the place of delta"),
	ANSWER(filter_first, 0, 1, "a chunk without choices comes first"),
	ANSWER(usage_late, 0, 1, "usage comes behind [DONE]"),
	ANSWER(document, 0, 1, "in one piece, whatever the call asks for"),
	ANSWER(life, 0, 1, "so many signs of life, at the same pace"),
	ANSWER(life_at, 0, 1, "after so many tokens (0)"),
	DIRECTIVE(life_as, WORD, false, 0, 0,
	    "they are: comment, role, thought or beat"),
	FAULT(nul, -1, 1, "an escaped NUL, after so many tokens (1)"),
	FAULT(rawnul, -1, 1, "a byte 0, likewise"),
	FAULT(badutf8, -1, 1, "bytes that are not UTF-8, likewise"),
	FAULT(surrogate, -1, 1, "half of a surrogate pair, likewise"),
	FAULT(halves, -1, 1, "half of an emoji's escape in each of two events"),
	FAULT(inject, -1, 1, "an event and an HTML tag as text, likewise"),
	FAULT(garbage, -1, 1, "an event that is not JSON, likewise"),
	FAULT(large_event, -1, 1048576, "so many bytes, after one token"),
	FAULT(stall, -1, 0, "nothing more after so many tokens (0)"),
	FAULT(cut, -1, 0, "the connection closes after so many tokens (0)"),
	FAULT(reset, -1, 0, "likewise, with a TCP reset"),
	FAULT(error_event, -1, 0, "an error in the stream, likewise"),
	FAULT(error_named, -1, 0, "an event named error, likewise"),
	FAULT(error_field, -1, 0, "a field error and [DONE], likewise"),
	DIRECTIVE(error_code, WORD, false, 0, 0, "the code in an error"),
	FAULT(nodone, 0, 1, "the end without finish_reason and [DONE]"),
	FAULT(nofinish, 0, 1, "without finish_reason"),
	FAULT(onlyfinish, 0, 1, "without [DONE]"),
	FAULT(linger, 0, 1,
	    "then the connection stays open; 2: and comments come"),
	FAULT(status, 0, 500, "a failure with this status"),
	FAULT(retry_after, -1, 1, "seconds in its Retry-After"),
	DIRECTIVE(error, WORD, false, 0, 0,
	    "form of an error: object, string, message or nested"),
	DIRECTIVE(refuse_field, WORD, true, 0, 0,
	    "400 (or status) when the request has one of these, by commas"),
	FAULT(silent, 0, 1, "no reply at all"),
	FAULT(hangup, 0, 1, "the connection closes without a reply"),
	FAULT(html, 0, 1, "a page in place of a stream"),
	FAULT(ndjson, 0, 1, "lines of JSON in place of a stream"),
	FAULT(error_document, 0, 1, "an error with status 200, likewise"),
	FAULT(redirect, 0, 1, "307 to another path"),
	FAULT(endless_header, 0, 1, "headers without end"),
	FAULT(bomb, 0, 1, "a gzip body without end, 159:1"),
	ANSWER(fail_times, 0, 1, "the faults come only so often for the key"),
	DIRECTIVE(key, WORD, false, 0, 0, "what fail_times counts by"),
};

#define DIRECTIVES (sizeof(directives) / sizeof(directives[0]))

static void *
plan_member(struct plan *plan, const struct directive *d)
{
	return (char *)plan + d->offset;
}

static void
plan_clear(struct plan *plan, const struct directive *d)
{
	if (d->kind == NUMBER)
		*(int64_t *)plan_member(plan, d) = d->def;
	else if (d->kind == WORD)
		*(char *)plan_member(plan, d) = '\0';
}

void
plan_init(struct plan *plan)
{
	plan->text = NULL;
	for (size_t i = 0; i < DIRECTIVES; i++)
		plan_clear(plan, &directives[i]);
}

void
plan_free(struct plan *plan)
{
	free(plan->text);
	plan->text = NULL;
}

bool
plan_copy(struct plan *to, const struct plan *from)
{
	*to = *from;
	return from->text == NULL || (to->text = strdup(from->text)) != NULL;
}

void
plan_forgive(struct plan *plan)
{
	for (size_t i = 0; i < DIRECTIVES; i++)
		if (directives[i].fault)
			plan_clear(plan, &directives[i]);
}

static const struct directive *
directive_find(const char *name, size_t n)
{
	for (size_t i = 0; i < DIRECTIVES; i++)
		if (strlen(directives[i].name) == n &&
		    memcmp(directives[i].name, name, n) == 0)
			return &directives[i];
	return NULL;
}

static bool
number_read(int64_t *out, const char *s, size_t n)
{
	char digits[PLAN_WORD], *end;

	if (n == 0 || n >= sizeof(digits))
		return false;
	memcpy(digits, s, n);
	digits[n] = '\0';
	errno = 0;
	*out = strtoll(digits, &end, 10);
	return *end == '\0' && errno == 0;
}

/* value is NULL when there is none. */
static bool
directive_set(
    struct plan *plan, const struct directive *d, const char *value, size_t n)
{
	char *text;

	if (d->kind == NUMBER && value == NULL) {
		*(int64_t *)plan_member(plan, d) = d->bare;
		return true;
	}
	if (value == NULL)
		return false;
	if (d->kind == NUMBER)
		return number_read(plan_member(plan, d), value, n);
	if (d->kind == TEXT) {
		if ((text = strndup(value, n)) == NULL)
			return false;
		free(plan->text);
		plan->text = text;
		return true;
	}
	if (n >= PLAN_WORD)
		return false;
	memcpy(plan_member(plan, d), value, n);
	((char *)plan_member(plan, d))[n] = '\0';
	return true;
}

/* How far it is to one of the stops, or to the end. */
static size_t
span(const char *s, const char *end, const char *stops)
{
	const char *p = s;

	while (p < end && strchr(stops, *p) == NULL)
		p++;
	return (size_t)(p - s);
}

/* One directive at *s, which then stands behind it. */
static bool
directive_read(
    struct plan *plan, const char **s, const char *end, char bad[PLAN_WORD])
{
	const char *name = *s, *value = NULL;
	size_t len = span(name, end, "= ]"), n = 0;
	const struct directive *d = directive_find(name, len);

	*s += len;
	if (*s < end && **s == '=') {
		value = ++*s;
		if (value < end && *value == '"') {
			value++;
			n = span(value, end, "\"");
			*s = value + n + (value + n < end);
		} else {
			n = span(value, end, " ]");
			*s = value + n;
		}
	}
	if (d != NULL && directive_set(plan, d, value, n))
		return true;
	len = len < PLAN_WORD ? len : PLAN_WORD - 1;
	memcpy(bad, name, len);
	bad[len] = '\0';
	return false;
}

bool
plan_read(struct plan *plan, const char *s, size_t n, char bad[PLAN_WORD])
{
	const char *end = s + n;

	while ((s = memmem(s, (size_t)(end - s), "[[", 2)) != NULL) {
		s += 2;
		while (s < end && *s != ']') {
			if (*s == ' ')
				s++;
			else if (!directive_read(plan, &s, end, bad))
				return false;
		}
	}
	return true;
}

void
plan_help(FILE *f)
{
	const struct directive *d;

	for (d = directives; d < directives + DIRECTIVES; d++)
		fprintf(f, "  %-15s %s\n", d->name, d->meaning);
}
