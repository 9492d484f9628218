/*
 * An upstream's bytes come as the network cuts them; this makes events of them
 * again. What lies whole in the bytes is not copied.
 */
#include "chat/model/event_stream.h"

#include <string.h>

void
event_stream_init(struct event_stream *es)
{
	memset(es, 0, sizeof(*es));
	buf_init(&es->line, EVENT_MAX);
	buf_init(&es->data, EVENT_MAX);
}

void
event_stream_free(struct event_stream *es)
{
	buf_free(&es->line);
	buf_free(&es->data);
}

static bool
event_dispatch(struct event_stream *es, event_found_f *found, void *arg)
{
	bool more = true;

	if (es->has_data) {
		es->apart = 0;
		more = found(
		    arg, es->data.len > 0 ? es->data.data : "", es->data.len);
	}
	buf_clear(&es->data);
	es->has_data = false;
	return more;
}

/* The value of a data field; false: the line is another. */
static bool
line_data(const char **line, size_t *n)
{
	size_t name = *n > 4 ? 5 : 4;

	if (*n < 4 || memcmp(*line, "data", 4) != 0 ||
	    (*n > 4 && (*line)[4] != ':'))
		return false;
	if (*n > 5 && (*line)[5] == ' ')
		name++;
	*line += name;
	*n -= name;
	return true;
}

static void
event_field(struct event_stream *es, const char *line, size_t n)
{
	if (!line_data(&line, &n))
		return;
	if (es->has_data)
		buf_addc(&es->data, '\n');
	es->has_data = true;
	buf_add(&es->data, line, n);
}

static bool
event_line(struct event_stream *es, const char *line, size_t n,
    event_found_f *found, void *arg)
{
	if (!es->begun && n >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
		line += 3;
		n -= 3;
	}
	es->begun = true;
	if (n == 0)
		return event_dispatch(es, found, arg);
	event_field(es, line, n);
	return !es->data.failed;
}

/* A line that ends here, perhaps begun in earlier bytes. */
static bool
event_line_ends(struct event_stream *es, const char *part, size_t n,
    event_found_f *found, void *arg)
{
	bool more;

	if (es->line.len == 0)
		return n <= EVENT_MAX && event_line(es, part, n, found, arg);
	buf_add(&es->line, part, n);
	if (es->line.failed)
		return false;
	more = event_line(es, es->line.data, es->line.len, found, arg);
	buf_clear(&es->line);
	return more;
}

static size_t
line_length(const char *s, size_t n)
{
	const char *lf = memchr(s, '\n', n);
	size_t len = lf != NULL ? (size_t)(lf - s) : n;
	const char *cr = memchr(s, '\r', len);

	return cr != NULL ? (size_t)(cr - s) : len;
}

/* Whether a line of these bytes, and the empty one after it, are an event. */
static bool
event_is_whole(
    const struct event_stream *es, const char *s, size_t len, size_t n)
{
	return es->begun && es->line.len == 0 && !es->has_data &&
	       len <= EVENT_MAX && n - len >= 2 && s[len] == '\n' &&
	       s[len + 1] == '\n';
}

bool
event_stream_feed(struct event_stream *es, const char *s, size_t n,
    event_found_f *found, void *arg)
{
	const char *data;
	size_t len, size;

	while (n > 0) {
		if (es->after_cr && *s == '\n') {
			es->after_cr = false;
			es->apart++;
			s++;
			n--;
			continue;
		}
		es->after_cr = false;
		len = line_length(s, n);
		es->apart += len < n ? len + 1 : n;
		if (es->apart > EVENT_MAX_APART)
			return false;
		if (len == n) {
			buf_add(&es->line, s, n);
			return !es->line.failed;
		}
		data = s;
		size = len;
		if (event_is_whole(es, s, len, n) && line_data(&data, &size)) {
			es->apart = 0;
			if (!found(arg, data, size))
				return false;
			s += len + 2;
			n -= len + 2;
			continue;
		}
		if (!event_line_ends(es, s, len, found, arg))
			return false;
		es->after_cr = s[len] == '\r';
		s += len + 1;
		n -= len + 1;
	}
	return true;
}

bool
event_stream_end(struct event_stream *es, event_found_f *found, void *arg)
{
	if (es->line.len > 0 && !event_line_ends(es, "", 0, found, arg))
		return false;
	return event_dispatch(es, found, arg);
}
