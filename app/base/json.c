/*
 * The wrapper of json-c. Its tokener takes what is no JSON, so what clients
 * send goes through a gate of our own first; whatever passes, the tokener must
 * take.
 */
#include "base/json.h"

#include <json-c/json.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/json_gate.h"
#include "base/room.h"
#include "base/text.h"

/* Without the white space behind it, the end is where the tokener stops. */
static int
gate_trimmed(const char *s, size_t len)
{
	while (s[len - 1] != '}')
		len--;
	return (int)len;
}

/*
 * The members of all objects in a tree. Of two with one name the tokener
 * keeps one, with all that is in it, so that a tree with duplicates has fewer
 * than the gate counted.
 */
static size_t
tree_members(const struct json_object *v)
{
	struct lh_entry *entry;
	size_t n = 0;

	if (json_object_is_type(v, json_type_object)) {
		lh_foreach(json_object_get_object(v), entry)
		    n += 1 + tree_members(lh_entry_v(entry));
	} else if (json_object_is_type(v, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(v); i++)
			n += tree_members(json_object_array_get_idx(v, i));
	}
	return n;
}

/*
 * More than json-c 0.16 takes for a tree, which crashes where it gets no memory
 * for a member's name, and loses other parts without a word.
 */
static size_t
tree_size(size_t len, const struct json_counts *counts)
{
	return 4096 + 6 * len + 1024 * counts->containers +
	       256 * counts->members + 160 * counts->values;
}

/*
 * The texts of a tree are overwritten: a visitor's words must be forgotten.
 * Whatever points into the tree holds no reference to a text of its own.
 */
static void
tree_wipe(struct json_object *v)
{
	struct lh_entry *entry;

	if (json_object_is_type(v, json_type_string)) {
		explicit_bzero((char *)(uintptr_t)json_object_get_string(v),
		    (size_t)json_object_get_string_len(v));
	} else if (json_object_is_type(v, json_type_object)) {
		lh_foreach(json_object_get_object(v), entry)
		    tree_wipe(lh_entry_v(entry));
	} else if (json_object_is_type(v, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(v); i++)
			tree_wipe(json_object_array_get_idx(v, i));
	}
}

/*
 * The tokener gathers each text in a buffer, which is made so large at once
 * that it never moves.
 */
static bool
tokener_reserve(struct json_tokener *tok, int len)
{
	if (printbuf_memset(tok->pb, len, 0, 1) != 0)
		return false;
	printbuf_reset(tok->pb);
	return true;
}

static void
tokener_free(struct json_tokener *tok)
{
	explicit_bzero(tok->pb->buf, (size_t)tok->pb->size);
	json_tokener_free(tok);
}

/* The tokener can stop early without an error when memory is short. */
static struct json_object *
tree_parse(const char *s, int len)
{
	struct json_tokener *tok;
	struct json_object *tree = NULL;

	if ((tok = json_tokener_new_ex(JSON_MAX_DEPTH + 1)) == NULL)
		return NULL;
	if (!tokener_reserve(tok, len))
		goto out;
	tree = json_tokener_parse_ex(tok, s, len);
	if (json_tokener_get_parse_end(tok) != (size_t)len) {
		json_free((struct json *)tree);
		tree = NULL;
	}
out:
	tokener_free(tok);
	return tree;
}

enum rc
json_parse(const char *s, size_t len, struct json **doc)
{
	struct json_object *tree;
	struct json_counts counts;

	*doc = NULL;
	if (len == 0 || len > INT_MAX || !json_gate(s, len, &counts))
		return text_is_utf8(s, len) ? RC_JSON : RC_UTF8;
	if (!room_for(tree_size(len, &counts)))
		return RC_NOMEM;
	if ((tree = tree_parse(s, gate_trimmed(s, len))) == NULL)
		return RC_NOMEM;
	if (tree_members(tree) != counts.members) {
		json_free((struct json *)tree);
		return RC_JSON;
	}
	*doc = (struct json *)tree;
	return RC_OK;
}

void
json_free(struct json *doc)
{
	tree_wipe((struct json_object *)doc);
	json_object_put((struct json_object *)doc);
}

static const struct json_object *
json_tree(const struct json *v)
{
	return (const struct json_object *)v;
}

const struct json *
json_get(const struct json *v, const char *name)
{
	struct json_object *member;

	if (json_kind(v) != JSON_OBJECT ||
	    !json_object_object_get_ex(json_tree(v), name, &member))
		return NULL;
	return (const struct json *)member;
}

const struct json *
json_at(const struct json *v, size_t index)
{
	if (json_kind(v) != JSON_ARRAY)
		return NULL;
	return (const struct json *)json_object_array_get_idx(
	    json_tree(v), index);
}

enum json_kind
json_kind(const struct json *v)
{
	switch (json_object_get_type(json_tree(v))) {
	case json_type_boolean:
		return JSON_BOOL;
	case json_type_int:
	case json_type_double:
		return JSON_NUMBER;
	case json_type_string:
		return JSON_STRING;
	case json_type_array:
		return JSON_ARRAY;
	case json_type_object:
		return JSON_OBJECT;
	case json_type_null:
		break;
	}
	return JSON_NULL;
}

