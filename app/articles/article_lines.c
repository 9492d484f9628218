/* The first broken line ends it: a collection is right or it is not served. */
#include "articles/article_lines.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "base/text_file.h"

#define SETTING "articles"

/* A letter of a text is six bytes of JSON at most; names and the rest. */
#define LINE_BYTES(article) (6 * (size_t)(article) + 4096)

static const char *const samples[] = {
#include "articles_sample.inc"
};

struct lines {
	struct index_build *build;
	const struct index_limits *limits;
	struct text_file file; /* of the samples only its names and line */
};

static bool
field_get(struct lines *ls, const struct json *doc, const char *name,
    const char **text, size_t *len)
{
	*text = json_text(json_get(doc, name), len);
	if (*text != NULL && !text_is_blank(*text, *len))
		return true;
	return text_file_refuse(
	    &ls->file, "%s: must be a string that is not blank", name);
}

/* With a value that may be shown. */
static bool
refuse_value(struct lines *ls, const char *must, const char *value)
{
	char text[160];

	snprintf(text, sizeof(text), "%s, not \"%.60s\"", must, value);
	for (char *c = text; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return text_file_refuse(&ls->file, "%s", text);
}

static bool
lines_add(struct lines *ls, const struct json *doc)
{
	struct article_text t;
	const char *what, *value;

	if (!field_get(ls, doc, "title", &t.title, &t.title_len) ||
	    !field_get(ls, doc, "url", &t.url, &t.url_len) ||
	    !field_get(ls, doc, "date", &t.date, &t.date_len) ||
	    !field_get(ls, doc, "text", &t.text, &t.text_len))
		return false;
	if ((what = index_build_add(ls->build, &t, &value)) == NULL)
		return true;
	return value != NULL ? refuse_value(ls, what, value)
	                     : text_file_refuse(&ls->file, "%s", what);
}

static bool
lines_parse(struct lines *ls, const char *line, size_t len)
{
	struct json *doc;
	bool ok;
	enum rc rc;

	if (!text_is_utf8(line, len))
		return text_file_refuse(&ls->file, "is not UTF-8");
	if (text_is_blank(line, len))
		return true;
	if ((rc = json_parse(line, len, &doc)) != RC_OK)
		return text_file_refuse(&ls->file,
		    rc == RC_NOMEM ? "out of memory"
				   : "is not a valid JSON object; each line "
				     "must be one");
	ok = lines_add(ls, doc);
	json_free(doc);
	return ok;
}

static bool
lines_samples(struct lines *ls)
{
	size_t i;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		ls->file.line++;
		if (!lines_parse(ls, samples[i], strlen(samples[i])))
			return false;
	}
	return true;
}

static bool
lines_file(struct lines *ls, const char *path, struct err *err)
{
	struct buf line;
	bool ok = true;

	if (!text_file_open(&ls->file, SETTING, path, err))
		return false;
	buf_init(&line, LINE_BYTES(ls->limits->article_bytes));
	while (ok && text_file_next(&ls->file, &line)) {
		ok = lines_parse(
		    ls, line.data != NULL ? line.data : "", line.len);
		if (ok && limits_stopped(ls->limits))
			ok = text_file_refuse(&ls->file, "stopped");
	}
	buf_free(&line);
	return text_file_close(&ls->file) && ok;
}

static struct index *
lines_finish(struct lines *ls)
{
	struct index *ix;
	const char *what;

	ls->file.line = 0;
	if (index_build_count(ls->build) == 0) {
		text_file_refuse(&ls->file, "contains no article");
		return NULL;
	}
	if ((ix = index_build_finish(ls->build, &what)) == NULL)
		text_file_refuse(&ls->file, "%s", what);
	return ix;
}

struct index *
article_lines_read(
    const char *path, const struct index_limits *limits, struct err *err)
{
	struct lines ls = {
		.build = index_build_new(limits),
		.limits = limits,
		.file = { .setting = SETTING, .path = "samples", .err = err },
	};
	struct index *ix = NULL;

	if (ls.build == NULL)
		text_file_refuse(&ls.file, "out of memory");
	else if (path != NULL ? lines_file(&ls, path, err) : lines_samples(&ls))
		ix = lines_finish(&ls);
	index_build_free(ls.build);
	return ix;
}
