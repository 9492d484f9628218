/*
 * Full-text search for a responder that knows no language. SQLite builds the
 * index once; its bytes are then mapped read-only, and each loop opens them as
 * a database of its own that cannot change: nothing to lock, nothing to copy.
 * What a visitor wrote never reaches the query language: it is cut into words,
 * and only those, in quotes, make up the query.
 */
#include "chat/articles.h"

#include <sys/mman.h>

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

#define WORD_MAX  64   /* bytes of a word that are looked at */
#define WORD_STEM 4    /* letters from which on a beginning counts */
#define QUERY_MAX 4096 /* bytes of a query for the index */
#define URL_MAX   2048

#define WORK_UNIT 1000 /* steps of SQLite between two looks */
#define WORK_MAX  25   /* such units in a search: a few ms */

static const char *const samples[] = {
#include "articles_sample.inc"
};

struct articles {
	unsigned char *bytes; /* mapped, read-only */
	size_t size;
	size_t count;
};

struct article_search {
	sqlite3 *db;
	sqlite3_stmt *ranked, *found, *newest, *by_url;
	unsigned work;
};

/*
 * Words.
 */

/* A word: in lower case, and without accents where that leaves ASCII. */
struct word {
	char text[WORD_MAX + 1];
	size_t len;
	size_t letters;
};

/* French and English, folded as words are; each between two spaces. */
static const char stop_words[] =
    " about actu actualite actualites actus after again ai aie aient ait all"
    " alors also am an and another any appeler appelez appelle appelles apres"
    " are article articles as at au aucun aucune auquel aura aurais aurait"
    " autre autres aux avait avant avec avez aviez avoir avons be beaucoup"
    " because been before bien bon bonjour bonne bonsoir but by ca can car ce"
    " ceci cela celle celles celui ces cet cette ceux chacun chaque cherche"
    " chercher cherchez comme comment connaitre continue continuer contre"
    " coucou could dans de deja depuis dernier derniere dernieres derniers des"
    " did dire dis dit dites do does dois doit donc donne donner donnez du"
    " elle elles en encore entre es est et etaient etais etait ete etes etre"
    " eu eux faire fais fait faites faut find for from get give had has have"
    " hello her hers hi him his how if il ils in info information informations"
    " infos into is it its je jusqu just know la laquelle last latest le"
    " lequel les lesquelles lesquels let leur leurs like look looking lui ma"
    " mais me meme memes merci mes mine moi mon montre montrer more most my ne"
    " news next ni no non nos not notre nous nouveau nouvel nouvelle nouvelles"
    " of off ok okay on one ones only ont or other others ou oui our out over"
    " par parce parle parler parlez parmi pas peu peut peuvent peux please"
    " plus plusieurs pour pourquoi pourrais pourrait pouvez puis puisque qu"
    " quand que quel quelle quelles quelque quelques quels qui quoi raconte"
    " rappelle revoir sa sais salut sans savoir se search sera serait ses she"
    " should show si so soit some something sommes son sont sous such suis"
    " suite suivant suivante suivantes suivants sur svp ta tant te tel tell"
    " telle tes than thank thanks that the their them then there these they"
    " this those to toi ton too tous tout toute toutes tres trop trouve"
    " trouver tu un une up us va vais vas vers very veuillez veut veux voici"
    " voila voir vont vos votre voudrais voudrait voulez vous vu want was we"
    " were what when where which who whose why will with would yes you your"
    " yours ";

/* The next character; what is not UTF-8 is taken as U+FFFD. */
static unsigned long
char_next(const char **p, const char *end)
{
	static const unsigned char masks[] = { 0x1f, 0x0f, 0x07 };
	unsigned char lead = (unsigned char)*(*p)++;
	unsigned long c;
	int more;

	if (lead < 0x80)
		return lead;
	if (lead < 0xc0 || lead > 0xf7)
		return 0xfffd;
	more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
	c = lead & masks[more - 1];
	for (; more > 0; more--) {
		if (*p == end || ((unsigned char)**p & 0xc0) != 0x80)
			return 0xfffd;
		c = c << 6 | ((unsigned char)*(*p)++ & 0x3f);
	}
	return c;
}

