/*
 * Where records were cut does not matter, but for the one that is being read:
 * its end, which is to come, must find its beginning.
 */
#include "server/fcgi_save.h"

#include <fastcgi.h>
#include <stdint.h>

static void
add_head(struct buf *b, unsigned type, unsigned id, uint32_t len, uint8_t pad)
{
	const uint8_t head[FCGI_HEADER_LEN] = { FCGI_VERSION_1, (uint8_t)type,
		(uint8_t)(id >> 8), (uint8_t)id, (uint8_t)(len >> 8),
		(uint8_t)len, pad };

	buf_add(b, head, sizeof(head));
}

static void
add_begin(struct buf *b, const struct fcgi_reader *r)
{
	const uint8_t body[8] = { 0, FCGI_RESPONDER,
		r->keep ? FCGI_KEEP_CONN : 0 };

	add_head(b, FCGI_BEGIN_REQUEST, r->id, sizeof(body), 0);
	buf_add(b, body, sizeof(body));
}

static void
add_stream(struct buf *b, unsigned type, unsigned id, const char *p, size_t n)
{
	uint32_t len;

	for (; n > 0; p += len, n -= len) {
		len = n < FCGI_MAX_LENGTH ? (uint32_t)n : FCGI_MAX_LENGTH;
		add_head(b, type, id, len, 0);
		buf_add(b, p, len);
	}
}

/* The type of the record whose head has come; 0: none. */
static unsigned
open_type(const struct fcgi_reader *r)
{
	return r->head_len == FCGI_HEADER_LEN ? r->head[1] : 0;
}

static unsigned
open_id(const struct fcgi_reader *r)
{
	return (unsigned)r->head[2] << 8 | r->head[3];
}

static bool
is_own(const struct fcgi_reader *r, unsigned type)
{
	return open_type(r) == type && r->id != 0 && open_id(r) == r->id;
}

static bool
is_empty(const struct fcgi_reader *r)
{
	return r->head[4] == 0 && r->head[5] == 0;
}

/* What of a record must stay with its head: see save_stream. */
static uint32_t
kept_back(const struct fcgi_reader *r, unsigned type)
{
	return is_own(r, type) && !is_empty(r) && r->content == 0 ? 1 : 0;
}

/* In the place of what was dropped, as much of nothing, up to a bound. */
static void
add_dropped(struct buf *b, const struct fcgi_reader *r)
{
	static const char nothing[FCGI_MAX_LENGTH];
	uint64_t left = r->body_came, n;

	if (is_own(r, FCGI_STDIN))
		left -= r->content + kept_back(r, FCGI_STDIN);
	if (left > r->body_max + FCGI_SAVE_OVER)
		left = r->body_max + FCGI_SAVE_OVER;
	for (; left > 0; left -= n) {
		n = left < sizeof(nothing) ? left : sizeof(nothing);
		add_stream(b, FCGI_STDIN, r->id, nothing, (size_t)n);
	}
}

/*
 * A stream and, when its record is open, the head of what is missing. A record
 * of which only padding is missing needs a byte, as an empty one would be the
 * end.
 */
static void
save_stream(struct buf *b, const struct fcgi_reader *r, unsigned type,
    const struct buf *data, bool kept)
{
	uint32_t last = kept_back(r, type);
	size_t n = kept ? data->len - last : 0;

	if (kept)
		add_stream(b, type, r->id, data->data, n);
	if (!is_own(r, type))
		return;
	add_head(b, type, r->id, r->content + last, r->pad);
	if (last > 0)
		buf_add(b, kept ? data->data + n : "", 1);
}

/* A record outside the streams. */
static void
save_other(struct buf *b, const struct fcgi_reader *r)
{
	unsigned type = open_type(r);
	size_t small = r->small.len;

	if (type == 0) {
		buf_add(b, r->head, r->head_len);
	} else if (!is_own(r, FCGI_PARAMS) && !is_own(r, FCGI_STDIN)) {
		add_head(
		    b, type, open_id(r), r->content + (uint32_t)small, r->pad);
		buf_add(b, r->small.data, small);
	}
}

void
fcgi_save(struct buf *b, const struct fcgi_reader *r)
{
	if (r->id != 0) {
		add_begin(b, r);
		save_stream(b, r, FCGI_PARAMS, &r->params, true);
		if (r->params_done)
			add_head(b, FCGI_PARAMS, r->id, 0, 0);
		if (r->body_over)
			add_dropped(b, r);
		save_stream(b, r, FCGI_STDIN, &r->body, !r->body_over);
	}
	save_other(b, r);
}
