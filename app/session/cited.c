/*
 *	grounding, by: 1 byte each; then for each source:
 *	number, length of the title: 1 each; of the URL: 2; of the date: 1;
 *	title, URL, date
 */
#include "session/cited.h"

#include <stdint.h>

#include "base/bytes.h"
#include "base/text.h"

#define HEAD      2
#define ROW       5
#define TITLE_MAX 160
#define URL_MAX   1024
#define DATE_MAX  10

const char *
cited_grounding_name(enum cited_grounding g)
{
	static const char *const names[] = { NULL, "cited", "uncited", "none" };

	return names[g];
}

const char *
cited_by_name(enum cited_by by)
{
	static const char *const names[] = { NULL, "model", "articles" };

	return names[by];
}

void
cited_begin(struct buf *b, enum cited_grounding g, enum cited_by by)
{
	bytes_add(b, g, 1);
	bytes_add(b, by, 1);
}

bool
cited_add(struct buf *b, const struct cited_source *s)
{
	size_t title = s->title_len, url = s->url_len;

	if (title > TITLE_MAX)
		title = text_floor(s->title, TITLE_MAX);
	if (url > URL_MAX)
		url = 0;
	if (b->max - b->len < ROW + title + url + s->date_len)
		return false;
	bytes_add(b, s->n, 1);
	bytes_add(b, title, 1);
	bytes_add(b, url, 2);
	bytes_add(b, s->date_len, 1);
	buf_add(b, s->title, title);
	buf_add(b, s->url, url);
	buf_add(b, s->date, s->date_len);
	return true;
}

enum cited_grounding
cited_grounding(const char *p, size_t n)
{
	return n < HEAD ? GROUNDING_UNSAID : (enum cited_grounding)p[0];
}

enum cited_by
cited_by(const char *p, size_t n)
{
	return n < HEAD ? BY_UNSAID : (enum cited_by)p[1];
}

bool
cited_next(const char *p, size_t n, size_t *pos, struct cited_source *s)
{
	if (*pos == 0)
		*pos = HEAD;
	if (n < *pos || n - *pos < ROW)
		return false;
	p += *pos;
	s->n = (unsigned)bytes_get(p, 1);
	s->title_len = bytes_get(p + 1, 1);
	s->url_len = bytes_get(p + 2, 2);
	s->date_len = bytes_get(p + 4, 1);
	s->title = p + ROW;
	s->url = s->title + s->title_len;
	s->date = s->url + s->url_len;
	*pos += ROW + s->title_len + s->url_len + s->date_len;
	return *pos <= n;
}

static bool
is_sound(const struct cited_source *s)
{
	return s->n > 0 && s->title_len <= TITLE_MAX && s->url_len <= URL_MAX &&
	       s->date_len <= DATE_MAX &&
	       text_is_utf8(
		   s->title, s->title_len + s->url_len + s->date_len) &&
	       text_is_utf8(s->title, s->title_len) &&
	       text_is_utf8(s->url, s->url_len);
}

bool
cited_valid(const char *p, size_t n)
{
	struct cited_source s;
	size_t pos = 0;

	if (n < HEAD || n > CITED_MAX || (uint8_t)p[0] > GROUNDING_NONE ||
	    (uint8_t)p[1] > BY_ARTICLES)
		return false;
	while (cited_next(p, n, &pos, &s))
		if (!is_sound(&s))
			return false;
	return pos == n;
}
