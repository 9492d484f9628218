/*
 * Search with the program's own index, as it is shipped:
 * search_own ARTICLES.jsonl QUESTIONS ROUNDS [THRESHOLD FOLLOW].
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "articles/articles.h"
#include "search_bench.h"

#define TODAY 20400

struct bench {
	struct articles *articles;
	struct index *index;
};

static void
ask_one(void *arg, const struct bench_question *q, int show)
{
	const struct bench *b = arg;
	struct search_result r;
	struct search_ask ask = {
		.message = { q->text, strlen(q->text) },
		.max = BENCH_BEST,
		.today = TODAY,
	};
	size_t i;

	if (*q->before != '\0')
		ask.before = (struct query_text){ q->before,
			strlen(q->before) };
	if (search_run(&r, b->index, articles_search(b->articles), &ask) !=
	    RC_OK)
		exit(1);
	if (show) {
		bench_show_begin(r.relevant);
		for (i = 0; i < r.count; i++)
			bench_show(r.hits[i].article.url);
		bench_show_end();
	}
	search_free(&r);
}

int
main(int argc, char **argv)
{
	struct articles_conf conf = {
		.path = argc > 3 ? argv[1] : NULL,
		.limits = { 1000000, UINT64_C(16) << 30, 4 << 20, NULL },
		.search = { argc > 4 ? strtod(argv[4], NULL) : 0.75,
		    argc > 5 ? strtod(argv[5], NULL) : 0.3, { 0.1, 30 },
		    { 0.5, 180 } },
	};
	struct bench b;
	double begun = bench_cpu_us(), built;
	struct err err;

	if (argc < 4)
		return 2;
	if ((b.articles = articles_open(&conf, &err)) == NULL) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	built = bench_cpu_us() - begun;
	b.index = articles_index(b.articles);
	bench_ask_all(argv[2], (int)strtol(argv[3], NULL, 10), ask_one, &b);
	bench_report(built, (double)index_size(b.index),
	    (double)index_passages(b.index));
	index_unref(b.index);
	articles_close(b.articles);
	return 0;
}
