/*
 * Reading server-sent events (WHATWG HTML, "Interpreting an event stream"), as
 * far as an upstream sends them: the data of each event. Bytes in, events out;
 * they may be cut anywhere, and lines end with LF, CRLF or CR. Comments and
 * events that are a heartbeat say nothing. A body that begins as JSON does is
 * no such stream: it is one document.
 */
#ifndef CHAT_MODEL_EVENT_STREAM_H
#define CHAT_MODEL_EVENT_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define EVENT_MAX (256 * 1024)	/* bytes of an event's data, or of a line */
#define EVENT_MAX_APART (1024 * 1024)	/* bytes in which no event ends,
					   comments aside */
#define EVENT_MAX_DOCUMENT (1024 * 1024)

enum event_kind {
	EVENT_DATA,
	EVENT_ERROR,		/* "event: error", or a field "error" */
	EVENT_DOCUMENT,		/* the whole body */
};

/* Of what "event:" says. */
enum event_name {
	EVENT_UNNAMED,		/* or of no meaning here */
	EVENT_NAMED_ERROR,
	EVENT_NAMED_BEAT,
};

struct event_stream {
	struct buf	line;		/* a line that was cut */
	struct buf	data;		/* of the event so far, or document */
	enum event_name	name;		/* of the event so far */
	bool		has_data;
	bool		after_cr;	/* a LF now belongs to that CR */
	bool		begun;		/* past a mark and blanks */
	bool		document;
	bool		comment;	/* in a line that is one */
	unsigned	mark;		/* bytes of a byte order mark */
	size_t		apart;		/* bytes since the last event */
};

/*
 * The data of one event, lines joined by LF; of an error's it may be empty.
 * False: stop reading.
 */
typedef bool event_found_f(void *arg, enum event_kind, const char *, size_t);

void event_stream_init(struct event_stream *);

/* It is then as after event_stream_init. */
void event_stream_free(struct event_stream *);

/*
 * Read n bytes. False when an event is over EVENT_MAX, when none ends within
 * EVENT_MAX_APART (it is not such a stream then), when a document is too large,
 * when there is no memory, or when found said stop: the stream is then of no
 * more use.
 */
bool event_stream_feed(struct event_stream *, const char *, size_t n,
    event_found_f *found, void *arg);

/*
 * The bytes have ended: a document is delivered, or an event without its empty
 * line, since upstreams exist that leave it out.
 */
bool event_stream_end(struct event_stream *, event_found_f *found, void *arg);

#endif
