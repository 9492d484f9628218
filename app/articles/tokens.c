/*
 * Words without asking the locale or a library of Unicode: a search only has to
 * be near enough, and the same on every machine.
 */
#include "articles/tokens.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

#define REPLACEMENT 0xfffd

/* The next character; what is not UTF-8 is taken as U+FFFD. */
static uint32_t
char_next(const char **p, const char *end)
{
	uint32_t c = (unsigned char)**p;
	size_t len = 1;

	if (c >= 0x80 && (len = text_decode(*p, (size_t)(end - *p), &c)) == 0) {
		c = REPLACEMENT;
		len = 1;
	}
	*p += len;
	return c;
}

/* Near enough: punctuation, signs and pictures lie outside these ranges. */
static bool
char_is_letter(uint32_t c)
{
	if (c < 0x80)
		return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		       (c >= 'a' && c <= 'z');
	return (c >= 0xc0 && c < 0x2000 && c != 0xd7 && c != 0xf7) ||
	       (c >= 0x2c00 && c < 0x2e00) || (c >= 0x3040 && c < 0xfe00) ||
	       (c >= 0x10000 && c < 0x1f000) || c >= 0x20000;
}

static bool
char_is_mark(uint32_t c)
{
	return c >= 0x300 && c < 0x370;
}

/* Lower case without accent, for U+00C0 to U+017F; '.': none of these. */
static char
char_plain(uint32_t c)
{
	static const char latin[] = "aaaaaa.ceeeeiiiidnooooo.ouuuuy.."
				    "aaaaaa.ceeeeiiiidnooooo.ouuuuy.y"
				    "aaaaaaccccccccddddeeeeeeeeeegggg"
				    "gggghhhhiiiiiiiiii..jjkkklllllll"
				    "lllnnnnnnnnnoooooo..rrrrrrssssss"
				    "ssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

	return c >= 0xc0 && c < 0x180 ? latin[c - 0xc0] : '.';
}

/* What two letters were, in Latin. */
static const char *
char_pair(uint32_t c)
{
	switch (c) {
	case 0xc6:
	case 0xe6:
		return "ae";
	case 0xdf:
		return "ss";
	case 0x132:
	case 0x133:
		return "ij";
	case 0x152:
	case 0x153:
		return "oe";
	default:
		return NULL;
	}
}

/* Lower case for Greek and Cyrillic; others as they are. */
static uint32_t
char_lower(uint32_t c)
{
	if ((c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f))
		return c + 0x20;
	if (c >= 0x400 && c <= 0x40f)
		return c + 0x50;
	return c;
}

static void
token_add(struct token *t, const char *bytes, size_t n)
{
	if (t->len + n <= TOKEN_BYTES) {
		memcpy(t->text + t->len, bytes, n);
		t->len += n;
	}
}

/* Behind ASCII; at is how it was written. */
static void
token_add_far(struct token *t, uint32_t c, const char *at, size_t n)
{
	const char *pair = char_pair(c);
	uint32_t lower = char_lower(c);
	char folded[TEXT_MAX_CHARACTER] = { char_plain(c) };

	if (char_is_mark(c))
		return;
	if (folded[0] != '.') {
		token_add(t, folded, 1);
	} else if (pair != NULL) {
		token_add(t, pair, 2);
	} else if (lower != c) {
		token_add(t, folded, text_encode(folded, lower));
	} else {
		token_add(t, at, n);
	}
}

static void
token_add_char(struct token *t, uint32_t c, const char *at, size_t n)
{
	char lower;

	if (c >= 0x80) {
		token_add_far(t, c, at, n);
	} else if (t->len < TOKEN_BYTES) {
		lower = (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
		t->text[t->len++] = lower;
	}
}

bool
tokens_next(struct token *t, const char **p, const char *end)
{
	const char *at;
	uint32_t c;

	t->len = 0;
	while (*p < end) {
		at = *p;
		c = char_next(p, end);
		if (char_is_letter(c)) {
			token_add_char(t, c, at, (size_t)(*p - at));
			if (*p < end)
				continue;
		}
		if (t->len > 1) {
			t->text[t->len] = '\0';
			t->kind = stop_word(t->text);
			return true;
		}
		t->len = 0;
	}
	return false;
}

int
tokens_count(const char *text, size_t len, int max)
{
	const char *p = text, *end = text + len;
	struct token t;
	int n = 0;

	while (n < max && tokens_next(&t, &p, end))
		n += t.kind == WORD_PLAIN;
	return n;
}