/* Near enough: punctuation, signs and pictures lie outside these ranges. */
static bool
char_is_letter(unsigned long c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') ||
	       (c >= 0xc0 && c < 0x2000 && c != 0xd7 && c != 0xf7) ||
	       (c >= 0x2c00 && c < 0x2e00) || (c >= 0x3040 && c < 0xfe00) ||
	       (c >= 0x10000 && c < 0x1f000) || c >= 0x20000;
}

static bool
char_is_mark(unsigned long c)
{
	return c >= 0x300 && c < 0x370;
}

/* Lower case without accent for ASCII and Latin-1; 0: as it stands. */
static char
char_fold(unsigned long c)
{
	static const char plain[] = "aaaaaa.ceeeeiiii.nooooo..uuuuy..";

	if (c >= 'A' && c <= 'Z')
		return (char)(c + 'a' - 'A');
	if (c < 0x80)
		return (char)c;
	if (c >= 0xc0 && c < 0x100 && plain[c & 0x1f] != '.')
		return plain[c & 0x1f];
	return 0;
}

static void
word_add(struct word *w, unsigned long c, const char *bytes, size_t n)
{
	char folded = char_fold(c);

	if (char_is_mark(c))
		return;
	w->letters++;
	if (folded != 0) {
		bytes = &folded;
		n = 1;
	}
	if (w->len + n <= WORD_MAX) {
		memcpy(w->text + w->len, bytes, n);
		w->len += n;
	}
}

static bool
word_matters(const struct word *w)
{
	char between[WORD_MAX + 3];

	snprintf(between, sizeof(between), " %s ", w->text);
	return w->len > 1 && strstr(stop_words, between) == NULL;
}

/* The next word that means something; false at the end. */
static bool
word_next(struct word *w, const char **p, const char *end)
{
	const char *at;
	unsigned long c;

	w->len = w->letters = 0;
	while (*p < end) {
		at = *p;
		c = char_next(p, end);
		if (char_is_letter(c))
			word_add(w, c, at, (size_t)(*p - at));
		if (char_is_letter(c) && *p < end)
			continue;
		w->text[w->len] = '\0';
		if (word_matters(w))
			return true;
		w->len = w->letters = 0;
	}
	return false;
}

int
article_words(const char *text, size_t len)
{
	const char *p = text, *end = text + len;
	struct word w;
	int n = 0;

	while (n < ARTICLE_MAX_WORDS && word_next(&w, &p, end))
		n++;
	return n;
}

/* "smartphone" finds "smartphones" and the other way round. */
static void
query_add(struct buf *query, struct word *w)
{
	bool begins = w->letters >= WORD_STEM;
	char last = w->text[w->len - 1];

	if (w->letters > WORD_STEM && (last == 's' || last == 'x'))
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
	struct word w;
	int n;

	buf_adds(query, q->in_title ? "{title} : (" : "{title text} : (");
	for (n = 0; n < ARTICLE_MAX_WORDS && word_next(&w, &p, end); n++) {
		if (n > 0)
			buf_adds(query, " OR ");
		query_add(query, &w);
	}
	buf_addc(query, ')');
	return buf_string(query);
}

/*
 * Building the collection.
 */

struct loader {
	sqlite3 *db;
	sqlite3_stmt *add, *list;
	const char *path;
	size_t line;
	size_t count;
	char *err;
	size_t errsize;
};

static const char schema[] =
    "CREATE VIRTUAL TABLE docs USING fts5(title, text, url UNINDEXED,"
    " date UNINDEXED, tokenize = 'unicode61 remove_diacritics 2');"
    "INSERT INTO docs(docs, rank) VALUES('rank', 'bm25(4.0, 1.0)');"
    "CREATE TABLE list(id INTEGER PRIMARY KEY, url TEXT UNIQUE, date TEXT);"
    "CREATE INDEX list_date ON list(date DESC, id);"
    "BEGIN;";
static const char schema_end[] =
    "INSERT INTO docs(docs) VALUES('optimize'); COMMIT; VACUUM;";

