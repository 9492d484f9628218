/*
 * Texts are compared as rows of letters and digits: whatever quotes, escapes
 * or blanks a server puts between them, these stay.
 */
#include "chat/model/redact.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define SLOTS     4096 /* a power of two, over REDACT_MAX */
#define MIN_WHOLE 3    /* letters of a message that is told by them */
#define NO_PLACE  UINT16_MAX
#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))

/* The letters and digits of a text, one after the other, as UTF-8. */
struct letters {
	const char *p, *end;
	const char *from;   /* of the last one */
	char left[4];       /* of an escape that stands for several bytes */
	unsigned lefts, at; /* of left */
	bool latin;         /* the last byte began a Latin-1 letter */
};

/* What was said: its letters, and where they stand. */
struct said {
	struct buf *text;
	size_t n;
	unsigned char letter[REDACT_MAX];
	uint16_t from[REDACT_MAX], to[REDACT_MAX];
	bool hide[REDACT_MAX];
};

/*
 * Letters.
 */

static bool
read_hex(const struct letters *l, const char *p, unsigned *code)
{
	static const char digits[] = "0123456789abcdef";
	const char *digit;

	*code = 0;
	if (l->end - p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		digit = strchr(digits, tolower((unsigned char)p[i]));
		if (p[i] == '\0' || digit == NULL)
			return false;
		*code = *code << 4 | (unsigned)(digit - digits);
	}
	return true;
}

