/* A reply as its client reads it: headers, then a document or a stream. */
#include "reply_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "chat/model/event_stream.h"
#include "fuzz.h"

/* A stream, so far. */
struct stream {
	unsigned events, ends;
	char *last_id;
};

/* Remember the session that a document names. */
static void
take_id(const struct json *doc, char last_id[SID_TEXT_SIZE])
{
	size_t len;
	const char *id = json_text(json_get(doc, "session_id"), &len);
	struct sid sid;

	if (id == NULL)
		return;
	HOLDS(sid_parse(&sid, id, len));
	sid_text(last_id, &sid);
	HOLDS(strcmp(last_id, id) == 0);
}

static void
check_document(const char *text, size_t n, char last_id[SID_TEXT_SIZE])
{
	struct json *doc;

	HOLDS(json_parse(text, n, &doc) == RC_OK);
	take_id(doc, last_id);
	json_free(doc);
}

static bool
check_event(void *arg, enum event_kind kind, const char *data, size_t n)
{
	struct stream *stream = arg;
	const char *type;
	struct json *doc;
	size_t len;

	HOLDS(kind == EVENT_DATA);
	HOLDS(json_parse(data, n, &doc) == RC_OK);
	HOLDS((type = json_text(json_get(doc, "type"), &len)) != NULL);
	HOLDS(stream->ends == 0);
	if (strcmp(type, "done") == 0 || strcmp(type, "error") == 0)
		stream->ends++;
	else if (strcmp(type, "start") == 0)
		HOLDS(stream->events == 0);
	else
		HOLDS(strcmp(type, "delta") == 0 && stream->events > 0);
	stream->events++;
	take_id(doc, stream->last_id);
	json_free(doc);
	return true;
}

static void
check_stream(const char *text, size_t n, char last_id[SID_TEXT_SIZE])
{
	struct stream stream = { 0, 0, last_id };
	struct event_stream es;

	event_stream_init(&es);
	HOLDS(event_stream_feed(&es, text, n, check_event, &stream));
	HOLDS(stream.ends == 1 && es.line.len == 0 && !es.has_data);
	event_stream_free(&es);
}

/* The value of the only header of a name; NULL: there is none. */
static const char *
header(const char *head, const char *name)
{
	const char *at = strstr(head, name);

	HOLDS(at == NULL || strstr(at + 1, name) == NULL);
	return at == NULL ? NULL : at + strlen(name);
}

/* No header ends early, whatever the request held. */
static void
check_head(const char *head)
{
	int status = 0;

	HOLDS(sscanf(head, "Status: %3d ", &status) == 1);
	HOLDS(status >= 200 && status < 600);
	HOLDS(header(head, "\r\nX-Request-Id: ") != NULL);
	HOLDS(header(head, "\r\nCache-Control: no-") != NULL);
	for (; *head != '\0'; head++) {
		HOLDS((unsigned char)*head >= ' ' || *head == '\r' ||
		      *head == '\n');
		if (*head == '\r')
			HOLDS(head[1] == '\n' && head[2] >= 'A' &&
			      head[2] <= 'Z');
	}
}

void
reply_check(
    const char *text, size_t n, bool no_body, char last_id[SID_TEXT_SIZE])
{
	const char *end = strstr(text, "\r\n\r\n"), *type, *length;
	char *head;

	HOLDS(end != NULL);
	head = fuzz_text(text, (size_t)(end - text));
	text = end + 4;
	n -= strlen(head) + 4;
	check_head(head);
	type = header(head, "\r\nContent-Type: ");
	length = header(head, "\r\nContent-Length: ");
	if (length != NULL && !no_body)
		HOLDS(strtoull(length, NULL, 10) == n);
	if (no_body || type == NULL)
		HOLDS(n == 0);
	else if (strncmp(type, "text/event-stream", 17) == 0)
		check_stream(text, n, last_id);
	else if (strncmp(type, "application/", 12) == 0)
		check_document(text, n, last_id);
	else
		HOLDS(strncmp(type, "text/plain", 10) == 0);
	free(head);
}
