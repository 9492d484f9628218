/* Texts come in, words become numbers; what follows from these is for later. */
#include "articles/index_build.h"

#include <stdlib.h>
#include <string.h>

#include "articles/index_build_state.h"
#include "articles/passages.h"
#include "articles/tokens.h"
#include "base/buf.h"

#define URL_MAX          2048
#define TITLE_TOKENS_MAX 64 /* of a title that are searched */
#define EPOCH            1970

static const char no_memory[] = "out of memory";

struct index_build *
index_build_new(const struct index_limits *limits)
{
	struct index_build *b;

	if ((b = calloc(1, sizeof(*b))) == NULL)
		return NULL;
	b->limits = *limits;
	if ((b->stemmer = stemmer_open()) == NULL) {
		free(b);
		return NULL;
	}
	return b;
}

void
index_build_free(struct index_build *b)
{
	if (b == NULL)
		return;
	stemmer_close(b->stemmer);
	pile_free(&b->articles);
	pile_free(&b->passages);
	pile_free(&b->terms);
	pile_free(&b->tokens);
	pile_free(&b->names);
	pile_free(&b->texts);
	slots_free(&b->by_name);
	slots_free(&b->by_url);
	free(b);
}

/*
 * Words.
 */

/* The term of a stem, a new one when it was not seen yet. */
static bool
build_term(struct index_build *b, const struct token *t, uint32_t *term)
{
	struct index_term row = { .name_len = (uint32_t)t->len };
	const struct index_term *terms = (const void *)b->terms.data;
	uint32_t hash = slots_hash(t->text, t->len);
	size_t at = 0;

	while ((*term = slots_next(&b->by_name, hash, &at)) != SLOT_NONE) {
		if (terms[*term].name_len == t->len &&
		    memcmp(b->names.data + terms[*term].name, t->text,
			t->len) == 0)
			return true;
	}
	*term = (uint32_t)b->head.terms++;
	row.name = (uint32_t)b->names.len;
	return pile_add(&b->names, t->text, t->len) &&
	       pile_add(&b->terms, &row, sizeof(row)) &&
	       slots_add(&b->by_name, hash, *term);
}

/* Number the words of a text; how many there are, -1 without memory. */
static int64_t
build_tokens(struct index_build *b, const char *text, size_t len, uint32_t max)
{
	const char *p = text, *end = text + len;
	struct token t;
	uint32_t term, n = 0;

	while (n < max && tokens_next(&t, &p, end)) {
		if (t.kind != WORD_PLAIN)
			continue;
		if (!stemmer_cut(b->stemmer, &t) || !build_term(b, &t, &term) ||
		    !pile_add(&b->tokens, &term, sizeof(term)))
			return -1;
		n++;
	}
	b->head.tokens += n;
	return n;
}

static bool
build_passages(struct index_build *b, struct index_article *a, const char *text)
{
	struct index_passage p = { .article = (uint32_t)b->head.articles };
	int64_t n;

	for (p.start = 0; p.start < a->text; p.start += p.len) {
		p.len = (uint32_t)passage_length(
		    text + p.start, a->text - p.start);
		p.first_token = (uint32_t)b->head.tokens;
		n = build_tokens(b, text + p.start, p.len, UINT32_MAX);
		p.tokens = (uint32_t)n;
		if (n < 0 || !pile_add(&b->passages, &p, sizeof(p)))
			return false;
		a->passages++;
	}
	b->head.passages += a->passages;
	return true;
}

/*
 * Texts.
 */

bool
index_date_ok(const char *date, size_t len)
{
	static const char form[] = "0000-00-00";
	int month, day;
	size_t i;

	if (len != INDEX_DATE)
		return false;
	for (i = 0; i < len; i++) {
		if (form[i] == '-' ? date[i] != '-'
				   : date[i] < '0' || date[i] > '9')
			return false;
	}
	month = (date[5] - '0') * 10 + date[6] - '0';
	day = (date[8] - '0') * 10 + date[9] - '0';
	return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* Days from the first of March of year 0, as years begin in March here. */
static int64_t
day_number(int64_t year, int64_t month, int64_t day)
{
	if (month <= 2) {
		year--;
		month += 12;
	}
	return 365 * year + year / 4 - year / 100 + year / 400 +
	       (153 * (month - 3) + 2) / 5 + day - 1;
}

uint32_t
index_day(const char *date)
{
	int64_t days = day_number(strtol(date, NULL, 10),
			   strtol(date + 5, NULL, 10),
			   strtol(date + 8, NULL, 10)) -
	               day_number(EPOCH, 1, 1);

	return days > 0 ? (uint32_t)days : 0;
}

static bool
url_begins(const char *url, size_t len, const char *scheme)
{
	size_t n = strlen(scheme);

	return len > n && memcmp(url, scheme, n) == 0;
}

bool
index_url_ok(const char *url, size_t len)
{
	size_t i;

	if (len > URL_MAX || (!url_begins(url, len, "http://") &&
				 !url_begins(url, len, "https://")))
		return false;
	for (i = 0; i < len; i++) {
		if (url[i] <= ' ' || url[i] > '~' ||
		    strchr("<>\"\\`()", url[i]) != NULL)
			return false;
	}
	return true;
}

/* A URL as it may stand in Markdown's parentheses; NULL: it is none. */
static const char *
url_copy(struct buf *out, const char *url, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (url[i] == '(' || url[i] == ')')
			buf_addf(out, "%%%02X", (unsigned)url[i]);
		else
			buf_addc(out, url[i]);
	}
	if (out->failed || !index_url_ok(out->data, out->len))
		return NULL;
	return out->data;
}

