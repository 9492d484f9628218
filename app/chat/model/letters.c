#include "chat/model/letters.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define MAX_CODE   0x10ffff
#define MAX_DIGITS 8 /* of a number that stands for a character */
#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))

/*
 * Numbers.
 */

/* Exactly so many digits of sixteen. */
static bool
read_hex(const struct letters *l, const char *p, int digits, unsigned *code)
{
	return l->end - p >= digits && text_hex_number(p, (size_t)digits, code);
}

static void
put_byte(struct letters *l, unsigned byte)
{
	l->left[0] = (char)byte;
	l->lefts = 1;
	l->at = 0;
}

static void
put_utf8(struct letters *l, unsigned code)
{
	l->lefts = (unsigned)text_encode(l->left, code);
	l->at = 0;
}

/*
 * Behind backslashes.
 */

/* At "uXXXX"; perhaps the first half of a pair. */
static bool
read_unicode(struct letters *l)
{
	unsigned code, low;
	const char *p = l->p + 1;

	if (!read_hex(l, p, 4, &code))
		return false;
	p += 4;
	l->p = p;
	if (code >= 0xd800 && code < 0xdc00) {
		while (p < l->end && *p == '\\')
			p++;
		if (p > l->p && p < l->end && *p == 'u' &&
		    read_hex(l, p + 1, 4, &low) && low >= 0xdc00 &&
		    low < 0xe000) {
			code = 0x10000 + ((code - 0xd800) << 10) +
			       (low - 0xdc00);
			l->p = p + 5;
		}
	}
	put_utf8(l, code);
	return true;
}

/* At "UXXXXXXXX", as Python has it. */
static bool
read_long_unicode(struct letters *l)
{
	unsigned code;

	if (!read_hex(l, l->p + 1, 8, &code) || code > MAX_CODE)
		return false;
	l->p += 9;
	put_utf8(l, code);
	return true;
}

/* At "xHH": a byte of UTF-8 among others, or else a letter of Latin-1. */
static bool
read_byte(struct letters *l)
{
	unsigned code, next;
	const char *p = l->p + 3;
	bool utf8;

	if (!read_hex(l, l->p + 1, 2, &code))
		return false;
	l->p = p;
	while (p < l->end && *p == '\\')
		p++;
	utf8 = code < 0xc0 ||
	       (p > l->p && p < l->end && *p == 'x' &&
		   read_hex(l, p + 1, 2, &next) && (next & 0xc0) == 0x80);
	if (utf8)
		put_byte(l, code);
	else
		put_utf8(l, code);
	return true;
}

/* However many there are: escapes may be escaped again. */
static void
read_escape(struct letters *l)
{
	while (l->p < l->end && *l->p == '\\')
		l->p++;
	if (l->p == l->end || (*l->p == 'u' && read_unicode(l)) ||
	    (*l->p == 'U' && read_long_unicode(l)) ||
	    (*l->p == 'x' && read_byte(l)))
		return;
	if (strchr("bfnrt", *l->p) != NULL)
		l->p++;
}

/*
 * In addresses.
 */

/* At '%', which may stand there as "%25". */
static bool
read_percent(struct letters *l)
{
	const char *p = l->p + 1;
	unsigned code, next;

	if (!read_hex(l, p, 2, &code))
		return false;
	while (code == '%' && read_hex(l, p + 2, 2, &next)) {
		code = next;
		p += 2;
	}
	l->p = p + 2;
	put_byte(l, code);
	return true;
}

/*
 * In HTML.
 */