static bool
load_fail(struct loader *ld, const char *what)
{
	if (ld->line > 0)
		snprintf(ld->err, ld->errsize, "%s:%zu: %s", ld->path, ld->line,
		    what);
	else
		snprintf(ld->err, ld->errsize, "%s: %s", ld->path, what);
	return false;
}

static bool
load_run(struct loader *ld, const char *sql)
{
	if (sqlite3_exec(ld->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return load_fail(ld, sqlite3_errmsg(ld->db));
	return true;
}

static bool
load_open(struct loader *ld)
{
	if (sqlite3_open(":memory:", &ld->db) != SQLITE_OK)
		return load_fail(ld, "out of memory");
	if (!load_run(ld, schema))
		return false;
	if (sqlite3_prepare_v2(ld->db,
		"INSERT INTO list(id, url, date) VALUES(?1, ?3, ?4)", -1,
		&ld->list, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(ld->db,
		"INSERT INTO docs(rowid, title, text, url, date)"
		" VALUES(?1, ?2, ?5, ?3, ?4)",
		-1, &ld->add, NULL) != SQLITE_OK)
		return load_fail(ld, sqlite3_errmsg(ld->db));
	return true;
}

static bool
date_ok(const char *date, size_t len)
{
	static const char form[] = "0000-00-00";
	int month, day;
	size_t i;

	if (len != sizeof(form) - 1)
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

/* Copy a URL so that it can stand in Markdown's parentheses. */
static bool
url_copy(struct buf *out, const char *url, size_t len)
{
	size_t i;

	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return false;
	for (i = 0; i < len; i++) {
		if (url[i] <= ' ' || url[i] > '~' ||
		    strchr("<>\"\\`", url[i]) != NULL)
			return false;
		if (url[i] == '(' || url[i] == ')')
			buf_addf(out, "%%%02X", (unsigned)url[i]);
		else
			buf_addc(out, url[i]);
	}
	return !out->failed;
}

enum field { TITLE, URL, DATE, TEXT, FIELDS };

struct row {
	const char *text[FIELDS];
	size_t len[FIELDS];
};

static bool
load_insert(struct loader *ld, sqlite3_stmt *stmt, const struct row *row)
{
	int i;

	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)ld->count);
	for (i = 0; i < FIELDS && i + 2 <= sqlite3_bind_parameter_count(stmt);
	     i++)
		sqlite3_bind_text(
		    stmt, i + 2, row->text[i], (int)row->len[i], SQLITE_STATIC);
	sqlite3_step(stmt);
	if (sqlite3_reset(stmt) == SQLITE_OK)
		return true;
	if (sqlite3_errcode(ld->db) == SQLITE_CONSTRAINT)
		return load_fail(ld, "url: is there twice");
	return load_fail(ld, sqlite3_errmsg(ld->db));
}

static bool
load_row(struct loader *ld, struct row *row)
{
	struct buf url;
	bool ok = false;

	buf_init(&url, URL_MAX);
	if (!url_copy(&url, row->text[URL], row->len[URL])) {
		load_fail(ld, "url: must be http:// or https://, in ASCII");
	} else if (!date_ok(row->text[DATE], row->len[DATE])) {
		load_fail(ld, "date: must be YYYY-MM-DD");
	} else if (++ld->count > ARTICLES_MAX) {
		load_fail(ld, "too many articles");
	} else {
		row->text[URL] = url.data;
		row->len[URL] = url.len;
		ok = load_insert(ld, ld->list, row) &&
		     load_insert(ld, ld->add, row);
	}
	buf_free(&url);
	return ok;
}

static bool
load_line(struct loader *ld, const char *line, size_t len)
{
	static const char *const names[FIELDS] = {
		[TITLE] = "title",
		[URL] = "url",
		[DATE] = "date",
		[TEXT] = "text",
	};
	char what[64];
	struct row row;
	struct json *doc;
	bool ok = true;
	enum rc rc;
	int i;

	ld->line++;
	if (text_is_blank(line, len))
		return true;
	if ((rc = json_parse(line, len, &doc)) != RC_OK)
		return load_fail(
		    ld, rc == RC_JSON ? "not a JSON object" : "out of memory");
	for (i = 0; i < FIELDS && ok; i++) {
		row.text[i] = json_text(json_get(doc, names[i]), &row.len[i]);
		ok = row.text[i] != NULL &&
		     !text_is_blank(row.text[i], row.len[i]);
	}
	if (ok) {
		ok = load_row(ld, &row);
	} else {
		snprintf(what, sizeof(what),
		    "%s: must be a string that is not blank", names[i - 1]);
		load_fail(ld, what);
	}
	json_free(doc);
	return ok;
}

/* The bytes up to the end of a line or of the file; false: too many. */
static bool
read_line(FILE *file, struct buf *line)
{
	int c;

	buf_clear(line);
	while ((c = getc_unlocked(file)) != EOF && c != '\n')
		buf_addc(line, (char)c);
	return !line->failed;
}

static bool
load_file(struct loader *ld)
{
	struct buf line;
	FILE *file;
	bool ok = true;

	if ((file = fopen(ld->path, "re")) == NULL)
		return load_fail(ld, strerror(errno));
	buf_init(&line, ARTICLE_LINE_MAX);
	while (ok && !feof(file) && !ferror(file)) {
		if (!read_line(file, &line)) {
			ld->line++;
			ok = load_fail(ld, "the line is too long");
		} else if (line.len > 0) {
			ok = load_line(ld, line.data, line.len);
		} else {
			ld->line++;
		}
	}
	ld->line = ok ? 0 : ld->line;
	if (ok && ferror(file))
		ok = load_fail(ld, strerror(errno));
	buf_free(&line);
	fclose(file);
	return ok;
}

static bool
load_samples(struct loader *ld)
{
	size_t i;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		if (!load_line(ld, samples[i], strlen(samples[i])))
			return false;
	}
	ld->line = 0;
	return true;
}

/* Take the database as bytes, where nobody can change them any more. */
static struct articles *
load_freeze(struct loader *ld)
{
	struct articles *articles = NULL;
	sqlite3_int64 size = 0;
	unsigned char *bytes;
	void *map = MAP_FAILED;

	bytes = sqlite3_serialize(ld->db, "main", &size, 0);
	if (bytes != NULL)
		map = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map != MAP_FAILED)
		articles = calloc(1, sizeof(*articles));
	if (articles != NULL) {
		memcpy(map, bytes, (size_t)size);
		mprotect(map, (size_t)size, PROT_READ);
		articles->bytes = map;
		articles->size = (size_t)size;
		articles->count = ld->count;
	} else {
		if (map != MAP_FAILED)
			munmap(map, (size_t)size);
		load_fail(ld, "out of memory");
	}
	sqlite3_free(bytes);
	return articles;
}

