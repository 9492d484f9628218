/*
 * Texts are compared as rows of letters and digits (letters.h). What was said
 * is short, and stands in a table by its pieces and words; what was asked is
 * gone through once.
 */
#include "chat/model/redact.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "chat/model/letters.h"

#define MIN_WHOLE 3 /* letters of what is told by them */
#define WORDS     (REDACT_MAX / (MIN_WHOLE + 1) + 1)
#define PLACES    (REDACT_MAX + WORDS)
#define SLOTS     8192 /* a power of two, over PLACES */
#define NO_PLACE  UINT16_MAX
#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))

_Static_assert(REDACT_PIECE == 8, "so many letters are one number");
_Static_assert(PLACES < SLOTS, "there is always a free slot");

/* What was said: its letters, and where they stand. */
struct said {
	struct buf *text;
	size_t n;
	unsigned char letter[REDACT_MAX];
	uint16_t from[REDACT_MAX], to[REDACT_MAX];
	bool hide[REDACT_MAX];
};

/*
 * What was said.
 */

static void
said_read(struct said *s, struct buf *text, bool marks)
{
	struct letters l;
	int c;

	if (text->len > REDACT_MAX)
		text->len = REDACT_MAX;
	s->text = text;
	s->n = 0;
	l = letters_of(text->data, text->len);
	l.marks = marks;
	while ((c = letters_next(&l)) != -1 && s->n < REDACT_MAX) {
		s->letter[s->n] = (unsigned char)c;
		s->from[s->n] = (uint16_t)(l.from - text->data);
		s->to[s->n] = (uint16_t)(l.p - text->data);
		s->hide[s->n++] = false;
	}
}

static void
said_hide(struct said *s, size_t at, size_t n)
{
	memset(s->hide + at, true, n);
}

/*
 * Two that are hidden side by side hide what stands between them. This is the
 * end of it.
 */
static void
said_write(struct said *s)
{
	size_t from = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (!s->hide[i])
			continue;
		if (i == 0 || !s->hide[i - 1])
			from = s->from[i];
		memset(s->text->data + from, '*', s->to[i] - from);
		from = s->to[i];
	}
	explicit_bzero(s->letter, s->n);
}

/* Hide a row of letters wherever it stands. */
static void
said_hide_row(struct said *s, const unsigned char *row, size_t n)
{
	for (size_t i = 0; n > 0 && i + n <= s->n; i++)
		if (memcmp(s->letter + i, row, n) == 0)
			said_hide(s, i, n);
}

/*
 * Places.
 */

/* Where what was said has a row of letters, by that as a number. */
struct places {
	size_t n;
	uint16_t slot[SLOTS];    /* the last one of those alike */
	uint16_t before[PLACES]; /* the next of these */
	uint16_t at[PLACES];
	uint8_t len[PLACES];
	uint64_t row[PLACES];
};

static void
places_init(struct places *p)
{
	p->n = 0;
	memset(p->slot, 0xff, sizeof(p->slot));
}

static void
places_wipe(struct places *p)
{
	explicit_bzero(p->row, p->n * sizeof(p->row[0]));
}

static size_t
slot_find(const struct places *p, uint64_t row)
{
	size_t slot = (row * UINT64_C(0x9e3779b97f4a7c15)) >> 51;

	while (p->slot[slot] != NO_PLACE && p->row[p->slot[slot]] != row)
		slot = (slot + 1) % SLOTS;
	return slot;
}

static void
places_add(struct places *p, uint64_t row, size_t at, size_t len)
{
	size_t slot = slot_find(p, row);

	p->row[p->n] = row;
	p->at[p->n] = (uint16_t)at;
	p->len[p->n] = (uint8_t)len;
	p->before[p->n] = p->slot[slot];
	p->slot[slot] = (uint16_t)p->n++;
}

/* What was hidden once is not looked at again, but the last of those alike. */
static void
places_hide(struct places *p, struct said *s, uint64_t row)
{
	uint16_t place = p->slot[slot_find(p, row)], next;

	for (; place != NO_PLACE; place = next) {
		said_hide(s, p->at[place], p->len[place]);
		next = p->before[place];
		p->before[place] = NO_PLACE;
	}
}

/* The last letters of a row of them. */
static uint64_t
row_add(uint64_t row, int c, size_t len)
{
	row = row << 8 | (unsigned)c;
	return len == sizeof(row) ? row : row & ((UINT64_C(1) << 8 * len) - 1);
}

