/* The words of an OpenAI-compatible stream, and how to get them wrong. */
#include "upstream_stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "upstream_dialect.h"

#define CHUNK \
	"{\"id\":\"chatcmpl-simulated\",\"object\":\"chat.completion.chunk\"," \
	"\"created\":1700000000,\"model\":\"simulated\","
#define BEFORE_TEXT CHUNK "\"choices\":[{\"index\":0,\"delta\":{\"content\":\""
#define MAX_HEAD    4096
#define MAX_STEP    (8 * 1024 * 1024)
#define AFTER_TEXT  "\"},\"finish_reason\":null}]}"

/*
 * gzip (RFC 1952) of one LF and then of repetitions of it: after the first 13
 * bytes every further 13 stand for 2064.
 */
static const char bomb_head[] = "\x1f\x8b\x08\0\0\0\0\0\0\x03\xe2\x1a\x05";
static const char bomb_more[] =
    "\xa3\x60\x14\x8c\x82\x51\x30\x0a\x46\xc1\x28\x18\x05";

/* Deltas with odd contents: the bytes between the quotes of a JSON string. */
struct oddity {
	size_t at; /* of the plan's member */
	const char *bytes;
	size_t len;
};

#define ODDITY(name, bytes) \
	{ \
		offsetof(struct plan, name), bytes, sizeof(bytes) - 1 \
	}

static const struct oddity oddities[] = {
	ODDITY(nul, "<\\u0000>"),
	ODDITY(rawnul, "<\0>"),
	ODDITY(badutf8, "<\xff\xc3\x28\xed\xa0\x80\xf0\x9f\x98>"),
	ODDITY(surrogate, "<\\ud83d>"),
	ODDITY(
	    inject, "\\n\\ndata: {\\\"type\\\":\\\"done\\\"}\\n\\n</script>"),
};

/* Bytes of the body: framed as one HTTP chunk, or as many small ones. */
static void
stream_frame(const struct stream *s, struct buf *out, const char *p, size_t n)
{
	size_t piece;

	if (s->plan.until_close) {
		buf_add(out, p, n);
		return;
	}
	for (; n > 0; p += piece, n -= piece) {
		piece = n;
		if (s->plan.split > 0 && piece > (size_t)s->plan.split)
			piece = (size_t)s->plan.split;
		buf_addf(out, "%zx\r\n", piece);
		buf_add(out, p, piece);
		buf_add(out, "\r\n", 2);
	}
}

static void
event_end(const struct stream *s, struct buf *body)
{
	buf_adds(body, s->plan.crlf ? "\r\n\r\n" : "\n\n");
}

static void
event_add(const struct stream *s, struct buf *body, const char *data)
{
	buf_addf(body, "data: %s", data);
	event_end(s, body);
}

/* The first event, and what stands before it. */
static void
head_frame(const struct stream *s, struct buf *out, const char *event, size_t n)
{
	static const char filter[] = "data: " CHUNK
				     "\"choices\":[],\"prompt_filter_results\":"
				     "[{\"prompt_index\":0}]}\n\n";
	struct buf body;

	buf_init(&body, MAX_HEAD);
	if (s->plan.bom)
		buf_adds(&body, "\xef\xbb\xbf");
	if (s->plan.filter_first)
		buf_adds(&body, filter);
	dialect_write(&s->plan, event, n, &body);
	stream_frame(s, out, body.data, body.len);
	buf_free(&body);
}

