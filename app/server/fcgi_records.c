/*
 * libfcgi reads from a blocking descriptor only; this walks the records as they
 * come and answers what concerns the connection and not the application.
 */
#include "server/fcgi_records.h"

#include <fastcgi.h>
#include <stdio.h>
#include <string.h>

#include "server/params.h"

#define MAX_VALUES 1024 /* bytes of one GET_VALUES record */

static unsigned
head_type(const struct fcgi_reader *r)
{
	return r->head[1];
}

static unsigned
head_id(const struct fcgi_reader *r)
{
	return (unsigned)r->head[2] << 8 | r->head[3];
}

static unsigned
head_length(const struct fcgi_reader *r)
{
	return (unsigned)r->head[4] << 8 | r->head[5];
}

static void
add_head(struct buf *b, int type, unsigned id, size_t len)
{
	const uint8_t head[FCGI_HEADER_LEN] = { FCGI_VERSION_1, (uint8_t)type,
		(uint8_t)(id >> 8), (uint8_t)id, (uint8_t)(len >> 8),
		(uint8_t)len };

	buf_add(b, head, sizeof(head));
}

static void
add_end_request(struct buf *b, unsigned id, uint8_t protocol_status)
{
	const uint8_t body[8] = { 0, 0, 0, 0, protocol_status };

	add_head(b, FCGI_END_REQUEST, id, sizeof(body));
	buf_add(b, body, sizeof(body));
}

static void
add_stream(struct buf *b, int type, unsigned id, const void *data, size_t n)
{
	const char *p = data;
	size_t len;

	for (; n > 0; p += len, n -= len) {
		len = n < FCGI_MAX_LENGTH ? n : FCGI_MAX_LENGTH;
		add_head(b, type, id, len);
		buf_add(b, p, len);
	}
}

static void
add_value(struct buf *b, const char *name, const char *value)
{
	buf_addc(b, (char)strlen(name));
	buf_addc(b, (char)strlen(value));
	buf_adds(b, name);
	buf_adds(b, value);
}

/* Answer GET_VALUES, each variable once however often it is asked for. */
static enum fcgi_event
get_values(struct fcgi_reader *r)
{
	const char *const names[] = { FCGI_MAX_CONNS, FCGI_MAX_REQS,
		FCGI_MPXS_CONNS };
	const uint8_t *p = (const uint8_t *)r->small.data;
	const uint8_t *end = r->small.len > 0 ? p + r->small.len : p;
	bool asked[3] = { false };
	char number[16];
	struct buf *b = &r->replies;
	struct param pair;
	size_t i, start = b->len;

	while (p != end) {
		if (!params_next(&p, end, &pair))
			return FCGI_BROKEN;
		for (i = 0; i < 3; i++)
			if (pair.name_len == strlen(names[i]) &&
			    memcmp(pair.name, names[i], pair.name_len) == 0)
				asked[i] = true;
	}
	snprintf(number, sizeof(number), "%u", r->max_conns);
	add_head(b, FCGI_GET_VALUES_RESULT, 0, 0);
	for (i = 0; i < 3; i++)
		if (asked[i])
			add_value(b, names[i], i < 2 ? number : "0");
	if (!b->failed)
		b->data[start + 5] = (char)(b->len - start - FCGI_HEADER_LEN);
	return FCGI_MORE;
}

static enum fcgi_event
unknown_type(struct fcgi_reader *r)
{
	const uint8_t body[8] = { (uint8_t)head_type(r) };

	add_head(&r->replies, FCGI_UNKNOWN_TYPE, 0, sizeof(body));
	buf_add(&r->replies, body, sizeof(body));
	return FCGI_MORE;
}