struct articles *
articles_load(const char *path, char *err, size_t errsize)
{
	struct loader ld = {
		.path = path != NULL ? path : "samples",
		.err = err,
		.errsize = errsize,
	};
	struct articles *articles = NULL;

	if (!load_open(&ld) ||
	    !(path != NULL ? load_file(&ld) : load_samples(&ld)))
		goto out;
	if (ld.count == 0) {
		load_fail(&ld, "there is no article in it");
		goto out;
	}
	sqlite3_finalize(ld.add);
	sqlite3_finalize(ld.list);
	ld.add = ld.list = NULL;
	if (load_run(&ld, schema_end))
		articles = load_freeze(&ld);
out:
	sqlite3_finalize(ld.add);
	sqlite3_finalize(ld.list);
	sqlite3_close(ld.db);
	return articles;
}

void
articles_free(struct articles *articles)
{
	if (articles == NULL)
		return;
	munmap(articles->bytes, articles->size);
	free(articles);
}

size_t
articles_count(const struct articles *articles)
{
	return articles->count;
}

/*
 * Searching.
 */

#define COLUMNS "docs.rowid, title, docs.url, docs.date, "
#define SNIPPET "substr(snippet(docs, 1, '', '', '…', 32), 1, 300)"

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

	if (article_words(q->text, q->len) == 0) {
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