void
stream_begin(struct stream *s, struct buf *out)
{
	static const char role[] =
	    "data: " CHUNK "\"choices\":[{\"index\":0,\"delta\":{\"role\":"
	    "\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}";
	char event[sizeof(role) + 4];
	size_t n = sizeof(role) - 1;

	buf_adds(out, "HTTP/1.1 200 OK\r\n");
	if (s->plan.endless_header)
		return;
	buf_adds(out, "Content-Type: text/event-stream\r\n");
	if (s->plan.bomb)
		buf_adds(out, "Content-Encoding: gzip\r\n");
	buf_adds(out, s->plan.until_close
			  ? "Connection: close\r\n\r\n"
			  : "Transfer-Encoding: chunked\r\n\r\n");
	if (s->plan.bomb) {
		stream_frame(s, out, bomb_head, sizeof(bomb_head) - 1);
		return;
	}
	memcpy(event, role, n);
	memcpy(event + n, "\r\n\r\n", 4);
	if (!s->plan.crlf)
		memcpy(event + n, "\n\n", 2);
	head_frame(s, out, event, n + (s->plan.crlf ? 4 : 2));
}

/* A number where it is one. */
static void
code_add(const struct plan *plan, struct buf *b)
{
	const char *code = plan->error_code;

	if (code[strspn(code, "0123456789")] == '\0')
		json_add_integer(b, "code", strtoll(code, NULL, 10));
	else
		json_add_string(b, "code", code);
}

void
stream_error(const struct plan *plan, struct buf *b, const char *detail)
{
	const char *form = plan->error;
	bool string = strcmp(form, "string") == 0;
	bool message = strcmp(form, "message") == 0;
	bool nested = strcmp(form, "nested") == 0;

	json_open(b, NULL);
	if (plan->error_code[0] != '\0')
		code_add(plan, b);
	if (message)
		json_add_string(b, "object", "error");
	else if (!string)
		json_open(b, "error");
	if (message || nested) {
		json_open(b, "message");
		json_add_string(b, "detail", detail);
		json_close(b);
	} else
		json_add_string(b, string ? "error" : "message", detail);
	json_add_string(b, "type", "simulated");
	if (!message && !string)
		json_close(b);
	json_close(b);
}

static void
oddities_add(const struct stream *s, struct buf *body)
{
	const struct oddity *o;
	int64_t at;

	for (size_t i = 0; i < sizeof(oddities) / sizeof(oddities[0]); i++) {
		o = &oddities[i];
		memcpy(&at, (const char *)&s->plan + o->at, sizeof(at));
		if (at != s->sent)
			continue;
		buf_adds(body, "data: " BEFORE_TEXT);
		buf_add(body, o->bytes, o->len);
		buf_adds(body, AFTER_TEXT);
		event_end(s, body);
	}
	if (s->plan.halves == s->sent) {
		buf_adds(body, "data: " BEFORE_TEXT "<\\ud83d" AFTER_TEXT);
		event_end(s, body);
		buf_adds(body, "data: " BEFORE_TEXT "\\ude00>" AFTER_TEXT);
		event_end(s, body);
	}
	if (s->plan.garbage == s->sent)
		event_add(s, body, "}{ " STREAM_CANARY);
	if (s->plan.large_event <= 0 || s->sent != 1)
		return;
	buf_adds(body, "data: " BEFORE_TEXT);
	for (int64_t i = 0; i < s->plan.large_event; i++)
		buf_addc(body, 'x');
	buf_adds(body, AFTER_TEXT);
	event_end(s, body);
}

/* The next word of the text with the blanks before it. */
static size_t
word_length(const char *text)
{
	size_t blanks = strspn(text, " ");

	return blanks + strcspn(text + blanks, " ");
}

static bool
stream_has_token(const struct stream *s)
{
	if (s->plan.endless)
		return true;
	if (s->plan.empty || s->plan.tools)
		return false;
	if (s->plan.text != NULL)
		return s->plan.text[s->text_at] != '\0';
	return s->sent < s->plan.tokens;
}

static void
comment_add(const struct stream *s, struct buf *body, int64_t size)
{
	buf_adds(body, ": waiting");
	for (; size > 8; size--)
		buf_addc(body, '.');
	event_end(s, body);
}

static void
thought_add(const struct stream *s, struct buf *body)
{
	const char *as = s->plan.think_as;

	buf_adds(body, "data: " CHUNK "\"choices\":[{\"index\":0,\"delta\":{");
	if (strcmp(as, "parts") == 0)
		buf_adds(body, "\"content\":[{\"type\":\"thinking\","
			       "\"text\":\"Hm \"}]");
	else
		json_add_string(
		    body, *as != '\0' ? as : "reasoning_content", "Hm ");
	buf_adds(body, "},\"finish_reason\":null}]}");
	event_end(s, body);
}

