/*
 * An upstream's bytes come as the network cuts them; this makes events of them
 * again. What lies whole in the bytes is not copied.
 */
#include "chat/model/event_stream.h"

#include <string.h>
#include <strings.h>

#define MARK "\xef\xbb\xbf" /* a byte order mark */

void
event_stream_init(struct event_stream *es)
{
	memset(es, 0, sizeof(*es));
	buf_init(&es->line, EVENT_MAX);
	buf_guard(&es->line);
	buf_init(&es->data, EVENT_MAX);
	buf_guard(&es->data);
}

void
event_stream_free(struct event_stream *es)
{
	buf_free(&es->line);
	buf_free(&es->data);
	event_stream_init(es);
}

/*
 * Lines.
 */

static bool
event_found(struct event_stream *es, enum event_kind kind, event_found_f *found,
    void *arg)
{
	es->apart = 0;
	return found(
	    arg, kind, es->data.len > 0 ? es->data.data : "", es->data.len);
}

static bool
event_dispatch(struct event_stream *es, event_found_f *found, void *arg)
{
	bool more = true;

	if (es->name == EVENT_NAMED_ERROR)
		more = event_found(es, EVENT_ERROR, found, arg);
	else if (es->has_data && es->name != EVENT_NAMED_BEAT)
		more = event_found(es, EVENT_DATA, found, arg);
	buf_clear(&es->data);
	es->has_data = false;
	es->name = EVENT_UNNAMED;
	return more;
}

/* The value of the field of this name; false: the line is another. */
static inline bool
line_field(const char **line, size_t *n, const char *field)
{
	size_t len = strlen(field);

	if (*n < len || memcmp(*line, field, len) != 0 ||
	    (*n > len && (*line)[len] != ':'))
		return false;
	len += *n > len;
	len += *n > len && (*line)[len] == ' ';
	*line += len;
	*n -= len;
	return true;
}

static enum event_name
event_named(const char *name, size_t n)
{
	static const char *const beats[] = { "ping", "heartbeat", "keepalive",
		"keep-alive" };

	if (n >= 5 && strncasecmp(name + n - 5, "error", 5) == 0)
		return EVENT_NAMED_ERROR;
	for (size_t i = 0; i < sizeof(beats) / sizeof(beats[0]); i++)
		if (strlen(beats[i]) == n && memcmp(beats[i], name, n) == 0)
			return EVENT_NAMED_BEAT;
	return EVENT_UNNAMED;
}

static bool
event_line(struct event_stream *es, const char *line, size_t n,
    event_found_f *found, void *arg)
{
	if (n == 0)
		return event_dispatch(es, found, arg);
	if (line_field(&line, &n, "data")) {
		if (es->has_data)
			buf_addc(&es->data, '\n');
		es->has_data = true;
		buf_add(&es->data, line, n);
		return !es->data.failed;
	}
	if (line_field(&line, &n, "event"))
		es->name = event_named(line, n);
	else if (line_field(&line, &n, "error"))
		return found(arg, EVENT_ERROR, line, n);
	return true;
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
	return es->line.len == 0 && !es->has_data &&
	       es->name == EVENT_UNNAMED && len <= EVENT_MAX && n - len >= 2 &&
	       s[len] == '\n' && s[len + 1] == '\n';
}

/*
 * Bytes: each of these takes some at the beginning, and says how many; false:
 * no more of the stream.
 */

/* What stands before the first line: a mark, blanks, or the whole document. */
static void
head_take(struct event_stream *es, const char *s, size_t n, size_t *taken)
{
	size_t i = 0;

	while (i < n && es->mark < 3 && s[i] == MARK[es->mark]) {
		es->mark++;
		i++;
	}
	*taken = i;
	if (i == n)
		return;
	if (es->mark == 1 || es->mark == 2) {
		buf_add(&es->line, MARK, es->mark);
		es->begun = true;
		return;
	}
	es->mark = 3;
	while (i < n && strchr(" \t\r\n", s[i]) != NULL && s[i] != '\0')
		i++;
	*taken = i;
	if (i == n)
		return;
	es->begun = true;
	es->document = s[i] == '{' || s[i] == '[';
	if (es->document)
		es->data.max = EVENT_MAX_DOCUMENT;
}

static void
comment_take(struct event_stream *es, const char *s, size_t n, size_t *taken)
{
	size_t len = line_length(s, n);

	es->comment = len == n;
	es->after_cr = len < n && s[len] == '\r';
	*taken = len < n ? len + 1 : n;
}

static bool
line_take(struct event_stream *es, const char *s, size_t n, size_t *taken,
    event_found_f *found, void *arg)
{
	size_t len = line_length(s, n), size = len;
	const char *data = s;

	*taken = len < n ? len + 1 : n;
	es->apart += *taken;
	if (es->apart > EVENT_MAX_APART)
		return false;
	if (len == n) {
		buf_add(&es->line, s, n);
		return !es->line.failed;
	}
	if (event_is_whole(es, s, len, n) && line_field(&data, &size, "data")) {
		*taken = len + 2;
		es->apart = 0;
		return found(arg, EVENT_DATA, data, size);
	}
	es->after_cr = s[len] == '\r';
	return event_line_ends(es, s, len, found, arg);
}

static bool
stream_take(struct event_stream *es, const char *s, size_t n, size_t *taken,
    event_found_f *found, void *arg)
{
	*taken = n;
	if (es->document) {
		buf_add(&es->data, s, n);
		return !es->data.failed;
	}
	if (!es->begun) {
		head_take(es, s, n, taken);
		es->apart += *taken;
		return es->apart <= EVENT_MAX_APART;
	}
	if (es->after_cr && *s == '\n') {
		es->after_cr = false;
		es->apart++;
		*taken = 1;
		return true;
	}
	es->after_cr = false;
	if (es->comment || (*s == ':' && es->line.len == 0)) {
		comment_take(es, s, n, taken);
		return true;
	}
	return line_take(es, s, n, taken, found, arg);
}

bool
event_stream_feed(struct event_stream *es, const char *s, size_t n,
    event_found_f *found, void *arg)
{
	size_t taken;

	for (; n > 0; s += taken, n -= taken)
		if (!stream_take(es, s, n, &taken, found, arg))
			return false;
	return true;
}

bool
event_stream_end(struct event_stream *es, event_found_f *found, void *arg)
{
	if (es->document)
		return event_found(es, EVENT_DOCUMENT, found, arg);
	if (es->line.len > 0 && !event_line_ends(es, "", 0, found, arg))
		return false;
	return event_dispatch(es, found, arg);
}
