/*
 * Addresses that stand in a text as such, which readers of many kinds make
 * links of.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "chat/grounding/cite_marks.h"
#include "chat/grounding/cite_parts.h"

/* What may stand behind an address without being part of it; its bytes. */
static size_t
closing_length(const char *p, size_t n)
{
	static const char *const wide[] = { "»", "’", "”", "…", "“", "«" };

	if (strchr(").,;:!?*_]'~", *p) != NULL && *p != '\0')
		return 1;
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		if (n >= strlen(wide[i]) &&
		    memcmp(p, wide[i], strlen(wide[i])) == 0)
			return strlen(wide[i]);
	return 0;
}

/* Whether an address ends here, but for punctuation. */
static enum cite_read
read_url_end(const struct cite_text *t, size_t at)
{
	size_t n;

	for (; at < t->n; at += n) {
		if ((unsigned char)t->p[at] <= ' ' ||
		    strchr("<>\"`|[", t->p[at]) != NULL)
			return CITE_READ;
		if (!t->whole && t->n - at < 3 &&
		    (unsigned char)t->p[at] >= 0x80)
			return CITE_MORE;
		if ((n = closing_length(t->p + at, t->n - at)) == 0)
			return CITE_NONE;
	}
	if (t->whole && t->n >= CITE_HELD_MAX)
		return CITE_NONE;
	return t->whole ? CITE_READ : CITE_MORE;
}

/* The longest address of a source that stands here. */
static enum cite_read
read_known(const struct cite_filter *f, const struct cite_text *t, size_t *len)
{
	const struct cite_url *url;
	enum cite_read got, best = CITE_NONE;
	size_t n;

	for (unsigned i = 0; i < f->conf.count; i++) {
		url = &f->conf.urls[i];
		n = url->len < t->n ? url->len : t->n;
		if (url->len == 0 || memcmp(url->text, t->p, n) != 0)
			continue;
		got = n < url->len ? (t->whole ? CITE_NONE : CITE_MORE)
		                   : read_url_end(t, n);
		if (got == CITE_MORE)
			return got;
		if (got == CITE_READ) {
			*len = n;
			best = CITE_READ;
		}
	}
	return best;
}

/* The length of the scheme that stands here. */
static enum cite_read
read_scheme(const struct cite_filter *f, const struct cite_text *t, size_t *len)
{
	static const char *const schemes[] = { "http://", "https://", "ftp://",
		"ftps://", "ws://", "wss://", "file://",
		"mailto:", "vbscript:", "javascript:", "www." };
	bool apart = !isalnum((unsigned char)f->tail[0]);
	size_t i, n;

	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		*len = strlen(schemes[i]);
		n = *len < t->n ? *len : t->n;
		if ((i > 6 && !apart) || strncasecmp(schemes[i], t->p, n) != 0)
			continue;
		if (n < *len || (i > 6 && t->n == *len))
			return t->whole ? CITE_NONE : CITE_MORE;
		if (i <= 6 || !cite_is_blank(t->p[n]))
			return CITE_READ;
	}
	return CITE_NONE;
}

size_t
cite_take_address(struct cite_filter *f, const struct cite_text *t)
{
	size_t len, scheme;
	enum cite_read got = read_scheme(f, t, &len);

	if (got != CITE_READ)
		return got == CITE_MORE ? 0 : cite_plain(f, t->p, 1);
	scheme = len;
	if ((got = read_known(f, t, &len)) == CITE_MORE)
		return 0;
	if (got == CITE_READ) {
		cite_write_raw(f, t->p, len);
		f->in_url = true;
		return len;
	}
	f->links++;
	f->dropped = true;
	return scheme;
}

/* An address without a scheme: that of the page counts. */
size_t
cite_take_slash(struct cite_filter *f, const struct cite_text *t)
{
	char before = f->tail[0];

	if (before != '\0' && !cite_is_blank(before) &&
	    strchr("(\"'<=>", before) == NULL)
		return cite_plain(f, t->p, 1);
	if (t->n < 3 && !t->whole && (t->n == 1 || t->p[1] == '/'))
		return 0;
	if (t->n < 3 || t->p[1] != '/' || !isalnum((unsigned char)t->p[2]))
		return cite_plain(f, t->p, 1);
	f->links++;
	f->dropped = true;
	return 2;
}