static void
put_utf8(struct letters *l, unsigned code)
{
	static const unsigned char mark[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	unsigned n = code < 0x80      ? 1
	             : code < 0x800   ? 2
	             : code < 0x10000 ? 3
	                              : 4;

	for (unsigned i = n; i > 1; i--, code >>= 6)
		l->left[i - 1] = (char)(0x80 | (code & 0x3f));
	l->left[0] = (char)(mark[n] | code);
	l->lefts = n;
	l->at = 0;
}

/* At "uXXXX", behind a backslash; perhaps the first half of a pair. */
static bool
read_unicode(struct letters *l)
{
	unsigned code, low;
	const char *p = l->p + 1;

	if (!read_hex(l, p, &code))
		return false;
	p += 4;
	l->p = p;
	if (code >= 0xd800 && code < 0xdc00) {
		while (p < l->end && *p == '\\')
			p++;
		if (p > l->p && p < l->end && *p == 'u' &&
		    read_hex(l, p + 1, &low) && low >= 0xdc00 && low < 0xe000) {
			code = 0x10000 + ((code - 0xd800) << 10) +
			       (low - 0xdc00);
			l->p = p + 5;
		}
	}
	put_utf8(l, code);
	return true;
}

/* Behind backslashes, however many: escapes may be escaped again. */
static void
read_escape(struct letters *l)
{
	while (l->p < l->end && *l->p == '\\')
		l->p++;
	if (l->p == l->end || (*l->p == 'u' && read_unicode(l)))
		return;
	if (strchr("bfnrt", *l->p) != NULL)
		l->p++;
}

static bool
is_letter(unsigned char c)
{
	return c >= 0x80 || isalnum(c);
}

/* Of ASCII, and of the Latin-1 letters (U+00C0 to U+00DE). */
static int
small_letter(struct letters *l, unsigned char c)
{
	bool latin = l->latin;

	l->latin = c == 0xc3;
	if (latin && c >= 0x80 && c <= 0x9e)
		return c + 0x20;
	return tolower(c);
}

/* The next one, small; -1 at the end. */
static int
next_letter(struct letters *l)
{
	unsigned char c;

	for (;;) {
		if (l->at < l->lefts) {
			c = (unsigned char)l->left[l->at++];
		} else if (l->p == l->end) {
			return -1;
		} else {
			l->from = l->p;
			c = (unsigned char)*l->p;
			if (c == '\\') {
				read_escape(l);
				continue;
			}
			l->p++;
		}
		if (is_letter(c))
			return small_letter(l, c);
	}
}

static struct letters
letters_of(const char *text, size_t n)
{
	return (struct letters){ .p = text, .end = text + n };
}

/*
 * What was said.
 */

static void
said_read(struct said *s, struct buf *text)
{
	struct letters l;
	int c;

	if (text->len > REDACT_MAX)
		text->len = REDACT_MAX;
	s->text = text;
	s->n = 0;
	l = letters_of(text->data, text->len);
	while ((c = next_letter(&l)) != -1) {
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

/* Two that are hidden side by side hide what stands between them. */
static void
said_write(const struct said *s)
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

void
redact_secret(struct buf *said, const char *secret)
{
	unsigned char row[REDACT_SECRET];
	struct letters l;
	struct said s;
	size_t n = 0;
	int c;

	if (said->len == 0 || secret == NULL || *secret == '\0')
		return;
	said_read(&s, said);
	l = letters_of(secret, strlen(secret));
	while ((c = next_letter(&l)) != -1) {
		if (n == REDACT_SECRET)
			memmove(row, row + 1, --n);
		row[n++] = (unsigned char)c;
		if (n == REDACT_SECRET)
			said_hide_row(&s, row, n);
	}
	said_write(&s);
	hide_whole(said, secret, strlen(secret));
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

/* The places of what was said, by the eight letters that begin there. */
struct places {
	uint16_t slot[SLOTS];
	uint64_t eight[REDACT_MAX];
};

_Static_assert(REDACT_PIECE == 8, "so many letters are one number");

static size_t
slot_of(uint64_t eight)
{
	return (size_t)((eight * UINT64_C(0x9e3779b97f4a7c15)) >> 52);
}

static void
places_read(struct places *p, const struct said *s)
{
	uint64_t eight = 0;
	size_t slot;

	memset(p->slot, 0xff, sizeof(p->slot));
	for (size_t i = 0; i < s->n; i++) {
		eight = eight << 8 | s->letter[i];
		if (i + 1 < REDACT_PIECE)
			continue;
		p->eight[i + 1 - REDACT_PIECE] = eight;
		slot = slot_of(eight);
		while (p->slot[slot] != NO_PLACE)
			slot = (slot + 1) % SLOTS;
		p->slot[slot] = (uint16_t)(i + 1 - REDACT_PIECE);
	}
}

static void
places_hide(const struct places *p, struct said *s, uint64_t eight)
{
	size_t slot = slot_of(eight);

	for (; p->slot[slot] != NO_PLACE; slot = (slot + 1) % SLOTS)
		if (p->eight[p->slot[slot]] == eight)
			said_hide(s, p->slot[slot], REDACT_PIECE);
}

static void
hide_pieces(struct said *s, const char *messages, size_t n)
{
	struct letters l = letters_of(messages, n);
	struct places places;
	uint64_t eight = 0;
	size_t seen = 0;
	int c;

	places_read(&places, s);
	while ((c = next_letter(&l)) != -1) {
		eight = eight << 8 | (unsigned)c;
		if (++seen >= REDACT_PIECE)
			places_hide(&places, s, eight);
	}
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
	while ((c = next_letter(&l)) != -1) {
		if (len == REDACT_PIECE)
			return;
		row[len++] = (unsigned char)c;
	}
	if (len >= MIN_WHOLE)
		said_hide_row(s, row, len);
}

void
redact_asked(struct buf *said, const char *messages, size_t n)
{
	const char *last = last_text(messages, n);
	struct said s;

	if (said->len == 0)
		return;
	said_read(&s, said);
	hide_pieces(&s, messages, n);
	hide_short(&s, last, (size_t)(messages + n - last));
	said_write(&s);
}

/*
 * Words of failures.
 */

static bool
is_known(const char *word, size_t n)
{
	static const char *const known[] = { "aborted", "api", "backend", "bad",
		"busy", "capacity", "closed", "code", "connection", "content",
		"context", "detail", "due", "engine", "error", "event",
		"exceeded", "exception", "exhausted", "failed", "failure",
		"false", "filter", "gateway", "internal", "invalid", "length",
		"limit", "loading", "long", "max", "maximum", "message",
		"model", "network", "not", "null", "out", "overload",
		"overloaded", "param", "policy", "provider", "quota", "rate",
		"reached", "request", "requests", "reset", "resource", "retry",
		"server", "service", "status", "stream", "temporarily",
		"timeout", "timed", "tokens", "too", "true", "type",
		"unavailable", "unknown", "upstream" };

	for (size_t i = 0; i < COUNT(known); i++)
		if (strlen(known[i]) == n &&
		    strncasecmp(known[i], word, n) == 0)
			return true;
	return n == 3 && isdigit((unsigned char)word[0]) &&
	       isdigit((unsigned char)word[1]) &&
	       isdigit((unsigned char)word[2]);
}

void
redact_unknown(struct buf *said)
{
	size_t n;

	for (size_t i = 0; i<said->len; i += n> 0 ? n : 1) {
		for (n = 0; i + n < said->len &&
			    is_letter((unsigned char)said->data[i + n]);
		     n++)
			;
		if (!is_known(said->data + i, n))
			memset(said->data + i, '*', n);
	}
}
