/*
 * What a visitor wrote never reaches the query language of SQLite: it is cut
 * into words, and only those, in quotes, make up the query. A search has a
 * ceiling of work, because it holds up its loop.
 */
#include "articles/article_search.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "articles/keywords.h"
#include "base/buf.h"
#include "log/log.h"

#define STEM_MIN  4    /* letters from which on a beginning counts */
#define QUERY_MAX 4096 /* bytes of a query for the index */

#define WORK_UNIT 1000 /* steps of SQLite between two looks */
#define WORK_MAX  25   /* such units in a search: a few ms */

#define COLUMNS "docs.rowid, title, docs.url, docs.date, "
#define SNIPPET "substr(snippet(docs, 1, '', '', '…', 32), 1, 300)"

struct article_search {
	sqlite3 *db;
	sqlite3_stmt *ranked, *found, *newest, *by_url;
	unsigned work;
};

/*
 * The query.
 */

/* "smartphone" finds "smartphones" and the other way round. */
static void
query_add(struct buf *query, struct keyword *w)
{
	bool begins = w->letters >= STEM_MIN;
	char last = w->text[w->len - 1];

	if (w->letters > STEM_MIN && (last == 's' || last == 'x'))
		w->len--;
	buf_addc(query, '"');
	buf_add(query, w->text, w->len);
	buf_adds(query, begins ? "\" *" : "\"");
}

/* The query for the index; NULL when there is no memory. */
static const char *
query_build(struct buf *query, const struct article_query *q)
{
	const char *p = q->text, *end = q->text + q->len;
	struct keyword w;
	int n;

	buf_adds(query, q->in_title ? "{title} : (" : "{title text} : (");
	for (n = 0; n < KEYWORDS_MAX && keywords_next(&w, &p, end); n++) {
		if (n > 0)
			buf_adds(query, " OR ");
		query_add(query, &w);
	}
	buf_addc(query, ')');
	return buf_string(query);
}

/*
 * The search.
 */

/* Called by SQLite from time to time; true ends the search. */
static int
search_works(void *arg)
{
	struct article_search *search = arg;

	return ++search->work > WORK_MAX;
}

static bool
search_prepare(
    struct article_search *search, sqlite3_stmt **stmt, const char *sql)
{
	return sqlite3_prepare_v3(search->db, sql, -1,
		   SQLITE_PREPARE_PERSISTENT, stmt, NULL) == SQLITE_OK;
}

static bool
search_attach(struct article_search *search, const struct articles *articles)
{
	sqlite3 *db;

	if (sqlite3_open_v2(":memory:", &search->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return false;
	db = search->db;
	sqlite3_progress_handler(db, WORK_UNIT, search_works, search);
	return sqlite3_deserialize(db, "main", articles->bytes,
		   (sqlite3_int64)articles->size, (sqlite3_int64)articles->size,
		   SQLITE_DESERIALIZE_READONLY) == SQLITE_OK &&
	       search_prepare(search, &search->ranked,
		   "SELECT " COLUMNS SNIPPET " FROM docs"
		   " WHERE docs MATCH ?1 ORDER BY rank") &&
	       search_prepare(search, &search->found,
		   "SELECT " COLUMNS SNIPPET " FROM docs"
		   " WHERE docs MATCH ?1") &&
	       search_prepare(search, &search->newest,
		   "SELECT " COLUMNS
		   "substr(text, 1, 200) || iif(length(text) >"
		   " 200, '…', '') FROM list CROSS JOIN docs"
		   " ON docs.rowid = list.id"
		   " ORDER BY list.date DESC, list.id") &&
	       search_prepare(search, &search->by_url,
		   "SELECT id FROM list WHERE url = ?1");
}

struct article_search *
article_search_open(const struct articles *articles)
{
	struct article_search *search;

	if ((search = calloc(1, sizeof(*search))) == NULL) {
		log_error("articles", LOG_STR("what", "out of memory"));
		return NULL;
	}
	if (search_attach(search, articles))
		return search;
	log_error("articles", LOG_STR("what", sqlite3_errmsg(search->db)));
	article_search_close(search);
	return NULL;
}

void
article_search_close(struct article_search *search)
{
	if (search == NULL)
		return;
	sqlite3_finalize(search->ranked);
	sqlite3_finalize(search->found);
	sqlite3_finalize(search->newest);
	sqlite3_finalize(search->by_url);
	sqlite3_close(search->db);
	free(search);
}

static bool
query_skips(const struct article_query *q, int64_t id)
{
	size_t i;

	for (i = 0; i < q->skip_count; i++) {
		if (q->skip[i] == id)
			return true;
	}
	return false;
}

static const char *
column_text(sqlite3_stmt *stmt, int column)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);

	return text != NULL ? (const char *)text : "";
}

/* *rc is SQLite's. */
static int
search_run(struct article_search *search, sqlite3_stmt *stmt,
    const struct article_query *q, article_found_f *found, void *arg, int *rc)
{
	struct article article;
	int n = 0;

	search->work = 0;
	*rc = SQLITE_DONE;
	while (n < q->max && (*rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		article = (struct article){
			.id = sqlite3_column_int64(stmt, 0),
			.title = column_text(stmt, 1),
			.url = column_text(stmt, 2),
			.date = column_text(stmt, 3),
			.excerpt = column_text(stmt, 4),
		};
		if (query_skips(q, article.id))
			continue;
		found(arg, &article);
		n++;
	}
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return n;
}

int
article_search(struct article_search *search, const struct article_query *q,
    article_found_f *found, void *arg)
{
	sqlite3_stmt *const both[] = { search->ranked, search->found };
	const char *words;
	struct buf query;
	int n = 0, rc = SQLITE_NOMEM;
	size_t i;

	if (keywords_count(q->text, q->len) == 0) {
		n = search_run(search, search->newest, q, found, arg, &rc);
	} else {
		buf_init(&query, QUERY_MAX);
		words = query_build(&query, q);
		for (i = 0; i < 2 && words != NULL; i++) {
			sqlite3_bind_text(both[i], 1, words, -1, SQLITE_STATIC);
			n = search_run(search, both[i], q, found, arg, &rc);
			if (rc != SQLITE_INTERRUPT || n > 0)
				break;
		}
		buf_free(&query);
	}
	if (n > 0 || rc == SQLITE_ROW || rc == SQLITE_DONE ||
	    rc == SQLITE_INTERRUPT)
		return n;
	log_error("articles", LOG_STR("what", sqlite3_errstr(rc)));
	return -1;
}

int64_t
article_by_url(struct article_search *search, const char *url, size_t len)
{
	int64_t id = 0;

	search->work = 0;
	sqlite3_bind_text(search->by_url, 1, url, (int)len, SQLITE_STATIC);
	if (sqlite3_step(search->by_url) == SQLITE_ROW)
		id = sqlite3_column_int64(search->by_url, 0);
	sqlite3_reset(search->by_url);
	sqlite3_clear_bindings(search->by_url);
	return id;
}