static const struct name {
	const char *name;
	unsigned code;
} names[] = {
	{ "AElig", 0xc6 },
	{ "Agrave", 0xc0 },
	{ "Acirc", 0xc2 },
	{ "Ccedil", 0xc7 },
	{ "Eacute", 0xc9 },
	{ "Egrave", 0xc8 },
	{ "Ecirc", 0xca },
	{ "Icirc", 0xce },
	{ "OElig", 0x152 },
	{ "Ocirc", 0xd4 },
	{ "aacute", 0xe1 },
	{ "acirc", 0xe2 },
	{ "aelig", 0xe6 },
	{ "agrave", 0xe0 },
	{ "apos", '\'' },
	{ "aring", 0xe5 },
	{ "atilde", 0xe3 },
	{ "auml", 0xe4 },
	{ "ccedil", 0xe7 },
	{ "eacute", 0xe9 },
	{ "ecirc", 0xea },
	{ "egrave", 0xe8 },
	{ "euml", 0xeb },
	{ "gt", '>' },
	{ "iacute", 0xed },
	{ "icirc", 0xee },
	{ "igrave", 0xec },
	{ "iuml", 0xef },
	{ "laquo", 0xab },
	{ "lt", '<' },
	{ "nbsp", 0xa0 },
	{ "ntilde", 0xf1 },
	{ "oacute", 0xf3 },
	{ "ocirc", 0xf4 },
	{ "oelig", 0x153 },
	{ "ograve", 0xf2 },
	{ "oslash", 0xf8 },
	{ "otilde", 0xf5 },
	{ "ouml", 0xf6 },
	{ "quot", '"' },
	{ "raquo", 0xbb },
	{ "rsquo", 0x2019 },
	{ "szlig", 0xdf },
	{ "uacute", 0xfa },
	{ "ucirc", 0xfb },
	{ "ugrave", 0xf9 },
	{ "uuml", 0xfc },
	{ "yuml", 0xff },
};

static bool
name_read(const char *name, size_t n, unsigned *code)
{
	for (size_t i = 0; i < COUNT(names); i++)
		if (strlen(names[i].name) == n &&
		    memcmp(names[i].name, name, n) == 0) {
			*code = names[i].code;
			return true;
		}
	return false;
}

/* Of ten, or after an x of sixteen. */
static bool
number_read(const char *p, size_t n, unsigned *code)
{
	bool hex = n > 0 && (*p == 'x' || *p == 'X');
	unsigned base = hex ? 16 : 10;
	size_t i = hex;

	*code = 0;
	if (n <= i || n - i > MAX_DIGITS)
		return false;
	for (; i < n && *code <= MAX_CODE; i++) {
		if (text_hex(p[i]) >= base)
			return false;
		*code = *code * base + text_hex(p[i]);
	}
	return *code <= MAX_CODE;
}

/* Behind '&', up to the semicolon. */
static bool
read_name(struct letters *l, const char *p)
{
	const char *semicolon;
	unsigned code;
	size_t n;

	semicolon = memchr(p, ';', (size_t)(l->end - p < 12 ? l->end - p : 12));
	n = semicolon == NULL ? 0 : (size_t)(semicolon - p);
	if (n == 0 || !(*p == '#' ? number_read(p + 1, n - 1, &code)
				  : name_read(p, n, &code)))
		return false;
	l->p = semicolon + 1;
	put_utf8(l, code);
	return true;
}

/* At '&', which may stand there as "&amp;". */
static bool
read_reference(struct letters *l)
{
	const char *p = l->p + 1;

	while (l->end - p >= 4 && memcmp(p, "amp;", 4) == 0)
		p += 4;
	if (read_name(l, p))
		return true;
	if (p == l->p + 1)
		return false;
	l->p = p;
	put_byte(l, '&');
	return true;
}

/*
 * Letters.
 */

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

/* The next byte that is meant; -1: none, yet. */
static int
read_one(struct letters *l)
{
	char c;

	if (l->at < l->lefts)
		return (unsigned char)l->left[l->at++];
	l->from = l->p;
	c = *l->p;
	if (c == '\\') {
		read_escape(l);
		return -1;
	}
	if ((c == '%' && read_percent(l)) || (c == '&' && read_reference(l)))
		return -1;
	l->p++;
	return (unsigned char)c;
}

int
letters_next(struct letters *l)
{
	int c;

	while (l->at < l->lefts || l->p < l->end) {
		c = read_one(l);
		if (c != -1 && (c >= 0x80 || isalnum(c) || l->marks))
			return small_letter(l, (unsigned char)c);
	}
	return -1;
}

struct letters
letters_of(const char *text, size_t n)
{
	return (struct letters){ .p = text, .end = text + n };
}