static bool
url_is_known(const struct index_build *b, const char *url, size_t len)
{
	const struct index_article *all = (const void *)b->articles.data, *a;
	uint32_t hash = slots_hash(url, len), n;
	size_t at = 0;

	while ((n = slots_next(&b->by_url, hash, &at)) != SLOT_NONE) {
		a = &all[n];
		if (a->url == len &&
		    memcmp(b->texts.data + a->first_text + a->title + 1, url,
			len) == 0)
			return true;
	}
	return false;
}

static bool
add_text(struct index_build *b, const char *text, size_t len)
{
	return pile_add(&b->texts, text, len) && pile_add(&b->texts, "", 1);
}

static const char *
build_article(struct index_build *b, const struct article_text *t,
    const char *url, size_t url_len)
{
	struct index_article a = {
		.first_text = b->texts.len,
		.title = (uint32_t)t->title_len,
		.url = (uint32_t)url_len,
		.text = (uint32_t)t->text_len,
		.day = index_day(t->date),
		.first_passage = (uint32_t)b->head.passages,
		.first_token = (uint32_t)b->head.tokens,
	};
	int64_t n;

	if (!add_text(b, t->title, t->title_len) ||
	    !add_text(b, url, url_len) || !add_text(b, t->date, INDEX_DATE) ||
	    !add_text(b, t->text, t->text_len))
		return no_memory;
	n = build_tokens(b, t->title, t->title_len, TITLE_TOKENS_MAX);
	a.title_tokens = n > 0 ? (uint32_t)n : 0;
	if (n < 0 || !build_passages(b, &a, t->text) ||
	    !slots_add(&b->by_url, slots_hash(url, url_len),
		(uint32_t)b->head.articles) ||
	    !pile_add(&b->articles, &a, sizeof(a)))
		return no_memory;
	b->head.articles++;
	return NULL;
}

/* So far; the postings are at least as many as there are terms. */
static uint64_t
build_size(const struct index_build *b)
{
	return b->articles.len + b->passages.len + b->terms.len +
	       b->tokens.len + b->names.len + b->texts.len;
}

static const char *
build_checked(struct index_build *b, const struct article_text *t,
    const char *url, size_t url_len, const char **value)
{
	*value = t->url;
	if (url == NULL)
		return "url: must begin with http:// or https:// and be ASCII "
		       "without blanks";
	if (url_is_known(b, url, url_len))
		return "url: must be unique";
	*value = NULL;
	return build_article(b, t, url, url_len);
}

const char *
index_build_add(
    struct index_build *b, const struct article_text *t, const char **value)
{
	struct buf copy;
	const char *what, *url;

	*value = t->date;
	if (!index_date_ok(t->date, t->date_len))
		return "date: must be YYYY-MM-DD";
	*value = NULL;
	if (b->head.articles >= b->limits.articles)
		return "is one article too many (articles_max)";
	if (t->title_len + t->url_len + t->text_len > b->limits.article_bytes)
		return "is longer than article_max_bytes";
	buf_init(&copy, 3 * URL_MAX);
	url = url_copy(&copy, t->url, t->url_len);
	what = build_checked(b, t, url, copy.len, value);
	buf_free(&copy);
	if (what == NULL && build_size(b) > b->limits.memory)
		what = "needs more than articles_memory";
	return what;
}

size_t
index_build_count(const struct index_build *b)
{
	return b->head.articles;
}

struct index *
index_build_finish(struct index_build *b, const char **what)
{
	struct index *ix;
	size_t size;
	char *block;

	if ((block = index_pack(b, &size, what)) == NULL)
		return NULL;
	if ((ix = index_new(block, size)) == NULL)
		*what = no_memory;
	return ix;
}
