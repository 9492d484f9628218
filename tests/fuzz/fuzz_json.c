/*
 * A document in JSON, as a client sends it. What json_parse takes is read by
 * json_scan as well, and both say the same of every value; written again it
 * is read as the same.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/json_gate.h"
#include "base/json_scan.h"
#include "base/text.h"

#define MAX_SCANNED (INT64_C(1) << 53) /* json_scan_integer's */
#define NO_NUMBER   INT64_MIN

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

static void copy_value(
    struct buf *, const char *, struct json_scan *, const struct json *);

static void
copy_text(struct buf *out, const char *name, struct json_scan *s,
    const struct json *value)
{
	const char *raw, *text;
	struct buf decoded;
	size_t n, len;

	buf_init(&decoded, SIZE_MAX / 4);
	text = json_text(value, &len);
	HOLDS(text != NULL && text[len] == '\0' && strlen(text) == len);
	HOLDS(text_is_utf8(text, len));
	HOLDS(json_scan_string(s, &raw, &n));
	json_scan_decode(&decoded, raw, n);
	HOLDS(decoded.len == len);
	HOLDS(len == 0 || memcmp(decoded.data, text, len) == 0);
	buf_free(&decoded);
	json_add_text(out, name, text, len);
}

static void
copy_number(struct buf *out, const char *name, struct json_scan *s,
    const struct json *value)
{
	int64_t scanned = json_scan_integer(s, NO_NUMBER);
	int64_t parsed = json_integer(value, NO_NUMBER);

	HOLDS(json_kind(value) == JSON_NUMBER);
	if (scanned != NO_NUMBER) {
		HOLDS(scanned > -MAX_SCANNED && scanned < MAX_SCANNED);
		HOLDS(parsed == scanned);
	}
	json_add_integer(out, name, parsed);
}

static void
copy_object(struct buf *out, const char *name, struct json_scan *s,
    const struct json *value)
{
	struct buf member;

	HOLDS(json_kind(value) == JSON_OBJECT && json_scan_object(s));
	json_open(out, name);
	while (json_scan_member(s)) {
		buf_init(&member, SIZE_MAX / 4);
		json_scan_decode(&member, s->name, s->name_len);
		HOLDS(buf_string(&member) != NULL);
		copy_value(out, member.data, s, json_get(value, member.data));
		buf_free(&member);
	}
	json_close(out);
}

static void
copy_array(struct buf *out, const char *name, struct json_scan *s,
    const struct json *value)
{
	size_t i;

	HOLDS(json_kind(value) == JSON_ARRAY && json_scan_array(s));
	json_open_array(out, name);
	for (i = 0; json_scan_element(s); i++)
		copy_value(out, NULL, s, json_at(value, i));
	HOLDS(json_at(value, i) == NULL);
	json_close_array(out);
}

/* Write a value, which stands in both; a null as a text. */
static void
copy_value(struct buf *out, const char *name, struct json_scan *s,
    const struct json *value)
{
	switch (json_scan_kind(s)) {
	case '{':
		copy_object(out, name, s, value);
		break;
	case '[':
		copy_array(out, name, s, value);
		break;
	case '"':
		copy_text(out, name, s, value);
		break;
	case 't':
	case 'f':
		HOLDS(json_kind(value) == JSON_BOOL);
		HOLDS(json_true(value) == (json_scan_kind(s) == 't'));
		json_add_bool(out, name, json_true(value));
		json_scan_skip(s);
		break;
	case 'n':
		HOLDS(value == NULL && json_scan_null(s));
		json_add_string(out, name, "null");
		break;
	default:
		copy_number(out, name, s, value);
	}
}

/* Read a document, if it is one, and write it into out. */
static bool
copy_document(struct buf *out, const char *text, size_t n)
{
	struct json *doc = NULL;
	struct json_scan scan;
	struct json_counts counts;
	enum rc rc = json_parse(text, n, &doc);

	buf_init(out, SIZE_MAX / 4);
	if (rc != RC_OK) {
		HOLDS(rc == RC_JSON || rc == RC_UTF8);
		return false;
	}
	HOLDS(json_gate(text, n, &counts) && text_is_utf8(text, n));
	json_scan_init(&scan, text, n);
	copy_value(out, NULL, &scan, doc);
	HOLDS(json_scan_end(&scan));
	HOLDS(!out->failed && out->len > 0);
	json_free(doc);
	return true;
}

/* What is lenient must end, too. */
static void
scan_only(const char *text, size_t n)
{
	struct json_scan scan;

	json_scan_init(&scan, text, n);
	json_scan_skip(&scan);
	json_scan_end(&scan);
}

/* Nothing that is cut is a document. */
static void
check_cut(const char *text, size_t n)
{
	struct buf out;
	char *cut;

	while (text[n - 1] != '}')
		n--;
	cut = fuzz_copy(text, n - 1);
	HOLDS(!copy_document(&out, cut, n - 1));
	free(cut);
}

static void
check_clean(const char *text, size_t n)
{
	struct buf clean;

	buf_init(&clean, SIZE_MAX / 4);
	text_add_clean(&clean, text, n);
	HOLDS(clean.len <= 3 * n && text_is_utf8(clean.data, clean.len));
	HOLDS(clean.len == 0 || memchr(clean.data, '\0', clean.len) == NULL);
	if (n > 0 && text_is_utf8(text, n) && memchr(text, '\0', n) == NULL)
		HOLDS(clean.len == n && memcmp(clean.data, text, n) == 0);
	buf_free(&clean);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = fuzz_copy(data, n);
	struct buf once, twice;

	if (copy_document(&once, text, n)) {
		HOLDS(copy_document(&twice, once.data, once.len));
		HOLDS(twice.len == once.len &&
		      memcmp(twice.data, once.data, once.len) == 0);
		buf_free(&twice);
		check_cut(text, n);
	}
	buf_free(&once);
	scan_only(text, n);
	check_clean(text, n);
	free(text);
	return 0;
}
