/*
 * Everything that comes is checked before it is used: it may have been written
 * by a program that is newer or older. A result goes by its code, whose place
 * in the list may change; the code of an unknown one becomes "unavailable".
 *
 *	format, held: 1 byte each; id, creator: 16 each; messages ever: 8;
 *	created, active: 8 each; messages: 4; and each of them:
 *	role, status, more, length of the code: 1 each; created: 8; length: 4;
 *	the code; when there is more, a question's key (16) or what an answer
 *	cost (8 and 8); the text
 *
 * Where answers say what they go by, the format is a later one, in which more
 * is a set: 1, as before; 2, the length (2) and the bytes of that. Others are
 * written as before, so that an older program reads them.
 */
#include "session/session_wire.h"

#include <string.h>

#include "base/bytes.h"
#include "session/cited.h"

#define FORMAT       2 /* its times are wall time */
#define FORMAT_CITED 3 /* answers say what they go by */
#define FORMAT_MONO  1 /* times were monotonic, of the same boot */
#define SESSION_HEAD 62
#define MESSAGE_HEAD 16
#define MESSAGE_MORE 16
#define MORE_FIXED   1
#define MORE_CITED   2
#define MAX_TIME     (INT64_C(1) << 53) /* ms */

static void
add_cost(struct buf *b, const struct cost *any)
{
	struct cost cost;

	memcpy(&cost, any, sizeof(cost));
	bytes_add(b, (uint64_t)cost.prompt, 8);
	bytes_add(b, (uint64_t)cost.completion, 8);
}

static void
add_message(struct buf *b, const struct message *m)
{
	const char *code = m->why == RC_OK ? "" : rc_code(m->why);

	bytes_add(b, m->role, 1);
	bytes_add(b, m->status, 1);
	bytes_add(b,
	    (m->key != NULL || m->cost != NULL ? MORE_FIXED : 0) |
		(m->cited_len > 0 ? MORE_CITED : 0),
	    1);
	bytes_add(b, strlen(code), 1);
	bytes_add(b, (uint64_t)m->created_ms, 8);
	bytes_add(b, m->len, 4);
	buf_adds(b, code);
	if (m->key != NULL)
		buf_add(b, m->key, sizeof(*m->key));
	if (m->cost != NULL)
		add_cost(b, m->cost);
	if (m->cited_len > 0) {
		bytes_add(b, m->cited_len, 2);
		buf_add(b, m->cited, m->cited_len);
	}
	buf_add(b, m->text, m->len);
}

static bool
has_cited(const struct history *h)
{
	struct message m;
	size_t pos = 0;

	while (history_next(h, &pos, &m))
		if (m.cited_len > 0)
			return true;
	return false;
}

void
session_encode(struct buf *b, const struct session *s)
{
	struct message m;
	size_t pos = 0;

	bytes_add(b, has_cited(&s->history) ? FORMAT_CITED : FORMAT, 1);
	bytes_add(b, s->held, 1);
	buf_add(b, s->id.b, sizeof(s->id.b));
	buf_add(b, s->creator.b, sizeof(s->creator.b));
	bytes_add(b, s->message_count, 8);
	bytes_add(b, (uint64_t)s->created_ms, 8);
	bytes_add(b, (uint64_t)s->active_ms, 8);
	bytes_add(b, s->history.count, 4);
	while (history_next(&s->history, &pos, &m))
		add_message(b, &m);
}

/*
 * Reading.
 */

struct reader {
	const char *data;
	size_t len;
	struct cost cost; /* of the message that was read last */
	int64_t shift;    /* from the times in it to wall time */
	bool cited;       /* answers say what they go by */
};

static enum rc
rc_of_code(const char *code, size_t len)
{
	const char *known;

	if (len == 0)
		return RC_OK;
	for (int rc = 0; rc < RC_COUNT; rc++) {
		known = rc_code((enum rc)rc);
		if (known != NULL && strlen(known) == len &&
		    memcmp(known, code, len) == 0)
			return (enum rc)rc;
	}
	return RC_UNAVAILABLE;
}

static bool
is_time(int64_t ms)
{
	return ms >= 0 && ms <= MAX_TIME;
}

static void
read_cost(struct cost *cost, const char *p)
{
	cost->prompt = (int64_t)bytes_get(p, 8);
	cost->completion = (int64_t)bytes_get(p + 8, 8);
}