static enum fcgi_event
begin_request(struct fcgi_reader *r)
{
	const char *body = r->small.data;
	unsigned id = head_id(r);
	bool keep;

	if (r->small.failed || id == r->id)
		return FCGI_BROKEN;
	if (r->id != 0) {
		add_end_request(&r->replies, id, FCGI_CANT_MPX_CONN);
		return FCGI_MORE;
	}
	keep = (body[2] & FCGI_KEEP_CONN) != 0;
	if (body[0] != 0 || body[1] != FCGI_RESPONDER) {
		add_end_request(&r->replies, id, FCGI_UNKNOWN_ROLE);
		return keep ? FCGI_MORE : FCGI_CLOSE;
	}
	r->id = (uint16_t)id;
	r->keep = keep;
	return FCGI_MORE;
}

static enum fcgi_event
abort_request(struct fcgi_reader *r)
{
	if (r->running)
		return FCGI_ABORT;
	add_end_request(&r->replies, r->id, FCGI_REQUEST_COMPLETE);
	fcgi_next(r);
	return r->keep ? FCGI_MORE : FCGI_CLOSE;
}

/* Whether a record of the request being collected may come now. */
static enum fcgi_event
begin_own(struct fcgi_reader *r)
{
	switch (head_type(r)) {
	case FCGI_PARAMS:
		if (r->params_done ||
		    r->content > FCGI_MAX_PARAMS - r->params.len)
			return FCGI_BROKEN;
		return FCGI_MORE;
	case FCGI_STDIN:
		if (!r->params_done)
			return FCGI_BROKEN;
		r->body_came += r->content;
		if (r->content > r->body_max - r->body.len) {
			r->body_over = true;
			buf_free(&r->body);
		}
		return FCGI_MORE;
	case FCGI_ABORT_REQUEST:
		return FCGI_MORE;
	default:
		return FCGI_BROKEN;
	}
}

/* The head has come. */
static enum fcgi_event
record_begin(struct fcgi_reader *r)
{
	r->content = head_length(r);
	r->pad = r->head[6];
	if (r->head[0] != FCGI_VERSION_1)
		return FCGI_BROKEN;
	if (head_id(r) == FCGI_NULL_REQUEST_ID)
		return head_type(r) == FCGI_GET_VALUES &&
		               r->content > MAX_VALUES
		           ? FCGI_BROKEN
		           : FCGI_MORE;
	if (head_type(r) == FCGI_BEGIN_REQUEST)
		return r->content == 8 ? FCGI_MORE : FCGI_BROKEN;
	if (head_id(r) != r->id || r->running)
		return FCGI_MORE;
	return begin_own(r);
}

/* Where the content of this record goes; NULL: it is dropped. */
static struct buf *
record_sink(struct fcgi_reader *r)
{
	if (head_id(r) == FCGI_NULL_REQUEST_ID)
		return head_type(r) == FCGI_GET_VALUES ? &r->small : NULL;
	if (head_type(r) == FCGI_BEGIN_REQUEST)
		return &r->small;
	if (head_id(r) != r->id || r->running)
		return NULL;
	if (head_type(r) == FCGI_PARAMS)
		return &r->params;
	return head_type(r) == FCGI_STDIN && !r->body_over ? &r->body : NULL;
}

/* Content and padding have come. */
static enum fcgi_event
record_act(struct fcgi_reader *r)
{
	if (head_id(r) == FCGI_NULL_REQUEST_ID)
		return head_type(r) == FCGI_GET_VALUES ? get_values(r)
		                                       : unknown_type(r);
	if (head_type(r) == FCGI_BEGIN_REQUEST)
		return begin_request(r);
	if (head_id(r) != r->id)
		return FCGI_MORE;
	if (head_type(r) == FCGI_ABORT_REQUEST)
		return abort_request(r);
	if (r->running || head_length(r) > 0)
		return FCGI_MORE;
	if (head_type(r) == FCGI_PARAMS) {
		r->params_done = true;
		return FCGI_MORE;
	}
	r->running = true;
	return FCGI_REQUEST;
}

