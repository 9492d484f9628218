/*
 * The one wire format that the servers of language models have in common, and
 * what they make of it.
 */
#include "chat/model/chunk.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "chat/model/chunk_told.h"

#define MAX_TOKENS INT32_MAX /* believed of one answer */
#define MAX_DIGITS 10        /* of a number that stands in a text */
#define MAX_CLEAN  3         /* bytes that one of text can become */

/*
 * Text.
 */

/* As a server may send half an escape, or half the bytes of a character. */
static void
add_joined(
    struct chunk *chunk, struct chunk_half *half, const char *text, size_t n)
{
	struct buf joined;
	size_t left;

	buf_init(&joined, sizeof(half->bytes) + n);
	buf_add(&joined, half->bytes, half->len);
	buf_add(&joined, text, n);
	if (joined.failed) {
		chunk->text.failed = true;
	} else {
		left = json_scan_half(joined.data, joined.len);
		json_scan_decode(&chunk->text, joined.data, joined.len - left);
		memcpy(half->bytes, joined.data + joined.len - left, left);
		half->len = (unsigned char)left;
	}
	buf_wipe(&joined);
}

static void
add_text(
    struct chunk *chunk, struct chunk_half *half, const char *text, size_t n)
{
	if (n == 0)
		return;
	if (half->len > 0 || json_scan_half(text, n) > 0)
		add_joined(chunk, half, text, n);
	else
		json_scan_decode(&chunk->text, text, n);
}

static bool
is_word(const char *text, size_t n, const char *word)
{
	return strlen(word) == n && memcmp(text, word, n) == 0;
}

/* Of a part that is an answer's; *thought: of one that is not. */
static bool
is_text_type(const char *type, size_t n, bool *thought)
{
	if (is_word(type, n, "text") || is_word(type, n, "output_text") ||
	    is_word(type, n, "refusal"))
		return true;
	*thought |= memmem(type, n, "reason", 6) != NULL ||
	            memmem(type, n, "think", 5) != NULL;
	return false;
}

static void
read_text(struct chunk *chunk, struct chunk_half *half, struct json_scan *s)
{
	const char *text;
	size_t n;

	if (json_scan_string(s, &text, &n))
		add_text(chunk, half, text, n);
}

/* The text of a part; a part of another kind has none. */
static void
read_part(struct chunk *chunk, struct chunk_half *half, struct json_scan *s)
{
	const char *text = NULL, *type;
	size_t len = 0, n;
	bool is_text = true;

	if (json_scan_kind(s) == '"') {
		read_text(chunk, half, s);
		return;
	}
	if (!json_scan_object(s))
		return;
	while (json_scan_member(s)) {
		if (json_scan_named(s, "text") ||
		    json_scan_named(s, "refusal")) {
			if (!json_scan_string(s, &text, &len))
				text = NULL;
		} else if (json_scan_named(s, "type")) {
			is_text = json_scan_string(s, &type, &n) &&
			          is_text_type(type, n, &chunk->thought);
		} else {
			json_scan_skip(s);
		}
	}
	if (is_text && text != NULL && !s->failed)
		add_text(chunk, half, text, len);
}

/* A text, a part, or an array of parts. */
static void
read_content(struct chunk *chunk, struct chunk_half *half, struct json_scan *s)
{
	if (json_scan_kind(s) != '[') {
		read_part(chunk, half, s);
		return;
	}
	json_scan_array(s);
	while (json_scan_element(s))
		read_part(chunk, half, s);
}

/*
 * Usage.
 */

static int64_t
digits_value(const char *digits, size_t n)
{
	int64_t value = 0;

	if (n == 0 || n > MAX_DIGITS)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return -1;
		value = value * 10 + (digits[i] - '0');
	}
	return value;
}

/* A number, which may stand in a text; -1: none that is believed. */
static int64_t
read_tokens(struct json_scan *s)
{
	const char *digits;
	int64_t value = -1;
	size_t n;

	if (json_scan_kind(s) != '"')
		value = json_scan_integer(s, -1);
	else if (json_scan_string(s, &digits, &n))
		value = digits_value(digits, n);
	return value >= 0 && value <= MAX_TOKENS ? value : -1;
}

static void
read_usage(struct chunk *chunk, struct json_scan *s)
{
	struct usage usage = USAGE_NONE;

	if (!json_scan_object(s))
		return;
	while (json_scan_member(s)) {
		if (json_scan_named(s, "prompt_tokens") ||
		    json_scan_named(s, "input_tokens"))
			usage.prompt_tokens = read_tokens(s);
		else if (json_scan_named(s, "completion_tokens") ||
			 json_scan_named(s, "output_tokens"))
			usage.completion_tokens = read_tokens(s);
		else if (json_scan_named(s, "total_tokens"))
			usage.total_tokens = read_tokens(s);
		else
			json_scan_skip(s);
	}
	if (usage.prompt_tokens < 0 && usage.completion_tokens < 0 &&
	    usage.total_tokens < 0)
		return;
	chunk->usage = usage;
	chunk->has_usage = true;
}

/* Groq's, where a stream's usage was before there was a member for it. */
static void
read_x_groq(struct chunk *chunk, struct json_scan *s)
{
	if (!json_scan_object(s))
		return;
	while (json_scan_member(s))
		if (json_scan_named(s, "usage"))
			read_usage(chunk, s);
		else
			json_scan_skip(s);
}

/*
 * Choices.
 */

