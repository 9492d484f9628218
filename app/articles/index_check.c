/*
 * A checksum finds what an accident did; but whoever can write the file can
 * write a checksum, so every number is held against what it counts.
 */
#include "articles/index_check.h"

#include <string.h>

#include "articles/index.h"
#include "articles/index_build.h"
#include "base/text.h"

const char *
index_check_head(const struct index_head *head, uint64_t file_size)
{
	struct index_view v;

	if (memcmp(head->magic, INDEX_MAGIC, sizeof(head->magic)) != 0)
		return "is not an index";
	if (head->order != INDEX_ORDER)
		return "was made on another kind of machine";
	if (head->version != INDEX_VERSION)
		return "was made by another version: make it again";
	if (head->size != file_size || file_size > SIZE_MAX ||
	    index_layout(&v, head, NULL) != file_size)
		return "is cut off, or not as long as it says";
	if (head->articles == 0)
		return "contains no article";
	return NULL;
}

/* A text and the NUL behind it; *at moves behind that. */
static bool
check_text(const struct index_view *v, uint64_t *at, uint64_t len)
{
	const char *text = v->texts + *at;

	if (*at > v->head->texts || v->head->texts - *at <= len ||
	    text[len] != '\0' || !text_is_utf8(text, len))
		return false;
	*at += len + 1;
	return true;
}

/* The article's texts, from where the last ended. */
static bool
check_article_text(
    const struct index_view *v, const struct index_article *a, uint64_t *at)
{
	const char *url, *date;

	if (a->first_text != *at || !check_text(v, at, a->title))
		return false;
	url = v->texts + *at;
	if (!check_text(v, at, a->url) || !index_url_ok(url, a->url))
		return false;
	date = v->texts + *at;
	return check_text(v, at, INDEX_DATE) &&
	       index_date_ok(date, INDEX_DATE) && a->day == index_day(date) &&
	       check_text(v, at, a->text);
}

/* Where the passages and words of the next article begin. */
struct place {
	uint64_t passage, token;
};

static bool
check_passage(const struct index_view *v, const struct index_article *a,
    uint32_t article, struct place *at, uint32_t *start)
{
	const struct index_passage *p = &v->passages[at->passage++];

	if (p->article != article || p->start != *start || p->len == 0 ||
	    p->len > a->text - p->start || p->first_token != at->token ||
	    p->tokens > v->head->tokens - at->token)
		return false;
	at->token += p->tokens;
	*start += p->len;
	return true;
}

static bool
check_article(const struct index_view *v, uint32_t article, struct place *at)
{
	const struct index_article *a = &v->articles[article];
	uint32_t i, start = 0;

	if (a->passages == 0 || a->first_passage != at->passage ||
	    a->passages > v->head->passages - at->passage ||
	    a->first_token != at->token ||
	    a->title_tokens > v->head->tokens - at->token)
		return false;
	at->token += a->title_tokens;
	for (i = 0; i < a->passages; i++) {
		if (!check_passage(v, a, article, at, &start))
			return false;
	}
	return start == a->text;
}

static bool
check_articles(const struct index_view *v)
{
	struct place at = { 0, 0 };
	uint64_t text = 0;
	uint32_t i;

	for (i = 0; i < v->head->articles; i++) {
		if (!check_article_text(v, &v->articles[i], &text) ||
		    !check_article(v, i, &at))
			return false;
	}
	return text == v->head->texts && at.passage == v->head->passages &&
	       at.token == v->head->tokens;
}

/* The postings of a term, in the order of the passages. */
static bool
check_postings(const struct index_view *v, const struct index_term *t)
{
	const uint32_t *postings = v->postings + t->first_posting;
	uint32_t i, passage, next = 0;

	for (i = 0; i < t->postings; i++) {
		passage = postings[i] & ~INDEX_IN_TITLE;
		if (passage < next || passage >= v->head->passages)
			return false;
		next = passage + 1;
	}
	return true;
}

static bool
check_terms(const struct index_view *v)
{
	const struct index_term *t = v->terms;
	uint64_t i, name = 0, posting = 0;

	for (i = 0; i < v->head->terms; i++, t++) {
		if (t->name != name || t->name_len == 0 ||
		    t->name_len > v->head->names - name ||
		    t->first_posting != posting || t->postings == 0 ||
		    t->postings > v->head->postings - posting ||
		    !check_postings(v, t))
			return false;
		name += t->name_len;
		posting += t->postings;
	}
	return name == v->head->names && posting == v->head->postings;
}

static bool
check_tokens(const struct index_view *v)
{
	uint64_t i;

	for (i = 0; i < v->head->tokens; i++) {
		if (v->tokens[i] >= v->head->terms)
			return false;
	}
	return true;
}

static bool
check_newest(const struct index_view *v)
{
	uint64_t i;

	for (i = 0; i < v->head->articles; i++) {
		if (v->newest[i] >= v->head->articles ||
		    (i > 0 && v->articles[v->newest[i]].day >
				  v->articles[v->newest[i - 1]].day))
			return false;
	}
	return true;
}

const char *
index_check(const char *bytes, size_t size)
{
	const struct index_head *head = (const void *)bytes;
	struct index_view v;

	if (index_checksum(bytes, size) != head->checksum)
		return "is damaged: its checksum differs";
	index_layout(&v, head, bytes);
	if (!check_articles(&v))
		return "is damaged: its articles";
	if (!check_terms(&v))
		return "is damaged: its words";
	if (!check_tokens(&v))
		return "is damaged: its texts' words";
	if (!check_newest(&v))
		return "is damaged: its dates";
	return NULL;
}
