/*
 * The one wire format that the servers of language models have in common, and
 * what is known of its dialects.
 */
#include "chat/completion.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

#define MAX_TOKENS INT32_MAX /* believed of one answer */

static void
add_message(struct buf *b, const char *role, const char *text, size_t n)
{
	json_open(b, NULL);
	json_add_string(b, "role", role);
	json_add_text(b, "content", text, n);
	json_close(b);
}

void
completion_write(struct buf *b, const struct completion_request *r)
{
	struct message m;
	size_t pos = 0;

	json_open(b, NULL);
	json_add_string(b, "model", r->model);
	json_open_array(b, "messages");
	if (r->system != NULL)
		add_message(b, "system", r->system, strlen(r->system));
	while (history_next(r->history, &pos, &m))
		add_message(b, m.role == ROLE_USER ? "user" : "assistant",
		    m.text, m.len);
	add_message(b, "user", r->question, r->len);
	json_close_array(b);
	buf_addf(b, ",\"temperature\":%.2f", r->temperature);
	json_add_bool(b, "stream", true);
}

void
completion_tail(struct buf *b, int64_t max_tokens, unsigned quirks)
{
	json_add_integer(b,
	    quirks & QUIRK_COMPLETION_TOKENS ? "max_completion_tokens"
					     : "max_tokens",
	    max_tokens);
	if (!(quirks & QUIRK_NO_USAGE)) {
		json_open(b, "stream_options");
		json_add_bool(b, "include_usage", true);
		json_close(b);
	}
	json_close(b);
}

unsigned
completion_quirks(unsigned before, const char *refusal, size_t n)
{
	const char *field = before & QUIRK_COMPLETION_TOKENS
	                        ? "max_completion_tokens"
	                        : "max_tokens";

	if (!(before & QUIRK_NO_USAGE) &&
	    memmem(refusal, n, "stream_options", 14) != NULL)
		return before | QUIRK_NO_USAGE;
	if (memmem(refusal, n, field, strlen(field)) != NULL)
		return before ^ QUIRK_COMPLETION_TOKENS;
	return before;
}

static void
read_text(struct buf *to, const struct json *content)
{
	const struct json *part;
	const char *text;
	size_t n, i;

	if ((text = json_text(content, &n)) != NULL) {
		text_add_clean(to, text, n);
		return;
	}
	for (i = 0; (part = json_at(content, i)) != NULL; i++) {
		if ((text = json_text(json_get(part, "text"), &n)) != NULL)
			text_add_clean(to, text, n);
	}
}

static int64_t
read_tokens(const struct json *count)
{
	int64_t n = json_integer(count, -1);

	return n >= 0 && n <= MAX_TOKENS ? n : -1;
}

static void
read_usage(struct completion_chunk *chunk, const struct json *usage)
{
	if (json_kind(usage) != JSON_OBJECT)
		return;
	chunk->has_usage = true;
	chunk->usage.prompt_tokens = read_tokens(
	    json_get(usage, "prompt_tokens"));
	chunk->usage.completion_tokens = read_tokens(
	    json_get(usage, "completion_tokens"));
}

/* As a member of its own, or as the kind of the whole. */
static bool
is_error(const struct json *doc)
{
	const char *object;
	size_t n;

	if (json_kind(json_get(doc, "error")) != JSON_NULL)
		return true;
	object = json_text(json_get(doc, "object"), &n);
	return object != NULL && strcmp(object, "error") == 0;
}

/* Some servers send an empty reason until there is one. */
static bool
is_reason(const struct json *reason)
{
	size_t n;

	return json_text(reason, &n) != NULL && n > 0;
}

bool
completion_read(struct completion_chunk *chunk, const char *data, size_t n)
{
	const struct json *choice;
	struct json *doc;

	memset(chunk, 0, sizeof(*chunk));
	chunk->usage = USAGE_NONE;
	buf_init(&chunk->text, n * 3 + 1);
	if (n == 6 && memcmp(data, "[DONE]", 6) == 0) {
		chunk->done = true;
		return true;
	}
	if (json_parse_foreign(data, n, &doc) != RC_OK)
		return false;
	chunk->error = is_error(doc);
	choice = json_at(json_get(doc, "choices"), 0);
	read_text(&chunk->text, json_get(json_get(choice, "delta"), "content"));
	chunk->finished = is_reason(json_get(choice, "finish_reason"));
	read_usage(chunk, json_get(doc, "usage"));
	json_free(doc);
	return !chunk->text.failed;
}