static bool
names_thought(const struct json_scan *s)
{
	return json_scan_named(s, "reasoning_content") ||
	       json_scan_named(s, "reasoning") ||
	       json_scan_named(s, "thinking") ||
	       json_scan_named(s, "reasoning_details") ||
	       json_scan_named(s, "reasoning_text") ||
	       json_scan_named(s, "thinking_blocks");
}

static bool
names_tools(const struct json_scan *s)
{
	return json_scan_named(s, "tool_calls") ||
	       json_scan_named(s, "function_call");
}

/* A delta or a message. What a model says when it refuses is its answer. */
static void
read_message(struct chunk *chunk, struct chunk_half *half, struct json_scan *s)
{
	struct json_scan refusal = { .failed = true };

	buf_clear(&chunk->text);
	if (!json_scan_object(s))
		return;
	while (json_scan_member(s)) {
		if (json_scan_named(s, "content")) {
			buf_clear(&chunk->text);
			read_content(chunk, half, s);
		} else if (json_scan_named(s, "refusal")) {
			refusal = *s;
			json_scan_skip(s);
		} else if (names_thought(s)) {
			chunk->thought |= chunk_told_filled(s);
		} else if (names_tools(s)) {
			chunk->tools |= chunk_told_filled(s);
		} else {
			json_scan_skip(s);
		}
	}
	if (!refusal.failed && !s->failed)
		read_content(chunk, half, &refusal);
}

/* Some servers send an empty reason until there is one. */
static void
read_reason(struct chunk *chunk, struct json_scan *s)
{
	const char *text;
	size_t n;

	chunk->finish = FINISH_NONE;
	if (!json_scan_string(s, &text, &n) || n == 0)
		return;
	chunk->reason = text;
	chunk->reason_len = n;
	chunk->finish = finish_read(text, n);
}

/*
 * A message stands where a delta belongs, or next to one: then it repeats all
 * that has come.
 */
static void
read_choice(struct chunk *chunk, struct chunk_half *half, struct json_scan *s)
{
	struct json_scan message = { .failed = true };
	bool delta = false;

	if (!json_scan_object(s))
		return;
	while (json_scan_member(s)) {
		if (json_scan_named(s, "delta")) {
			delta = json_scan_kind(s) == '{';
			read_message(chunk, half, s);
		} else if (json_scan_named(s, "message")) {
			message = *s;
			json_scan_skip(s);
		} else if (json_scan_named(s, "finish_reason")) {
			read_reason(chunk, s);
		} else if (json_scan_named(s, "usage")) {
			read_usage(chunk, s);
		} else if (json_scan_named(s, "error")) {
			chunk->error |= chunk_told_filled(s);
		} else {
			json_scan_skip(s);
		}
	}
	chunk->message = !delta && !message.failed && !s->failed;
	if (chunk->message)
		read_message(chunk, half, &message);
}

/* One answer is asked for, so the first choice is all. */
static void
read_choices(struct chunk *chunk, struct chunk_half *half, struct json_scan *s)
{
	bool first = true;

	buf_clear(&chunk->text);
	chunk->finish = FINISH_NONE;
	chunk->error = false;
	chunk->choices = json_scan_array(s);
	if (!chunk->choices)
		return;
	for (; json_scan_element(s); first = false) {
		if (first)
			read_choice(chunk, half, s);
		else
			json_scan_skip(s);
	}
}

/*
 * The whole.
 */

static void
read_document(struct chunk *chunk, struct chunk_half *half, struct json_scan *s)
{
	struct chunk_told told = { .error = false };

	if (!json_scan_object(s)) {
		s->failed = true;
		return;
	}
	while (json_scan_member(s)) {
		if (json_scan_named(s, "choices"))
			read_choices(chunk, half, s);
		else if (json_scan_named(s, "usage"))
			read_usage(chunk, s);
		else if (json_scan_named(s, "x_groq"))
			read_x_groq(chunk, s);
		else if (!chunk_told_read(&told, s))
			json_scan_skip(s);
	}
	chunk->error |= told.error || told.whole ||
	                (told.message && told.code && !chunk->choices);
	chunk->words = told.message && !chunk->choices && !chunk->has_usage;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void
chunk_clear(struct chunk *chunk, size_t n)
{
	struct buf text = chunk->text;

	buf_clear(&text);
	text.max = (n + JSON_SCAN_MAX_HALF) * MAX_CLEAN;
	*chunk = (struct chunk){ .text = text, .usage = USAGE_NONE };
}

bool
chunk_read(
    struct chunk *chunk, struct chunk_half *half, const char *data, size_t n)
{
	struct json_scan scan;

	chunk_clear(chunk, n);
	while (n > 0 && is_blank(*data)) {
		data++;
		n--;
	}
	while (n > 0 && (is_blank(data[n - 1]) || data[n - 1] == '\n'))
		n--;
	if (n == 0)
		return true;
	if (is_word(data, n, "[DONE]")) {
		chunk->done = true;
		return true;
	}
	json_scan_init(&scan, data, n);
	read_document(chunk, half, &scan);
	if (json_scan_end(&scan) && !chunk->text.failed)
		return true;
	buf_clear(&chunk->text);
	return false;
}

void
chunk_end(struct chunk *chunk, struct chunk_half *half)
{
	chunk_clear(chunk, 0);
	json_scan_decode(&chunk->text, half->bytes, half->len);
	half->len = 0;
}
