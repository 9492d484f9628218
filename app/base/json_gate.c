/*
 * What a client sends is read twice: here to the letter of the standard, byte
 * by byte, and only then by json-c.
 */
#include "base/json_gate.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"

/*
 * RFC 8259 rule by rule, each function at the first byte of its rule; false
 * when the rule is broken.
 */
struct gate {
	const char *p;
	const char *end;
	unsigned depth; /* of the open objects and arrays */
	struct json_counts counts;
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
gate_hex4(struct gate *g, uint32_t *unit)
{
	if (g->end - g->p < 4 || !text_hex_number(g->p, 4, unit))
		return false;
	g->p += 4;
	return true;
}

/* What I-JSON forbids inside a string besides lone surrogates, and the NUL. */
static bool
gate_allowed(unsigned c)
{
	return c != 0 && (c & 0xfffe) != 0xfffe && (c < 0xfdd0 || c > 0xfdef);
}

static bool
gate_escape(struct gate *g)
{
	uint32_t c, low;

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
	uint32_t c;

	g->p += text_next(g->p, &c);
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
	g->counts.members++;
	return gate_take(g, ':') && gate_value(g);
}

/* An object or an array, by the rule of what is in it and its last byte. */
static bool
gate_container(struct gate *g, bool (*item)(struct gate *), char close)
{
	if (++g->depth > JSON_MAX_DEPTH)
		return false;
	g->counts.containers++;
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

	g->counts.values++;
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

bool
json_gate(const char *s, size_t len, struct json_counts *counts)
{
	struct gate g = { .p = s, .end = s + len };

	if (!text_is_utf8(s, len))
		return false;
	gate_space(&g);
	if (g.p == g.end || *g.p != '{' || !gate_value(&g) || g.p != g.end)
		return false;
	*counts = g.counts;
	return true;
}
