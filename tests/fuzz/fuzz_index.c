/*
 * An index file from anywhere. Whatever its bytes, it is refused or it can be
 * searched, shown and named without touching what is not its own; what a search
 * gives lies in it and is UTF-8. The checksum is put right first, as whoever
 * means harm would.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "articles/index.h"
#include "articles/index_check.h"
#include "articles/index_layout.h"
#include "articles/pile.h"
#include "articles/search.h"
#include "base/text.h"

#define MAX_INPUT 65536
#define MAX_ASKED 8 /* words of the index that are searched for */

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

static void
check_article(struct index *ix, const struct article *a)
{
	uint32_t number;

	HOLDS(a->number < index_count(ix));
	HOLDS(text_is_utf8(a->title, strlen(a->title)));
	HOLDS(strlen(a->date) == INDEX_DATE);
	HOLDS(text_is_utf8(a->text, a->text_len) && a->text_len > 0);
	HOLDS(strlen(a->url) == a->url_len);
	HOLDS(index_by_url(ix, a->url, a->url_len, &number));
}

static void
check_hit(struct index *ix, const struct search_hit *hit)
{
	const struct article *a = &hit->article;
	size_t i;

	check_article(ix, a);
	HOLDS(hit->count > 0 && hit->count <= SEARCH_PASSAGES);
	for (i = 0; i < hit->count; i++) {
		HOLDS(hit->passages[i].text >= a->text);
		HOLDS(hit->passages[i].len > 0);
		HOLDS(hit->passages[i].text + hit->passages[i].len <=
		      a->text + a->text_len);
	}
}

static void
check_search(struct index *ix, const char *text, size_t len)
{
	static const struct search_conf conf = { 0.8, 0.3, { 0.1, 30 },
		{ 0.5, 180 } };
	static const char before[] = "gaz naturel";
	const uint32_t skip[] = { 1 };
	struct search_result r;
	struct search_ask ask = {
		.message = { text, len },
		.before = { before, sizeof(before) - 1 },
		.skip = skip,
		.skip_count = 1,
		.max = SEARCH_MAX,
		.today = 20000,
	};
	size_t i;

	for (ask.flags = 0; ask.flags < 4; ask.flags++) {
		HOLDS(search_run(&r, ix, &conf, &ask) == RC_OK);
		HOLDS(r.count <= SEARCH_MAX);
		for (i = 0; i < r.count; i++) {
			HOLDS(r.hits[i].article.number != skip[0]);
			check_hit(ix, &r.hits[i]);
		}
		search_free(&r);
	}
}

/* Each of its own words, and all of them. */
static void
check_index(struct index *ix)
{
	const struct index_view *v = index_view(ix);
	uint32_t i;

	for (i = 0; i < v->head->articles; i++) {
		struct article a = index_article(ix, i);

		check_article(ix, &a);
	}
	for (i = 0; i < v->head->terms && i < MAX_ASKED; i++)
		check_search(
		    ix, v->names + v->terms[i].name, v->terms[i].name_len);
	check_search(ix, v->names, v->head->names);
	check_search(ix, v->texts, v->head->texts);
	check_search(ix, "", 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct index_head *head;
	struct index *ix;
	char *bytes, *block;

	if (size < sizeof(*head) || size > MAX_INPUT)
		return 0;
	bytes = fuzz_copy(data, size);
	head = (void *)bytes;
	if (index_check_head(head, size) == NULL) {
		head->checksum = index_checksum(bytes, size);
		if (index_check(bytes, size) == NULL) {
			HOLDS((block = block_new(size)) != NULL);
			memcpy(block, bytes, size);
			HOLDS((ix = index_new(block, size)) != NULL);
			check_index(ix);
			index_unref(ix);
		}
	}
	free(bytes);
	return 0;
}