static void
places_add_pieces(struct places *p, const struct said *s, size_t len)
{
	uint64_t row = 0;

	for (size_t i = 0; i < s->n; i++) {
		row = row_add(row, s->letter[i], len);
		if (i + 1 >= len)
			places_add(p, row, i + 1 - len, len);
	}
}

static void
places_hide_pieces(
    struct places *p, struct said *s, struct letters l, size_t len)
{
	uint64_t row = 0;
	size_t seen = 0;
	int c;

	while ((c = letters_next(&l)) != -1) {
		row = row_add(row, c, len);
		if (++seen >= len)
			places_hide(p, s, row);
	}
}

/*
 * Secrets.
 */

static void
hide_whole(struct buf *said, const char *secret, size_t n)
{
	char *at, *from = said->data, *end = said->data + said->len;

	while ((at = memmem(from, (size_t)(end - from), secret, n)) != NULL) {
		memset(at, '*', n);
		from = at + n;
	}
	for (n = n < said->len ? n : said->len; n > 0; n--)
		if (memcmp(end - n, secret, n) == 0)
			memset(end - n, '*', n);
}

/* Also in escapes. */
static void
hide_meant(struct buf *said, const char *secret, bool marks)
{
	struct letters l = letters_of(secret, strlen(secret));
	unsigned char row[REDACT_MAX];
	struct said s;
	size_t n = 0;
	int c;

	l.marks = marks;
	while ((c = letters_next(&l)) != -1 && n < REDACT_MAX)
		row[n++] = (unsigned char)c;
	if (c == -1 && (marks || n >= MIN_WHOLE)) {
		said_read(&s, said, marks);
		said_hide_row(&s, row, n);
		said_write(&s);
	}
	explicit_bzero(row, n);
}

static void
hide_pieces(struct buf *said, const char *secret)
{
	struct places places;
	struct said s;

	said_read(&s, said, false);
	places_init(&places);
	places_add_pieces(&places, &s, REDACT_SECRET);
	places_hide_pieces(
	    &places, &s, letters_of(secret, strlen(secret)), REDACT_SECRET);
	places_wipe(&places);
	said_write(&s);
}

void
redact_secret(struct buf *said, const char *secret)
{
	if (said->len == 0 || secret == NULL || *secret == '\0')
		return;
	hide_whole(said, secret, strlen(secret));
	hide_meant(said, secret, true);
	hide_meant(said, secret, false);
	hide_pieces(said, secret);
}

void
redact_headers(struct buf *said, const char *lines)
{
	struct buf value;
	size_t n;

	for (; lines != NULL && *lines != '\0'; lines += n) {
		n = strcspn(lines, "\n");
		buf_init(&value, n + 1);
		buf_add(&value, lines, n);
		if (buf_string(&value) != NULL && strchr(value.data, ':'))
			redact_secret(said,
			    strchr(value.data, ':') + 1 +
				strspn(strchr(value.data, ':') + 1, " \t"));
		buf_wipe(&value);
		n += lines[n] == '\n';
	}
}

/*
 * What was asked.
 */

static bool
is_known(const char *word, size_t n)
{
	static const char *const known[] = { "aborted", "access", "account",
		"again", "allowed", "and", "any", "api", "are", "assistant",
		"at", "available", "backend", "bad", "be", "billing", "busy",
		"by", "cannot", "capacity", "check", "closed", "code",
		"completion", "connection", "content", "context", "credits",
		"currently", "denied", "detail", "does", "due", "engine",
		"error", "event", "exceed", "exceeded", "exception",
		"exhausted", "exist", "expected", "failed", "failure", "false",
		"field", "filter", "for", "format", "found", "from", "gateway",
		"has", "have", "in", "incorrect", "input", "insufficient",
		"internal", "invalid", "is", "it", "key", "large", "later",
		"least", "length", "less", "limit", "loaded", "loading", "long",
		"many", "max", "maximum", "may", "message", "missing", "model",
		"most", "must", "network", "no", "not", "null", "of", "on",
		"only", "or", "out", "output", "overload", "overloaded",
		"param", "parameter", "parameters", "permission", "plan",
		"please", "policy", "project", "prompt", "provided", "provider",
		"quota", "rate", "reached", "refused", "request", "requests",
		"required", "reset", "resource", "retry", "role", "see",
		"server", "service", "size", "status", "stream", "support",
		"supported", "system", "temporarily", "than", "that", "the",
		"this", "timed", "timeout", "to", "token", "tokens", "too",
		"true", "try", "type", "unavailable", "unknown", "unsupported",
		"upstream", "use", "used", "user", "value", "was", "with",
		"within", "you", "your" };

	for (size_t i = 0; i < COUNT(known); i++)
		if (strlen(known[i]) == n &&
		    strncasecmp(known[i], word, n) == 0)
			return true;
	return n == 3 && isdigit((unsigned char)word[0]) &&
	       isdigit((unsigned char)word[1]) &&
	       isdigit((unsigned char)word[2]);
}

