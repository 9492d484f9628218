/*
 * A conversation in one block of exactly its size: the least memory there is,
 * and what is replaced or dropped is overwritten, because it was promised to be
 * forgotten.
 */
#include "session/history.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct head {
	int64_t created_ms;
	uint32_t len;
	uint8_t role;
	uint8_t status;
	uint8_t why;
	uint8_t more; /* what stands before the text: MORE_ ... */
};

#define MORE_FIXED 1 /* a key or a cost */
#define MORE_CITED 2 /* a length, and so many bytes */

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

/* What stands before a block. */
struct share {
	atomic_uint holders;
	atomic_bool revoked;
};

_Static_assert(sizeof(struct share) == HISTORY_HEAD, "it is as large as told");

static struct share *
share_of(const struct history *h)
{
	return (struct share *)(void *)(h->block - HISTORY_HEAD);
}

/* Of h->size bytes; false without memory. */
static bool
block_new(struct history *h)
{
	struct share *share;

	if ((share = malloc(HISTORY_HEAD + h->size)) == NULL)
		return false;
	atomic_init(&share->holders, 1);
	atomic_init(&share->revoked, false);
	h->block = (char *)share + HISTORY_HEAD;
	return true;
}

static size_t
message_size(const struct message *m)
{
	return sizeof(struct head) + m->len +
	       (message_more(m) != NULL ? MORE_SIZE : 0) +
	       (m->cited_len > 0 ? sizeof(uint16_t) + m->cited_len : 0);
}

/* What counts of it. */
static uint64_t
message_bytes(const struct message *m)
{
	return m->len + m->cited_len;
}

static char *
put_cited(char *at, const struct message *m)
{
	const uint16_t len = (uint16_t)m->cited_len;

	if (len == 0)
		return at;
	memcpy(at, &len, sizeof(len));
	memcpy(at + sizeof(len), m->cited, len);
	return at + sizeof(len) + len;
}

static uint64_t
history_less(uint64_t from, uint64_t n)
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
		.more = (uint8_t)((more != NULL ? MORE_FIXED : 0) |
				  (m->cited_len > 0 ? MORE_CITED : 0)),
	};

	memcpy(at, &head, sizeof(head));
	at += sizeof(head);
	if (more != NULL) {
		memcpy(at, more, MORE_SIZE);
		at += MORE_SIZE;
	}
	at = put_cited(at, m);
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
		bytes += message_bytes(&m);
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
			left -= message_bytes(&m);
			(*count)--;
		}
	}
	return pos;
}

void
history_free(struct history *h)
{
	if (h->block != NULL &&
	    atomic_fetch_sub(&share_of(h)->holders, 1) == 1) {
		explicit_bzero(h->block, h->size);
		free(share_of(h));
	}
	*h = (struct history){ 0 };
}

void
history_share(struct history *out, const struct history *h)
{
	*out = *h;
	if (h->block != NULL)
		atomic_fetch_add(&share_of(h)->holders, 1);
}

void
history_revoke(struct history *h)
{
	if (h->block != NULL)
		atomic_store(&share_of(h)->revoked, true);
}

bool
history_is_revoked(const struct history *h)
{
	return h->block != NULL && atomic_load(&share_of(h)->revoked);
}

enum rc
history_add(struct history *h, const struct message *question,
    const struct message *answer, const struct window *limit)
{
	const struct window room = {
		.messages = history_less(limit->messages, 2),
		.bytes = history_less(limit->bytes,
		    message_bytes(question) + message_bytes(answer)),
	};
	struct history fresh;
	size_t from, kept;
	char *at;

	if (question->len > UINT32_MAX || answer->len > UINT32_MAX ||
	    answer->cited_len > UINT16_MAX)
		return RC_NOMEM;
	from = history_fit(h, &room, &fresh.count);
	kept = h->size - from;
	fresh.count += 2;
	fresh.size = kept + message_size(question) + message_size(answer);
	if (!block_new(&fresh))
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
	if (from == 0) {
		history_share(&copy, h);
	} else if (copy.size > 0) {
		if (!block_new(&copy))
			return RC_NOMEM;
		memcpy(copy.block, h->block + from, copy.size);
	}
	*out = copy;
	return RC_OK;
}

enum rc
history_copy_keyed(struct history *out, const struct history *h,
    const struct sid *key, unsigned max, uint64_t *at)
{
	struct history copy = { .count = 2 };
	size_t pos = 0, begin, from = 0;
	unsigned later = max;
	struct message m, next;
	uint64_t count = 0;

	for (; begin = pos, history_next(h, &pos, &m); count += 2) {
		history_next(h, &pos, &next);
		if (m.key == NULL)
			continue;
		later++;
		if (sid_equal(m.key, key)) {
			from = begin;
			copy.size = pos - begin;
			*at = count + 2;
			later = 0;
		}
	}
	if (later >= max)
		return RC_NOSESSION;
	if (!block_new(&copy))
		return RC_NOMEM;
	memcpy(copy.block, h->block + from, copy.size);
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
	if (fresh.size > 0 && !block_new(&fresh))
		return RC_NOMEM;
	at = fresh.block;
	for (pos = 0; at != NULL && step(from, &pos, &m);)
		at = history_put(at, &m);
	*h = fresh;
	return RC_OK;
}

static void
next_cited(const struct history *h, size_t *pos, struct message *m, bool has)
{
	uint16_t len;

	m->cited = NULL;
	m->cited_len = 0;
	if (!has)
		return;
	memcpy(&len, h->block + *pos, sizeof(len));
	m->cited = h->block + *pos + sizeof(len);
	m->cited_len = len;
	*pos += sizeof(len) + len;
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
	if (head.more & MORE_FIXED) {
		more = h->block + *pos;
		if (m->role == ROLE_USER)
			m->key = more;
		else
			m->cost = more;
		*pos += MORE_SIZE;
	}
	next_cited(h, pos, m, (head.more & MORE_CITED) != 0);
	m->text = h->block + *pos;
	m->len = head.len;
	*pos += head.len;
	return true;
}
