/*
 * The collection is built once, by SQLite; its bytes are then mapped read-only,
 * so that each loop can open them as a database of its own that cannot change:
 * nothing to lock, nothing to copy.
 */
#include "articles/articles.h"

#include <sys/mman.h>

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "base/text_file.h"

#define URL_MAX 2048

static const char *const samples[] = {
#include "articles_sample.inc"
};

struct loader {
	sqlite3 *db;
	sqlite3_stmt *add, *list;
	struct text_file file; /* without a path for the samples */
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
	if (ld->file.path != NULL)
		return text_file_refuse(&ld->file, "%s", what);
	snprintf(ld->err, ld->errsize, "articles: samples: %s", what);
	return false;
}

/* A field whose value may be shown. */
static bool
load_fail_value(struct loader *ld, const char *must, const char *value)
{
	char text[128];

	snprintf(text, sizeof(text), "%s, not \"%.60s\"", must, value);
	for (char *c = text; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return load_fail(ld, text);
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
		return load_fail_value(ld,
		    "url: must be another article's "
		    "than that of an earlier line",
		    row->text[URL]);
	return load_fail(ld, sqlite3_errmsg(ld->db));
}

static bool
load_row(struct loader *ld, struct row *row)
{
	struct buf url;
	bool ok = false;

	buf_init(&url, URL_MAX);
	if (!url_copy(&url, row->text[URL], row->len[URL])) {
		load_fail_value(ld,
		    "url: must begin with http:// or https:// and be ASCII "
		    "without blanks",
		    row->text[URL]);
	} else if (!date_ok(row->text[DATE], row->len[DATE])) {
		load_fail_value(
		    ld, "date: must be YYYY-MM-DD", row->text[DATE]);
	} else if (++ld->count > ARTICLES_MAX) {
		load_fail(ld, "is one article too many; at most 50000");
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

	if (text_is_blank(line, len))
		return true;
	if (!text_is_utf8(line, len))
		return load_fail(ld, "is not UTF-8");
	if ((rc = json_parse(line, len, &doc)) != RC_OK)
		return load_fail(ld, rc == RC_NOMEM
					 ? "out of memory"
					 : "is not a valid JSON object; each "
					   "line must be one");
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

static bool
load_file(struct loader *ld, const char *path)
{
	struct buf line;
	bool ok;

	buf_init(&line, ARTICLE_LINE_MAX);
	ok = text_file_open(&ld->file, "articles", path, ld->err, ld->errsize);
	while (ok && text_file_next(&ld->file, &line))
		ok = line.len == 0 || load_line(ld, line.data, line.len);
	buf_free(&line);
	ok = text_file_close(&ld->file) && ok;
	ld->file.line = ok ? 0 : ld->file.line;
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
		.err = err,
		.errsize = errsize,
	};
	struct articles *articles = NULL;

	if (!load_open(&ld) ||
	    !(path != NULL ? load_file(&ld, path) : load_samples(&ld)))
		goto out;
	if (ld.count == 0) {
		load_fail(&ld, "contains no article");
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