/* What an answer goes by, at *p, moved behind it. */
static bool
read_cited(struct message *m, const char **p, size_t left)
{
	if (left < 2 || left - 2 < bytes_get(*p, 2))
		return false;
	m->cited_len = bytes_get(*p, 2);
	m->cited = *p + 2;
	*p += 2 + m->cited_len;
	return m->role == ROLE_ASSISTANT && cited_valid(m->cited, m->cited_len);
}

/*
 * The message at *pos, moved behind it; false when it is not all there. Its
 * cost is the reader's, until the next one is read.
 */
static bool
read_message(struct reader *r, size_t *pos, struct message *m)
{
	const char *p = r->data + *pos;
	size_t left = r->len - *pos, code, more;
	unsigned set;

	if (left < MESSAGE_HEAD)
		return false;
	code = bytes_get(p + 3, 1);
	set = r->cited ? (unsigned char)p[2] : p[2] != 0;
	more = set & MORE_FIXED ? MESSAGE_MORE : 0;
	m->role = (enum role)bytes_get(p, 1);
	m->status = (enum message_status)bytes_get(p + 1, 1);
	m->created_ms = (int64_t)bytes_get(p + 4, 8);
	if (is_time(m->created_ms))
		m->created_ms += r->shift;
	m->len = bytes_get(p + 12, 4);
	if (left - MESSAGE_HEAD < code + more ||
	    left - MESSAGE_HEAD - code - more < m->len)
		return false;
	p += MESSAGE_HEAD;
	m->why = rc_of_code(p, code);
	p += code;
	m->key = NULL;
	m->cost = NULL;
	if (more != 0 && m->role == ROLE_USER) {
		m->key = (const struct sid *)(const void *)p;
	} else if (more != 0) {
		read_cost(&r->cost, p);
		m->cost = &r->cost;
	}
	p += more;
	m->cited = NULL;
	m->cited_len = 0;
	if (set & MORE_CITED &&
	    !read_cited(m, &p, (size_t)(r->data + r->len - p)))
		return false;
	m->text = p;
	if ((size_t)(r->data + r->len - p) < m->len)
		return false;
	*pos = (size_t)(p - r->data) + m->len;
	return true;
}

static bool
is_sound(const struct message *m, bool question)
{
	return is_time(m->created_ms) &&
	       m->role == (question ? ROLE_USER : ROLE_ASSISTANT) &&
	       (m->status == MESSAGE_COMPLETE ||
		   m->status == MESSAGE_INTERRUPTED) &&
	       (m->cost == NULL ||
		   (m->cost->prompt >= 0 && m->cost->completion >= 0));
}

/* Pairs, a question first, and nothing behind the last. */
static bool
check_messages(struct reader *r, uint64_t count)
{
	struct message m;
	size_t pos = 0;
	uint64_t n;

	for (n = 0; n < count; n++)
		if (!read_message(r, &pos, &m) || !is_sound(&m, n % 2 == 0))
			return false;
	return n % 2 == 0 && pos == r->len;
}

static bool
step(void *from, size_t *pos, struct message *m)
{
	struct reader *r = from;

	return *pos < r->len && read_message(r, pos, m);
}

/* Whether this program reads the format, and what it must add to its times. */
static bool
format_shift(char format, int64_t offset, int64_t *shift)
{
	*shift = format == FORMAT_MONO ? offset : 0;
	return format == FORMAT || format == FORMAT_MONO ||
	       format == FORMAT_CITED;
}

enum rc
session_decode(struct session *s, const char *p, size_t n, int64_t offset)
{
	struct reader r = { 0 };
	uint64_t count;

	*s = (struct session){ 0 };
	if (n < SESSION_HEAD || !format_shift(p[0], offset, &r.shift))
		return RC_FIELD;
	r.data = p + SESSION_HEAD;
	r.len = n - SESSION_HEAD;
	r.cited = p[0] == FORMAT_CITED;
	s->held = p[1] != 0;
	memcpy(s->id.b, p + 2, sizeof(s->id.b));
	memcpy(s->creator.b, p + 18, sizeof(s->creator.b));
	s->message_count = bytes_get(p + 34, 8);
	s->created_ms = (int64_t)bytes_get(p + 42, 8);
	s->active_ms = (int64_t)bytes_get(p + 50, 8);
	count = bytes_get(p + 58, 4);
	if (!is_time(s->created_ms) || !is_time(s->active_ms) ||
	    s->message_count < count || !check_messages(&r, count))
		return RC_FIELD;
	s->created_ms += r.shift;
	s->active_ms += r.shift;
	return history_build(&s->history, step, &r);
}
