/*
 * The one wire format that the servers of language models have in common, and
 * what is known of its dialects.
 */
#include "chat/model/completion.h"

#include <string.h>

#include "base/json_scan.h"

#define MAX_TOKENS INT32_MAX /* believed of one answer */
#define MAX_CLEAN  3         /* bytes that one of text can become */

/* The text of a part; a part of another kind has none. */
static void
read_part(struct buf *to, struct json_scan *s)
{
	const char *text;
	size_t n;

	if (!json_scan_object(s))
		return;
	while (json_scan_member(s)) {
		if (!json_scan_named(s, "text"))
			json_scan_skip(s);
		else if (json_scan_string(s, &text, &n))
			json_scan_decode(to, text, n);
	}
}

/* A text, or an array of parts. */
static void
read_content(struct buf *to, struct json_scan *s)
{
	const char *text;
	size_t n;

	buf_clear(to);
	if (json_scan_kind(s) == '[') {
		json_scan_array(s);
		while (json_scan_element(s))
			read_part(to, s);
	} else if (json_scan_string(s, &text, &n)) {
		json_scan_decode(to, text, n);
	}
}

static void
read_delta(struct completion_chunk *chunk, struct json_scan *s)
{
	buf_clear(&chunk->text);
	if (!json_scan_object(s))
		return;
	while (json_scan_member(s)) {
		if (json_scan_named(s, "content"))
			read_content(&chunk->text, s);
		else
			json_scan_skip(s);
	}
}

/* Some servers send an empty reason until there is one. */
static bool
read_reason(struct json_scan *s)
{
	const char *text;
	size_t n;

	return json_scan_string(s, &text, &n) && n > 0;
}

static void
read_choice(struct completion_chunk *chunk, struct json_scan *s)
{
	if (!json_scan_object(s))
		return;
	while (json_scan_member(s)) {
		if (json_scan_named(s, "delta"))
			read_delta(chunk, s);
		else if (json_scan_named(s, "finish_reason"))
			chunk->finished = read_reason(s);
		else
			json_scan_skip(s);
	}
}

/* One answer is asked for, so the first choice is all. */
static void
read_choices(struct completion_chunk *chunk, struct json_scan *s)
{
	bool first = true;

	buf_clear(&chunk->text);
	chunk->finished = false;
	if (!json_scan_array(s))
		return;
	for (; json_scan_element(s); first = false) {
		if (first)
			read_choice(chunk, s);
		else
			json_scan_skip(s);
	}
}

static int64_t
read_tokens(struct json_scan *s)
{
	int64_t n = json_scan_integer(s, -1);

	return n >= 0 && n <= MAX_TOKENS ? n : -1;
}

static void
read_usage(struct completion_chunk *chunk, struct json_scan *s)
{
	chunk->usage = USAGE_NONE;
	if (!(chunk->has_usage = json_scan_object(s)))
		return;
	while (json_scan_member(s)) {
		if (json_scan_named(s, "prompt_tokens"))
			chunk->usage.prompt_tokens = read_tokens(s);
		else if (json_scan_named(s, "completion_tokens"))
			chunk->usage.completion_tokens = read_tokens(s);
		else if (json_scan_named(s, "total_tokens"))
			chunk->usage.total_tokens = read_tokens(s);
		else
			json_scan_skip(s);
	}
}

static bool
read_object_is_error(struct json_scan *s)
{
	const char *text;
	size_t n;

	return json_scan_string(s, &text, &n) && n == 5 &&
	       memcmp(text, "error", 5) == 0;
}

/* An error is a member of its own, or the kind of the whole. */
static void
read_document(struct completion_chunk *chunk, struct json_scan *s)
{
	bool member = false, whole = false;

	if (!json_scan_object(s))
		return;
	while (json_scan_member(s)) {
		if (json_scan_named(s, "choices"))
			read_choices(chunk, s);
		else if (json_scan_named(s, "usage"))
			read_usage(chunk, s);
		else if (json_scan_named(s, "error"))
			member = !json_scan_null(s);
		else if (json_scan_named(s, "object"))
			whole = read_object_is_error(s);
		else
			json_scan_skip(s);
	}
	chunk->error = member || whole;
}

bool
completion_read(struct completion_chunk *chunk, const char *data, size_t n)
{
	struct json_scan scan;

	buf_clear(&chunk->text);
	chunk->text.max = n * MAX_CLEAN;
	chunk->finished = chunk->done = chunk->error = chunk->has_usage = false;
	chunk->usage = USAGE_NONE;
	if (n == 6 && memcmp(data, "[DONE]", 6) == 0) {
		chunk->done = true;
		return true;
	}
	json_scan_init(&scan, data, n);
	read_document(chunk, &scan);
	if (json_scan_end(&scan) && !chunk->text.failed)
		return true;
	buf_clear(&chunk->text);
	return false;
}