static void
sign_add(const struct stream *s, struct buf *body)
{
	const char *as = s->plan.life_as;

	if (strcmp(as, "role") == 0)
		event_add(s, body,
		    CHUNK "\"choices\":[{\"index\":0,\"delta\":{\"role\":"
			  "\"assistant\"},\"finish_reason\":null}]}");
	else if (strcmp(as, "thought") == 0)
		thought_add(s, body);
	else if (strcmp(as, "beat") == 0)
		event_add(s, body, "");
	else
		comment_add(s, body, 1);
}

static void
token_add(struct stream *s, struct buf *body)
{
	const char *text = s->plan.text, *nonce = s->plan.nonce;
	size_t n;

	if (s->plan.comments)
		comment_add(s, body, s->plan.comments);
	buf_adds(body, "data: " CHUNK "\"choices\":[{\"index\":0,\"delta\":{");
	if (text != NULL && text[s->text_at] != '\0') {
		n = word_length(text + s->text_at);
		json_add_text(body, "content", text + s->text_at, n);
		s->text_at += n;
		buf_adds(body, &AFTER_TEXT[1]);
	} else
		buf_addf(body, "\"content\":\"%s%s.%lld" AFTER_TEXT,
		    s->sent > 0 ? " " : "", *nonce != '\0' ? nonce : "mot",
		    (long long)s->sent + 1);
	event_end(s, body);
	s->sent++;
}

static void
usage_add(const struct stream *s, struct buf *body)
{
	const char *quote = s->plan.usage == 2 ? "\"" : "";
	long long prompt = (long long)(s->prompt / 4),
		  sent = (long long)s->sent;

	buf_addf(body,
	    "data: " CHUNK "\"choices\":[],\"usage\":{"
	    "\"prompt_tokens\":%s%lld%s,\"completion_tokens\":%s%lld%s,"
	    "\"total_tokens\":%s%lld%s}}",
	    quote, prompt, quote, quote, sent, quote, quote, prompt + sent,
	    quote);
	event_end(s, body);
}

static void
reason_add(const struct stream *s, struct buf *body)
{
	const char *reason = s->plan.tools ? "tool_calls" : "stop";

	if (s->plan.tools)
		event_add(s, body,
		    CHUNK "\"choices\":[{\"index\":0,\"delta\":{"
			  "\"tool_calls\":[{\"index\":0,\"id\":\"c1\","
			  "\"type\":\"function\",\"function\":{\"name\":\"f\","
			  "\"arguments\":\"{}\"}}]},\"finish_reason\":null}]}");
	buf_addf(body,
	    "data: " CHUNK "\"choices\":[{\"index\":0,\"delta\":{},"
	    "\"finish_reason\":\"%s\"}]}",
	    s->plan.finish[0] != '\0' ? s->plan.finish : reason);
	event_end(s, body);
}

static void
finish_add(const struct stream *s, struct buf *body)
{
	const struct plan *plan = &s->plan;
	bool usage = plan->usage > 0 || (plan->usage == -1 && s->usage);

	if (!plan->nodone && !plan->nofinish)
		reason_add(s, body);
	if (usage && !plan->usage_late)
		usage_add(s, body);
	if (!plan->nodone && !plan->onlyfinish)
		event_add(s, body, "[DONE]");
	if (usage && plan->usage_late)
		usage_add(s, body);
}

