/*
 * What upstream_stream.c writes is always written alike, and quotes within text
 * are escaped: so a dialect is a row of replacements, one after the other.
 */
#include "upstream_dialect.h"

#include <stdint.h>
#include <string.h>

#define MAX_EVENTS (4 * 1024 * 1024)
#define AFTER      "\"},\"finish_reason\":null"

struct replacement {
	size_t at; /* of the plan's member */
	const char *from, *to;
};

#define ROW(name, from, to) \
	{ \
		offsetof(struct plan, name), from, to \
	}

static const struct replacement rows[] = {
	/* the chunk */
	ROW(refusal, "\"delta\":{\"content\":",
	    "\"delta\":{\"content\":null,\"refusal\":"),
	ROW(parts, "\"content\":\"",
	    "\"content\":[{\"type\":\"text\",\"text\":\""),
	ROW(parts, AFTER, "\"}]},\"finish_reason\":null"),
	ROW(object, "\"content\":\"",
	    "\"content\":{\"type\":\"text\",\"text\":\""),
	ROW(object, AFTER, "\"}},\"finish_reason\":null"),
	ROW(choices, "\"choices\":[{",
	    "\"choices\":[{\"index\":0,\"logprobs\":null,"),
	ROW(choices, "}]}\n",
	    "},{\"index\":1,\"delta\":{\"content\":\"x\"}}]}\n"),
	ROW(message, "\"delta\":{", "\"message\":{"),

	/* the event */
	ROW(multiline, ",\"object\"", "\ndata: ,\"object\""),
	ROW(fields, "\ndata: {",
	    "\nid: 7\nretry: 10\nid\nevent: message\ndata: {"),
	ROW(beats, "data: {\"id\"",
	    "data:\n\ndata: \n\nevent: ping\ndata: now\n\ndata: {\"id\""),
	ROW(blanks, "data: [DONE]", "data:   [DONE] \t"),
	ROW(nospace, "data: ", "data:"),
	ROW(cr, "\n", "\r"),
};

static bool
is_asked(const struct plan *plan, const struct replacement *row)
{
	int64_t value;

	memcpy(&value, (const char *)plan + row->at, sizeof(value));
	return value > 0;
}

bool
dialect_differs(const struct plan *plan)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (is_asked(plan, &rows[i]))
			return true;
	return false;
}

static void
replace(const struct replacement *row, const char *s, size_t n, struct buf *to)
{
	size_t len = strlen(row->from);
	const char *at;

	while (n > 0 && (at = memmem(s, n, row->from, len)) != NULL) {
		buf_add(to, s, (size_t)(at - s));
		buf_adds(to, row->to);
		n -= (size_t)(at - s) + len;
		s = at + len;
	}
	buf_add(to, s, n);
}

void
dialect_write(const struct plan *plan, const char *s, size_t n, struct buf *to)
{
	struct buf now, next;

	buf_init(&now, MAX_EVENTS);
	buf_add(&now, s, n);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!is_asked(plan, &rows[i]))
			continue;
		buf_init(&next, MAX_EVENTS);
		replace(&rows[i], now.data, now.len, &next);
		buf_free(&now);
		now = next;
	}
	if (now.len > 0)
		buf_add(to, now.data, now.len);
	buf_free(&now);
}
