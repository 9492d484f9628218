/*
 * The wrapper of json-c. Its tokener takes what is no JSON, so a gate of our
 * own reads the document first; whatever passes, the tokener must take.
 */
#include "base/json.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <string.h>

#include "base/text.h"

/*
 * The gate: RFC 8259 rule by rule, each function at the first byte of its
 * rule; false when the rule is broken.
 */
struct gate {
	const char *p;
	const char *end;
	unsigned depth; /* of the open objects and arrays */
	size_t members; /* of all objects together */
};

static bool gate_value(struct gate *);

static bool
gate_take(struct gate *g, char c)
{
	if (g->p == g->end || *g->p != c)
		return false;
	g->p++;
	return true;
}

static bool
gate_word(struct gate *g, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(g->end - g->p) < n || memcmp(g->p, word, n) != 0)
		return false;
	g->p += n;
	return true;
}

static void
gate_space(struct gate *g)
{
	while (g->p < g->end && (*g->p == ' ' || *g->p == '\t' ||
				    *g->p == '\n' || *g->p == '\r'))
		g->p++;
}

static bool
gate_digits(struct gate *g)
{
	const char *start = g->p;

	while (g->p < g->end && *g->p >= '0' && *g->p <= '9')
		g->p++;
	return g->p > start;
}

static bool
gate_number(struct gate *g)
{
	gate_take(g, '-');
	if (!gate_take(g, '0') && !gate_digits(g))
		return false;
	if (gate_take(g, '.') && !gate_digits(g))
		return false;
	if (!gate_take(g, 'e') && !gate_take(g, 'E'))
		return true;
	if (!gate_take(g, '+'))
		gate_take(g, '-');
	return gate_digits(g);
}

static bool
gate_hex4(struct gate *g, unsigned *unit)
{
	unsigned char c;

	*unit = 0;
	for (int i = 0; i < 4; i++, g->p++) {
		if (g->p == g->end)
			return false;
		c = (unsigned char)*g->p;
		if (c >= '0' && c <= '9')
			c -= '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			c = (unsigned char)((c | 0x20) - 'a' + 10);
		else
			return false;
		*unit = *unit << 4 | c;
	}
	return true;
}

/* What I-JSON forbids inside a string beside lone surrogates, and the NUL. */
static bool
gate_allowed(unsigned c)
{
	return c != 0 && (c & 0xfffe) != 0xfffe && (c < 0xfdd0 || c > 0xfdef);
}

static bool
gate_escape(struct gate *g)
{
	unsigned c, low;

	if (g->p == g->end)
		return false;
	c = (unsigned char)*g->p++;
	if (c != 'u')
		return c != 0 && strchr("\"\\/bfnrt", (int)c) != NULL;
	if (!gate_hex4(g, &c))
		return false;
	if (c >= 0xdc00 && c <= 0xdfff)
		return false;
	if (c >= 0xd800 && c <= 0xdbff) {
		if (!gate_word(g, "\\u") || !gate_hex4(g, &low) ||
		    low < 0xdc00 || low > 0xdfff)
			return false;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	return gate_allowed(c);
}

/* A sequence of UTF-8, known to be well-formed. */
static bool
gate_multibyte(struct gate *g)
{
	const unsigned char *p = (const unsigned char *)g->p;
	size_t len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	unsigned c = p[0] & (0x7fU >> len);

	for (size_t i = 1; i < len; i++)
		c = c << 6 | (p[i] & 0x3f);
	g->p += len;
	return gate_allowed(c);
}

static bool
gate_string(struct gate *g)
{
	unsigned char c;

	if (!gate_take(g, '"'))
		return false;
	while (g->p < g->end) {
		c = (unsigned char)*g->p;
		if (c < ' ')
			return false;
		if (c >= 0x80) {
			if (!gate_multibyte(g))
				return false;
			continue;
		}
		g->p++;
		if (c == '"')
			return true;
		if (c == '\\' && !gate_escape(g))
			return false;
	}
	return false;
}

static bool
gate_member(struct gate *g)
{
	gate_space(g);
	if (!gate_string(g))
		return false;
	gate_space(g);
	g->members++;
	return gate_take(g, ':') && gate_value(g);
}

/* An object or an array, by the rule of what is in it and its last byte. */
static bool
gate_container(struct gate *g, bool (*item)(struct gate *), char close)
{
	if (++g->depth > JSON_MAX_DEPTH)
		return false;
	g->p++;
	gate_space(g);
	if (!gate_take(g, close)) {
		do {
			if (!item(g))
				return false;
		} while (gate_take(g, ','));
		if (!gate_take(g, close))
			return false;
	}
	g->depth--;
	return true;
}

static bool
gate_value(struct gate *g)
{
	bool good;

	gate_space(g);
	if (g->p == g->end)
		return false;
	switch (*g->p) {
	case '{':
		good = gate_container(g, gate_member, '}');
		break;
	case '[':
		good = gate_container(g, gate_value, ']');
		break;
	case '"':
		good = gate_string(g);
		break;
	case 't':
		good = gate_word(g, "true");
		break;
	case 'f':
		good = gate_word(g, "false");
		break;
	case 'n':
		good = gate_word(g, "null");
		break;
	default:
		good = gate_number(g);
	}
	gate_space(g);
	return good;
}

static bool
gate_document(struct gate *g)
{
	gate_space(g);
	return g->p < g->end && *g->p == '{' && gate_value(g) && g->p == g->end;
}

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

/* The tokener can stop early without an error when memory is short. */
static struct json_object *
tree_parse(const char *s, int len)
{
	struct json_tokener *tok;
	struct json_object *tree;

	if ((tok = json_tokener_new_ex(JSON_MAX_DEPTH + 1)) == NULL)
		return NULL;
	tree = json_tokener_parse_ex(tok, s, len);
	if (json_tokener_get_parse_end(tok) != (size_t)len) {
		json_object_put(tree);
		tree = NULL;
	}
	json_tokener_free(tok);
	return tree;
}

enum rc
json_parse(const char *s, size_t len, struct json **doc)
{
	struct json_object *tree;
	struct gate g = { 0 };

	*doc = NULL;
	if (len == 0 || len > INT_MAX || !text_is_utf8(s, len))
		return RC_JSON;
	g.p = s;
	g.end = s + len;
	if (!gate_document(&g))
		return RC_JSON;
	if ((tree = tree_parse(s, gate_trimmed(s, len))) == NULL)
		return RC_NOMEM;
	if (tree_members(tree) != g.members) {
		json_object_put(tree);
		return RC_JSON;
	}
	*doc = (struct json *)tree;
	return RC_OK;
}

void
json_free(struct json *doc)
{
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
	if (!(d > -0x1p63 && d < 0x1p63) || (double)(int64_t)d != d)
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
	static const char hex[] = "0123456789abcdef";
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
	buf_addc(b, hex[c >> 4]);
	buf_addc(b, hex[c & 0xf]);
}

static void
json_quote(struct buf *b, const char *s, size_t len)
{
	size_t from = 0, i;
	unsigned char c;

	buf_addc(b, '"');
	for (i = 0; i < len; i++) {
		c = (unsigned char)s[i];
		if (c >= ' ' && c != '"' && c != '\\')
			continue;
		buf_add(b, s + from, i - from);
		json_escape(b, c);
		from = i + 1;
	}
	if (from < len)
		buf_add(b, s + from, len - from);
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
	buf_addf(b, "%" PRId64, n);
}

void
json_add_bool(struct buf *b, const char *name, bool value)
{
	json_begin(b, name);
	buf_adds(b, value ? "true" : "false");
}