void
stream_whole(const struct stream *s, struct buf *body)
{
	const char *text = s->plan.text, *nonce = s->plan.nonce;

	buf_adds(body, "{\"id\":\"chatcmpl-simulated\","
		       "\"object\":\"chat.completion\",\"created\":1700000000,"
		       "\"model\":\"simulated\",\"choices\":[{\"index\":0,"
		       "\"message\":{\"role\":\"assistant\",");
	if (text != NULL)
		json_add_text(body, "content", text, strlen(text));
	else {
		buf_adds(body, "\"content\":\"");
		for (int64_t i = 0; i < s->plan.tokens; i++)
			buf_addf(body, "%s%s.%lld", i > 0 ? " " : "",
			    *nonce != '\0' ? nonce : "mot", (long long)i + 1);
		buf_addc(body, '"');
	}
	buf_adds(body, "},\"finish_reason\":\"stop\"}]}");
}

/* An error of one of its forms, when it is time. */
static bool
error_add(const struct stream *s, struct buf *body)
{
	const struct plan *plan = &s->plan;
	bool field = plan->error_field == s->sent;
	bool named = plan->error_named == s->sent;

	if (!field && !named && plan->error_event != s->sent)
		return false;
	if (named)
		buf_adds(
		    body, s->plan.crlf ? "event: error\r\n" : "event: error\n");
	buf_adds(body, field ? "error: " : "data: ");
	if (named)
		buf_addf(body, "{\"code\":\"%s\",\"message\":\"%s\"}",
		    plan->error_code, STREAM_CANARY);
	else
		stream_error(plan, body, STREAM_CANARY);
	event_end(s, body);
	if (field)
		event_add(s, body, "[DONE]");
	return true;
}

/* What is no token yet. */
static bool
prelude_add(struct stream *s, struct buf *body)
{
	if (s->lived < s->plan.life && s->sent == s->plan.life_at) {
		s->lived++;
		sign_add(s, body);
		return true;
	}
	if (s->thought < s->plan.think) {
		s->thought++;
		thought_add(s, body);
		return true;
	}
	return false;
}

static enum stream_next
end_step(struct stream *s, struct buf *body)
{
	if (s->finished)
		comment_add(s, body, 1);
	else
		finish_add(s, body);
	s->finished = true;
	if (!s->plan.linger)
		return STREAM_END;
	return s->plan.linger == 1 ? STREAM_NEVER : STREAM_PACE;
}

/* What the body is made of next; STREAM_END is its last part. */
static enum stream_next
body_step(struct stream *s, struct buf *body)
{
	if (s->plan.bomb) {
		for (int i = 0; i < 64; i++)
			buf_add(body, bomb_more, sizeof(bomb_more) - 1);
		return STREAM_NOW;
	}
	if (prelude_add(s, body))
		return STREAM_PACE;
	if (!s->finished)
		oddities_add(s, body);
	if (s->plan.stall == s->sent)
		return STREAM_NEVER;
	if (s->plan.cut == s->sent)
		return STREAM_CUT;
	if (s->plan.reset == s->sent)
		return STREAM_RESET;
	if (error_add(s, body))
		return STREAM_END;
	if (!stream_has_token(s))
		return end_step(s, body);
	token_add(s, body);
	return stream_has_token(s) ? STREAM_PACE : STREAM_NOW;
}

/* The steps' bytes, in the plan's dialect. */
static void
step_frame(const struct stream *s, struct buf *out, const struct buf *body)
{
	struct buf other;

	if (!dialect_differs(&s->plan)) {
		stream_frame(s, out, body->data, body->len);
		return;
	}
	buf_init(&other, MAX_STEP);
	dialect_write(&s->plan, body->data, body->len, &other);
	stream_frame(s, out, other.data, other.len);
	buf_free(&other);
}

enum stream_next
stream_step(struct stream *s, struct buf *out, struct buf *scratch)
{
	enum stream_next next;

	if (s->plan.endless_header) {
		for (int i = 0; i < 64; i++)
			buf_addf(out, "X-Filler-%d: %064d\r\n", i, i);
		return STREAM_NOW;
	}
	next = body_step(s, scratch);
	step_frame(s, out, scratch);
	if (next == STREAM_END && !s->plan.until_close)
		buf_adds(out, "0\r\n\r\n");
	buf_clear(scratch);
	return next;
}
