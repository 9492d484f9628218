/*
 * What is looked up by name has its table beside the block: made here, so that
 * a file can hold no table that misleads.
 */
#include "articles/index.h"

#include <sys/mman.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "articles/index_layout.h"
#include "articles/pile.h"
#include "articles/slots.h"

struct index {
	atomic_uint refs;

	/* immutable */
	char *block;
	size_t size;
	struct index_view view;
	struct slots terms, urls;
};

static void
index_free(struct index *ix)
{
	slots_free(&ix->terms);
	slots_free(&ix->urls);
	block_free(ix->block, ix->size);
	free(ix);
}

static bool
index_name_all(struct index *ix)
{
	const struct index_view *v = &ix->view;
	const struct index_term *t = v->terms;
	struct article a;
	uint32_t i;

	for (i = 0; i < v->head->terms; i++, t++) {
		if (!slots_add(&ix->terms,
			slots_hash(v->names + t->name, t->name_len), i))
			return false;
	}
	for (i = 0; i < v->head->articles; i++) {
		a = index_article(ix, i);
		if (!slots_add(&ix->urls, slots_hash(a.url, a.url_len), i))
			return false;
	}
	return true;
}

struct index *
index_new(char *block, size_t size)
{
	struct index *ix;

	if ((ix = calloc(1, sizeof(*ix))) == NULL) {
		block_free(block, size);
		return NULL;
	}
	atomic_init(&ix->refs, 1);
	ix->block = block;
	ix->size = size;
	index_layout(&ix->view, (const void *)block, block);
	mprotect(block, size, PROT_READ);
	if (!index_name_all(ix)) {
		index_free(ix);
		return NULL;
	}
	return ix;
}

struct index *
index_ref(struct index *ix)
{
	atomic_fetch_add_explicit(&ix->refs, 1, memory_order_relaxed);
	return ix;
}

void
index_unref(struct index *ix)
{
	if (ix != NULL &&
	    atomic_fetch_sub_explicit(&ix->refs, 1, memory_order_acq_rel) == 1)
		index_free(ix);
}

size_t
index_count(const struct index *ix)
{
	return ix->view.head->articles;
}

size_t
index_passages(const struct index *ix)
{
	return ix->view.head->passages;
}

size_t
index_size(const struct index *ix)
{
	return ix->size + sizeof(*ix) +
	       (ix->terms.size + ix->urls.size) * sizeof(struct slot);
}

struct article
index_article(const struct index *ix, uint32_t number)
{
	const struct index_article *a = &ix->view.articles[number];
	const char *text = ix->view.texts + a->first_text;

	return (struct article){
		.number = number,
		.title = text,
		.title_len = a->title,
		.url = text + a->title + 1,
		.url_len = a->url,
		.date = text + a->title + 1 + a->url + 1,
		.text = text + a->title + 1 + a->url + 1 + INDEX_DATE + 1,
		.text_len = a->text,
	};
}

bool
index_by_url(
    const struct index *ix, const char *url, size_t len, uint32_t *number)
{
	uint32_t hash = slots_hash(url, len), found;
	struct article a;
	size_t at = 0;

	while ((found = slots_next(&ix->urls, hash, &at)) != SLOT_NONE) {
		a = index_article(ix, found);
		if (a.url_len == len && memcmp(a.url, url, len) == 0) {
			*number = found;
			return true;
		}
	}
	return false;
}

const struct index_view *
index_view(const struct index *ix)
{
	return &ix->view;
}

const char *
index_bytes(const struct index *ix, size_t *size)
{
	*size = ix->size;
	return ix->block;
}

uint32_t
index_term(const struct index *ix, const char *name, size_t len)
{
	const struct index_view *v = &ix->view;
	uint32_t hash = slots_hash(name, len), found;
	size_t at = 0;

	while ((found = slots_next(&ix->terms, hash, &at)) != SLOT_NONE) {
		if (v->terms[found].name_len == len &&
		    memcmp(v->names + v->terms[found].name, name, len) == 0)
			break;
	}
	return found;
}
