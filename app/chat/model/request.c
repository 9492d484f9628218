/*
 * The messages stand in the middle of the text: what is before and behind them
 * is written anew when the model wants it otherwise.
 */
#include "chat/model/request.h"

#include <ctype.h>
#include <string.h>

#include "base/json.h"

#define MAX_REQUEST (16 * 1024 * 1024) /* bytes of a text */
#define MAX_TAIL    128                /* bytes that request_close adds */
#define FRAME       40                 /* bytes of a message besides its text */

/* What a message of the user begins with, behind another one. */
#define USER_BEGINS (sizeof(",{\"role\":\"user\",\"content\":\"") - 1)

const char *const request_quirks[QUIRKS] = { "max_completion_tokens",
	"no max_tokens", "no stream_options", "no temperature",
	"no system role" };

/*
 * Before the messages.
 */

static void
add_message(struct buf *b, const char *role, const char *text, size_t n)
{
	json_open(b, NULL);
	json_add_string(b, "role", role);
	json_add_text(b, "content", text, n);
	json_close(b);
}

/* The text is left open: the first message goes on with it. */
static void
add_prompt_to_join(struct buf *b, const char *prompt)
{
	json_open(b, NULL);
	json_add_string(b, "role", "user");
	json_add_string(b, "content", prompt);
	if (!b->failed)
		b->len--;
	buf_adds(b, "\\n\\n");
}

void
request_write_head(struct buf *b, const char *model, double temperature,
    const char *system_prompt, unsigned quirks)
{
	json_open(b, NULL);
	json_add_string(b, "model", model);
	if (!(quirks & QUIRK_NO_TEMPERATURE))
		buf_addf(b, ",\"temperature\":%.2f", temperature);
	json_add_bool(b, "stream", true);
	json_open_array(b, "messages");
	if (quirks & QUIRK_NO_SYSTEM)
		add_prompt_to_join(b, system_prompt);
	else
		add_message(b, "system", system_prompt, strlen(system_prompt));
}

/*
 * The messages.
 */

static size_t
history_bytes(const struct history *history)
{
	size_t size = 0, pos = 0;
	struct message m;

	while (history_next(history, &pos, &m))
		size += m.len + FRAME;
	return size;
}

/* Pass by the oldest pairs; the size and the count of what is left. */
static size_t
skip_pairs(
    const struct history *history, size_t *size, size_t most, uint32_t *count)
{
	struct message q, a;
	size_t pos = 0, next = 0;

	*count = history->count;
	while (*count > 0 && *size > most && history_next(history, &next, &q) &&
	       history_next(history, &next, &a)) {
		*size -= q.len + a.len + 2 * FRAME;
		*count -= 2;
		pos = next;
	}
	return pos;
}

/* Where pairs begin of which so many are left is noted when it is a half. */
static void
note_cut(struct request *r, uint32_t left, uint32_t *half, size_t size)
{
	if (left != *half || r->cuts == REQUEST_MAX_CUTS)
		return;
	r->cut[r->cuts++] = (struct request_cut){
		(uint32_t)r->text.len,
		(uint32_t)size,
	};
	*half /= 2;
}

static void
turn_cuts(struct request *r)
{
	struct request_cut cut;

	for (unsigned i = 0; i < r->cuts / 2; i++) {
		cut = r->cut[i];
		r->cut[i] = r->cut[r->cuts - 1 - i];
		r->cut[r->cuts - 1 - i] = cut;
	}
}

/* From pos on; pairs are left. */
static void
add_pairs(
    struct request *r, const struct history *history, size_t pos, uint32_t left)
{
	uint32_t half = left / 2;
	size_t size = r->size;
	struct message q, a;

	for (; left > 0 && history_next(history, &pos, &q) &&
	       history_next(history, &pos, &a);
	     left--) {
		if (left == half)
			note_cut(r, left, &half, size);
		add_message(&r->text, "user", q.text, q.len);
		add_message(&r->text, "assistant", a.text, a.len);
		size -= q.len + a.len + 2 * FRAME;
	}
	if (r->size != size)
		note_cut(r, 0, &half, size);
}

/* The first message goes on with the prompt, which is open. */
static void
join_first(struct request *r)
{
	struct buf *b = &r->text;
	size_t from = r->first_at + USER_BEGINS;

	r->joined = true;
	if (b->failed)
		return;
	memmove(b->data + r->first_at, b->data + from, b->len - from);
	b->len -= USER_BEGINS;
	for (unsigned i = 0; i < r->cuts; i++)
		r->cut[i].at -= (uint32_t)USER_BEGINS;
}