static enum fcgi_event
record_end(struct fcgi_reader *r)
{
	enum fcgi_event ev = record_act(r);

	if (r->small.failed || r->params.failed || r->body.failed ||
	    r->replies.failed)
		ev = FCGI_BROKEN;
	buf_clear(&r->small);
	r->head_len = 0;
	return ev;
}

/* Use some bytes for the part of the record that is due; at least one. */
static size_t
record_take(struct fcgi_reader *r, const char *p, size_t n)
{
	struct buf *sink;

	if (r->head_len < FCGI_HEADER_LEN) {
		if (n > (size_t)(FCGI_HEADER_LEN - r->head_len))
			n = FCGI_HEADER_LEN - r->head_len;
		memcpy(r->head + r->head_len, p, n);
		r->head_len += (uint8_t)n;
	} else if (r->content > 0) {
		if (n > r->content)
			n = r->content;
		if ((sink = record_sink(r)) != NULL)
			buf_add(sink, p, n);
		r->content -= (uint32_t)n;
	} else {
		if (n > r->pad)
			n = r->pad;
		r->pad -= (uint8_t)n;
	}
	return n;
}

void
fcgi_reader_init(struct fcgi_reader *r, size_t body_max, unsigned max_conns)
{
	*r = (struct fcgi_reader){ .body_max = body_max,
		.max_conns = max_conns };
	buf_init(&r->params, FCGI_MAX_PARAMS);
	buf_init(&r->body, body_max);
	buf_guard(&r->body);
	buf_init(&r->small, MAX_VALUES);
	buf_init(&r->replies, FCGI_MAX_REPLIES);
}

void
fcgi_reader_free(struct fcgi_reader *r)
{
	buf_free(&r->params);
	buf_free(&r->body);
	buf_free(&r->small);
	buf_free(&r->replies);
}

enum fcgi_event
fcgi_read(struct fcgi_reader *r, const void *data, size_t n, size_t *used)
{
	const char *p = data;
	enum fcgi_event ev = FCGI_MORE;
	size_t off = 0;
	bool in_head;

	while (ev == FCGI_MORE && off < n) {
		in_head = r->head_len < FCGI_HEADER_LEN;
		off += record_take(r, p + off, n - off);
		if (r->head_len < FCGI_HEADER_LEN)
			break;
		if (in_head)
			ev = record_begin(r);
		if (ev == FCGI_MORE && r->content == 0 && r->pad == 0)
			ev = record_end(r);
	}
	*used = off;
	return ev;
}

bool
fcgi_idle(const struct fcgi_reader *r)
{
	return r->id == 0 && r->head_len == 0;
}

void
fcgi_next(struct fcgi_reader *r)
{
	r->id = 0;
	r->running = r->params_done = r->body_over = false;
	r->body_came = 0;
	buf_free(&r->params);
	buf_free(&r->body);
}

void
fcgi_add_stdout(struct buf *b, uint16_t id, const void *data, size_t n)
{
	add_stream(b, FCGI_STDOUT, id, data, n);
}

void
fcgi_add_end(struct buf *b, uint16_t id)
{
	add_head(b, FCGI_STDOUT, id, 0);
	add_end_request(b, id, FCGI_REQUEST_COMPLETE);
}

void
fcgi_add_request(struct buf *b, const struct fcgi_request *r)
{
	const uint8_t begin[8] = { 0, FCGI_RESPONDER,
		r->keep ? FCGI_KEEP_CONN : 0 };

	add_head(b, FCGI_BEGIN_REQUEST, r->id, sizeof(begin));
	buf_add(b, begin, sizeof(begin));
	add_stream(b, FCGI_PARAMS, r->id, r->params, r->params_len);
	add_head(b, FCGI_PARAMS, r->id, 0);
	add_stream(b, FCGI_STDIN, r->id, r->body, r->body_len);
	add_head(b, FCGI_STDIN, r->id, 0);
}