/* Words that are shorter than a piece, but of those that failures have. */
static void
places_add_words(struct places *p, const struct said *s)
{
	uint64_t row = 0;
	size_t len = 0;

	for (size_t i = 0; i < s->n; i++) {
		row = row << 8 | s->letter[i];
		len++;
		if (i + 1 < s->n && s->to[i] >= s->from[i + 1])
			continue;
		if (len >= MIN_WHOLE && len < REDACT_PIECE &&
		    !is_known((const char *)s->letter + i + 1 - len, len))
			places_add(p, row, i + 1 - len, len);
		row = 0;
		len = 0;
	}
}

static void
places_hide_words(struct places *p, struct said *s, struct letters l)
{
	const char *end = NULL;
	uint64_t row = 0;
	size_t len = 0;
	int c;

	do {
		c = letters_next(&l);
		if (len > 0 && (c == -1 || l.from > end)) {
			if (len >= MIN_WHOLE && len < REDACT_PIECE)
				places_hide(p, s, row);
			row = 0;
			len = 0;
		}
		row = row << 8 | (unsigned)c;
		len++;
		end = l.p;
	} while (c != -1);
}

/* Behind what the service itself says first. */
static struct letters
letters_of_visitors(const char *messages, size_t n)
{
	static const char first[] = "{\"role\":\"user\",\"content\":\"";
	const char *at = memmem(messages, n, first, sizeof(first) - 1);

	if (at == NULL)
		return letters_of(messages, 0);
	return letters_of(at, (size_t)(messages + n - at));
}

/* The text of the last message, up to its quote. */
static const char *
last_text(const char *messages, size_t n)
{
	static const char before[] = "\"content\":\"";
	const size_t len = sizeof(before) - 1;

	for (size_t at = n < len ? 0 : n - len + 1; at > 0; at--)
		if (memcmp(messages + at - 1, before, len) == 0)
			return messages + at - 1 + len;
	return messages + n;
}

static void
hide_short(struct said *s, const char *text, size_t n)
{
	const char *quote = memchr(text, '"', n);
	unsigned char row[REDACT_PIECE];
	struct letters l;
	size_t len = 0;
	int c;

	l = letters_of(text, quote != NULL ? (size_t)(quote - text) : n);
	while ((c = letters_next(&l)) != -1 && len < REDACT_PIECE)
		row[len++] = (unsigned char)c;
	if (c == -1 && len >= MIN_WHOLE)
		said_hide_row(s, row, len);
	explicit_bzero(row, len);
}

void
redact_asked(struct buf *said, const char *messages, size_t n)
{
	const char *last = last_text(messages, n);
	struct places places;
	struct said s;

	if (said->len == 0)
		return;
	said_read(&s, said, false);
	places_init(&places);
	places_add_pieces(&places, &s, REDACT_PIECE);
	places_add_words(&places, &s);
	places_hide_pieces(&places, &s, letters_of(messages, n), REDACT_PIECE);
	places_hide_words(&places, &s, letters_of_visitors(messages, n));
	hide_short(&s, last, (size_t)(messages + n - last));
	places_wipe(&places);
	said_write(&s);
}

/*
 * What was not.
 */

static bool
is_letter(char c)
{
	return (unsigned char)c >= 0x80 || isalnum((unsigned char)c);
}

void
redact_unknown(struct buf *said)
{
	size_t n;

	for (size_t i = 0; i<said->len; i += n> 0 ? n : 1) {
		for (n = 0; i + n < said->len && is_letter(said->data[i + n]);
		     n++)
			;
		if (!is_known(said->data + i, n))
			memset(said->data + i, '*', n);
	}
}