void
request_write(struct request *r, const struct request_parts *parts)
{
	const struct history *history = parts->history;
	const struct buf *head = parts->head;
	uint32_t count;
	size_t pos;

	*r = (struct request){ .size = history_bytes(history) + parts->len +
		                       FRAME };
	pos = skip_pairs(history, &r->size, parts->most, &count);
	buf_init(&r->text, MAX_REQUEST);
	buf_guard(&r->text);
	buf_reserve(
	    &r->text, head->len + history->size + parts->len + MAX_TAIL);
	buf_add(&r->text, head->data, head->len);
	r->first_at = r->text.len;
	add_pairs(r, history, pos, count / 2);
	add_message(&r->text, "user", parts->question, parts->len);
	turn_cuts(r);
	if (parts->quirks & QUIRK_NO_SYSTEM)
		join_first(r);
	r->tail_at = r->text.len;
	if (head->failed)
		r->text.failed = true;
}

void
request_close(struct request *r, int64_t max_tokens, unsigned quirks)
{
	struct buf *b = &r->text;

	b->len = r->tail_at;
	json_close_array(b);
	if (!(quirks & QUIRK_NO_LIMIT))
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

/*
 * In other words.
 */

bool
request_halve(struct request *r)
{
	const struct request_cut *cut;

	if (r->cuts == 0)
		return false;
	cut = &r->cut[--r->cuts];
	r->first_at = cut->at;
	r->size = cut->size;
	r->joined = false;
	return true;
}

void
request_reword(struct request *r, const struct buf *head, unsigned quirks)
{
	size_t n = r->tail_at - r->first_at;
	struct buf text;

	buf_init(&text, MAX_REQUEST);
	buf_guard(&text);
	buf_reserve(&text, head->len + n + MAX_TAIL);
	buf_add(&text, head->data, head->len);
	buf_add(&text, r->text.data + r->first_at, n);
	for (unsigned i = 0; i < r->cuts; i++)
		r->cut[i].at += (uint32_t)(head->len - r->first_at);
	buf_wipe(&r->text);
	r->text = text;
	r->first_at = head->len;
	if (head->failed)
		r->text.failed = true;
	if ((quirks & QUIRK_NO_SYSTEM) && !r->joined)
		join_first(r);
	r->tail_at = r->text.len;
}

const char *
request_messages(const struct request *r)
{
	static const char name[] = "\"messages\":[";

	if (r->text.data == NULL || r->text.failed)
		return NULL;
	return memmem(r->text.data, r->tail_at, name, sizeof(name) - 1);
}

size_t
request_size(const struct request *r)
{
	return r->size;
}

/*
 * Refusals.
 */

/* What of it comes first; n: nothing more. */
static size_t
next_plain(const char *text, size_t i, size_t n)
{
	while (i < n && !isalnum((unsigned char)text[i]))
		i++;
	return i;
}

static bool
begins_with(const char *text, size_t n, const char *word)
{
	size_t i = 0;

	for (; *word != '\0'; word++, i++) {
		i = next_plain(text, i, n);
		if (i == n || tolower((unsigned char)text[i]) != *word)
			return false;
	}
	return true;
}

/*
 * Of the text its letters and digits count, and not their case: max_tokens and
 * maxTokens are the word "maxtokens".
 */
static bool
says(const char *text, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (begins_with(text + i, n - i, word))
			return true;
	return false;
}

static bool
says_one_of(const char *text, size_t n, const char *const words[], size_t rows)
{
	for (size_t i = 0; i < rows; i++)
		if (says(text, n, words[i]))
			return true;
	return false;
}

#define SAYS(text, n, words) \
	says_one_of(text, n, words, sizeof(words) / sizeof((words)[0]))

/* As templates say it whose models know no such role, and services. */
static bool
refuses_system(const char *text, size_t n)
{
	static const char *const words[] = { "mustalternate", "systemmessage",
		"systeminstruction", "developerinstruction", "developermessage",
		"onlyuser", "firstmessage" };

	return (says(text, n, "system") && says(text, n, "role")) ||
	       SAYS(text, n, words);
}

unsigned
request_give_up(unsigned quirks, unsigned first, const char *refusal, size_t n)
{
	static const char *const usage[] = { "streamoptions", "includeusage" };
	const char *limit = quirks & QUIRK_COMPLETION_TOKENS
	                        ? "maxcompletiontokens"
	                        : "maxtokens";
	bool swapped = ((quirks ^ first) & QUIRK_COMPLETION_TOKENS) != 0;

	if (!(quirks & QUIRK_NO_USAGE) && SAYS(refusal, n, usage))
		return quirks | QUIRK_NO_USAGE;
	if (!(quirks & QUIRK_NO_TEMPERATURE) && says(refusal, n, "temperature"))
		return quirks | QUIRK_NO_TEMPERATURE;
	if (!(quirks & QUIRK_NO_LIMIT) && says(refusal, n, limit))
		return swapped ? quirks | QUIRK_NO_LIMIT
		               : quirks ^ QUIRK_COMPLETION_TOKENS;
	if (!(quirks & QUIRK_NO_SYSTEM) && refuses_system(refusal, n))
		return quirks | QUIRK_NO_SYSTEM;
	return quirks;
}
