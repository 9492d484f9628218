/*
 * A conversation in one block of exactly its size: the least memory there is,
 * and what is replaced or dropped is overwritten, because it was promised to be
 * forgotten.
 */
#include "session/history.h"

#include <stdlib.h>
#include <string.h>

struct head {
	int64_t created_ms;
	uint32_t len;
	uint8_t role;
	uint8_t status;
	uint8_t why;
	uint8_t more; /* a key or a cost stands before the text */
};

/* A question has a key, an answer a cost. */
#define MORE_SIZE 16

_Static_assert(sizeof(struct sid) == MORE_SIZE, "a key has this size");
_Static_assert(sizeof(struct cost) == MORE_SIZE, "and so has a cost");

_Static_assert(sizeof(struct head) == 16, "a header has 16 bytes");

_Static_assert(RC_COUNT <= UINT8_MAX, "why fits its byte");

static const void *
message_more(const struct message *m)
{
	return m->role == ROLE_USER ? (const void *)m->key : m->cost;
}

static size_t
message_size(const struct message *m)
{
	return sizeof(struct head) + m->len +
	       (message_more(m) != NULL ? MORE_SIZE : 0);
}

static uint64_t
less(uint64_t from, uint64_t n)
{
	return from > n ? from - n : 0;
}

static char *
history_put(char *at, const struct message *m)
{
	const void *more = message_more(m);
	const struct head head = {
		.created_ms = m->created_ms,
		.len = (uint32_t)m->len,
		.role = (uint8_t)m->role,
		.status = (uint8_t)m->status,
		.why = (uint8_t)m->why,
		.more = more != NULL,
	};

	memcpy(at, &head, sizeof(head));
	at += sizeof(head);
	if (more != NULL) {
		memcpy(at, more, MORE_SIZE);
		at += MORE_SIZE;
	}
	if (m->len > 0)
		memcpy(at, m->text, m->len);
	return at + m->len;
}

static uint64_t
history_text(const struct history *h)
{
	struct message m;
	uint64_t bytes = 0;
	size_t pos = 0;

	while (history_next(h, &pos, &m))
		bytes += m.len;
	return bytes;
}

/* Where the newest whole pairs begin that fit, and how many messages. */
static size_t
history_fit(const struct history *h, const struct window *w, uint32_t *count)
{
	uint64_t left = history_text(h);
	struct message m;
	size_t pos = 0;

	*count = h->count;
	while (*count > 0 && (*count > w->messages || left > w->bytes)) {
		for (int i = 0; i < 2 && history_next(h, &pos, &m); i++) {
			left -= m.len;
			(*count)--;
		}
	}
	return pos;
}

void
history_free(struct history *h)
{
	if (h->block != NULL)
		explicit_bzero(h->block, h->size);
	free(h->block);
	*h = (struct history){ 0 };
}

enum rc
history_add(struct history *h, const struct message *question,
    const struct message *answer, const struct window *limit)
{
	const struct window room = {
		.messages = less(limit->messages, 2),
		.bytes = less(limit->bytes, question->len + answer->len),
	};
	struct history fresh;
	size_t from, kept;
	char *at;

	if (question->len > UINT32_MAX || answer->len > UINT32_MAX)
		return RC_NOMEM;
	from = history_fit(h, &room, &fresh.count);
	kept = h->size - from;
	fresh.count += 2;
	fresh.size = kept + message_size(question) + message_size(answer);
	if ((fresh.block = malloc(fresh.size)) == NULL)
		return RC_NOMEM;
	if (kept > 0)
		memcpy(fresh.block, h->block + from, kept);
	at = history_put(fresh.block + kept, question);
	history_put(at, answer);
	history_free(h);
	*h = fresh;
	return RC_OK;
}

enum rc
history_copy(
    struct history *out, const struct history *h, const struct window *w)
{
	struct history copy = { 0 };
	size_t from;

	from = history_fit(h, w, &copy.count);
	copy.size = h->size - from;
	if (copy.size > 0) {
		if ((copy.block = malloc(copy.size)) == NULL)
			return RC_NOMEM;
		memcpy(copy.block, h->block + from, copy.size);
	}
	*out = copy;
	return RC_OK;
}

enum rc
history_build(struct history *h, history_step_f *step, void *from)
{
	struct history fresh = { 0 };
	struct message m;
	size_t pos = 0;
	char *at;

	for (; step(from, &pos, &m); fresh.count++)
		fresh.size += message_size(&m);
	if (fresh.size > 0 && (fresh.block = malloc(fresh.size)) == NULL)
		return RC_NOMEM;
	at = fresh.block;
	for (pos = 0; at != NULL && step(from, &pos, &m);)
		at = history_put(at, &m);
	*h = fresh;
	return RC_OK;
}

bool
history_next(const struct history *h, size_t *pos, struct message *m)
{
	const void *more;
	struct head head;

	if (*pos >= h->size)
		return false;
	memcpy(&head, h->block + *pos, sizeof(head));
	*pos += sizeof(head);
	m->role = (enum role)head.role;
	m->status = (enum message_status)head.status;
	m->why = (enum rc)head.why;
	m->key = NULL;
	m->cost = NULL;
	m->created_ms = head.created_ms;
	if (head.more) {
		more = h->block + *pos;
		if (m->role == ROLE_USER)
			m->key = more;
		else
			m->cost = more;
		*pos += MORE_SIZE;
	}
	m->text = h->block + *pos;
	m->len = head.len;
	*pos += head.len;
	return true;
}
