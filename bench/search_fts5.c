/*
 * Search with SQLite's FTS5, as this program did before it had an index of its
 * own: search_fts5 ARTICLES QUESTIONS ROUNDS [free]. Words of four letters and
 * more also find what begins with them; after some 25,000 steps of SQLite a
 * search is ended and answered in the order of the file; free: it is not.
 */
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "articles/tokens.h"
#include "search_bench.h"

#define WORDS     32
#define PREFIX    4 /* letters from which on a beginning counts */
#define WORK_UNIT 1000
#define WORK_MAX  25

struct bench {
	sqlite3 *db;
	sqlite3_stmt *ranked, *found;
	unsigned work;
	bool limited;
};

static void
check(sqlite3 *db, int rc)
{
	if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW)
		return;
	fprintf(stderr, "%s\n", sqlite3_errmsg(db));
	exit(1);
}

static void
fill(sqlite3 *db, const char *path)
{
	char *text = bench_read(path), *at = text;
	struct bench_article a;
	sqlite3_stmt *add;

	check(db, sqlite3_exec(db,
		      "CREATE VIRTUAL TABLE docs USING fts5(title, text,"
		      " url UNINDEXED, date UNINDEXED,"
		      " tokenize = 'unicode61 remove_diacritics 2');"
		      "INSERT INTO docs(docs, rank)"
		      " VALUES('rank', 'bm25(4.0, 1.0)'); BEGIN",
		      NULL, NULL, NULL));
	check(db, sqlite3_prepare_v2(db,
		      "INSERT INTO docs(title, text, url, date)"
		      " VALUES(?1, ?2, ?3, ?4)",
		      -1, &add, NULL));
	while (bench_next_article(&at, &a)) {
		sqlite3_bind_text(add, 1, a.title, -1, SQLITE_STATIC);
		sqlite3_bind_text(add, 2, a.text, -1, SQLITE_STATIC);
		sqlite3_bind_text(add, 3, a.url, -1, SQLITE_STATIC);
		sqlite3_bind_text(add, 4, a.date, -1, SQLITE_STATIC);
		check(db, sqlite3_step(add));
		sqlite3_reset(add);
	}
	sqlite3_finalize(add);
	check(db, sqlite3_exec(db,
		      "INSERT INTO docs(docs) VALUES('optimize'); COMMIT;"
		      " VACUUM",
		      NULL, NULL, NULL));
	free(text);
}

static int
works(void *arg)
{
	struct bench *b = arg;

	return b->limited && ++b->work > WORK_MAX;
}

static void
query_build(char *query, size_t size, const char *text)
{
	const char *p = text, *end = text + strlen(text);
	struct token t;
	size_t len = 0;
	int n = 0;

	query[0] = '\0';
	while (n < WORDS && tokens_next(&t, &p, end)) {
		bool begins = t.len >= PREFIX;

		if (t.kind != WORD_PLAIN)
			continue;
		if (t.len > PREFIX && strchr("sx", t.text[t.len - 1]) != NULL)
			t.len--;
		len += (size_t)snprintf(query + len, size - len, "%s\"%.*s\"%s",
		    n++ > 0 ? " OR " : "", (int)t.len, t.text,
		    begins ? "*" : "");
	}
}

static int
run(struct bench *b, sqlite3_stmt *stmt, const char *query, int show)
{
	int rc, n = 0;

	b->work = 0;
	sqlite3_bind_text(stmt, 1, query, -1, SQLITE_STATIC);
	while (n < BENCH_BEST && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (show)
			bench_show((const char *)sqlite3_column_text(stmt, 0));
		n++;
	}
	sqlite3_reset(stmt);
	return n;
}

static void
ask_one(void *arg, const struct bench_question *q, int show)
{
	struct bench *b = arg;
	char query[WORDS * (TOKEN_BYTES + 8)];

	query_build(query, sizeof(query), q->text);
	if (show)
		bench_show_begin(1);
	if (*query != '\0' && run(b, b->ranked, query, show) == 0)
		run(b, b->found, query, show);
	if (show)
		bench_show_end();
}

int
main(int argc, char **argv)
{
	struct bench b = { .limited = argc < 5 };
	sqlite3_int64 size = 0;
	double begun = bench_cpu_us(), built;

	if (argc < 4)
		return 2;
	check(NULL, sqlite3_open(":memory:", &b.db));
	fill(b.db, argv[1]);
	built = bench_cpu_us() - begun;
	sqlite3_progress_handler(b.db, WORK_UNIT, works, &b);
	check(b.db, sqlite3_prepare_v2(b.db,
			"SELECT url FROM docs WHERE docs MATCH ?1"
			" ORDER BY rank",
			-1, &b.ranked, NULL));
	check(b.db,
	    sqlite3_prepare_v2(b.db, "SELECT url FROM docs WHERE docs MATCH ?1",
		-1, &b.found, NULL));
	bench_ask_all(argv[2], (int)strtol(argv[3], NULL, 10), ask_one, &b);
	sqlite3_free(sqlite3_serialize(b.db, "main", &size, 0));
	bench_report(built, (double)size, 0);
	sqlite3_finalize(b.ranked);
	sqlite3_finalize(b.found);
	sqlite3_close(b.db);
	return 0;
}