const char *
json_text(const struct json *v, size_t *len)
{
	if (json_kind(v) != JSON_STRING)
		return NULL;
	*len = (size_t)json_object_get_string_len(json_tree(v));
	return json_object_get_string((struct json_object *)(uintptr_t)v);
}

bool
json_true(const struct json *v)
{
	return json_kind(v) == JSON_BOOL &&
	       json_object_get_boolean(json_tree(v));
}

/* json-c clamps what does not fit: to INT64_MIN, or past INT64_MAX. */
int64_t
json_integer(const struct json *v, int64_t fallback)
{
	const struct json_object *number = json_tree(v);
	int64_t n;
	double d;

	if (json_object_is_type(number, json_type_int)) {
		n = json_object_get_int64(number);
		if (n == INT64_MIN ||
		    (n > 0 && json_object_get_uint64(number) > INT64_MAX))
			return fallback;
		return n;
	}
	if (!json_object_is_type(number, json_type_double))
		return fallback;
	d = json_object_get_double(number);
	if (!(fabs(d) < 0x1p63) || (double)(int64_t)d != d)
		return fallback;
	return (int64_t)d;
}

/*
 * The writer.
 */

/* Whether the buffer ends with a value, so that the next one needs a comma. */
static bool
json_follows(const struct buf *b)
{
	char c = b->len > 0 ? b->data[b->len - 1] : '\0';

	return c == '}' || c == ']' || c == '"' || (c >= '0' && c <= '9') ||
	       (c >= 'a' && c <= 'z');
}

static void
json_escape(struct buf *b, unsigned char c)
{
	static const char letters[] = { ['\b'] = 'b',
		['\t'] = 't',
		['\n'] = 'n',
		['\f'] = 'f',
		['\r'] = 'r',
		['"'] = '"',
		['\\'] = '\\' };

	if (letters[c] != '\0') {
		buf_add(b, (const char[]){ '\\', letters[c] }, 2);
		return;
	}
	buf_adds(b, "\\u00");
	buf_addc(b, text_hex_digit(c >> 4));
	buf_addc(b, text_hex_digit(c));
}

/*
 * Whether none of 8 bytes must be escaped. A byte below n borrows into its
 * highest bit when n is taken from it; one that is equal to a character is
 * below 1 after their exclusive or.
 */
static bool
word_is_plain(const char *s)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t w, hits;

	memcpy(&w, s, sizeof(w));
	hits = (w - ones * ' ') | ((w ^ ones * '"') - ones) |
	       ((w ^ ones * '\\') - ones);
	return (hits & ~w & ones * 0x80) == 0;
}

/* How many bytes stand before the first that must be escaped. */
static size_t
plain_length(const char *s, size_t len)
{
	size_t n = 0;

	while (len - n >= 8 && word_is_plain(s + n))
		n += 8;
	while (n < len && (unsigned char)s[n] >= ' ' && s[n] != '"' &&
	       s[n] != '\\')
		n++;
	return n;
}

void
json_add_part(struct buf *b, const char *s, size_t len)
{
	size_t n;

	while ((n = plain_length(s, len)) < len) {
		buf_add(b, s, n);
		json_escape(b, (unsigned char)s[n]);
		s += n + 1;
		len -= n + 1;
	}
	buf_add(b, s, len);
}

static void
json_quote(struct buf *b, const char *s, size_t len)
{
	char *to;

	if (len > 0 && plain_length(s, len) == len &&
	    (to = buf_reserve(b, len + 2)) != NULL) {
		to[0] = '"';
		memcpy(to + 1, s, len);
		to[len + 1] = '"';
		buf_commit(b, len + 2);
		return;
	}
	buf_addc(b, '"');
	json_add_part(b, s, len);
	buf_addc(b, '"');
}

/* What stands before a value: a comma when one precedes it, and its name. */
static void
json_begin(struct buf *b, const char *name)
{
	if (json_follows(b))
		buf_addc(b, ',');
	if (name == NULL)
		return;
	json_quote(b, name, strlen(name));
	buf_addc(b, ':');
}

void
json_open(struct buf *b, const char *name)
{
	json_begin(b, name);
	buf_addc(b, '{');
}

void
json_close(struct buf *b)
{
	buf_addc(b, '}');
}

void
json_open_array(struct buf *b, const char *name)
{
	json_begin(b, name);
	buf_addc(b, '[');
}

void
json_close_array(struct buf *b)
{
	buf_addc(b, ']');
}

void
json_add_text(struct buf *b, const char *name, const char *s, size_t len)
{
	json_begin(b, name);
	json_quote(b, s, len);
}

void
json_add_string(struct buf *b, const char *name, const char *s)
{
	json_add_text(b, name, s, strlen(s));
}

void
json_add_integer(struct buf *b, const char *name, int64_t n)
{
	json_begin(b, name);
	buf_addn(b, n);
}

void
json_add_bool(struct buf *b, const char *name, bool value)
{
	json_begin(b, name);
	buf_adds(b, value ? "true" : "false");
}
