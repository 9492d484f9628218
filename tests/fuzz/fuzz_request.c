/*
 * Requests from their variables to their replies: dispatcher, handlers, store,
 * line, turns and the local responder. Every request gets one whole reply,
 * unless its client leaves; what says that it is JSON is; and when all is over
 * nothing is left in the store or counted against a client.
 *
 * An input is some requests with "----" between them: a line with method and
 * path, lines NAME=value, an empty line, the body. "@" stands for the last
 * session's id. With "&" before the method the next request comes beside this
 * one, with "~" the client leaves early.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "../unit/fake_conn.h"
#include "articles/articles.h"
#include "base/addr.h"
#include "base/buf.h"
#include "log/log.h"
#include "log/metrics.h"
#include "reply_check.h"
#include "routes/routes.h"
#include "service/responder_kinds.h"
#include "service/service.h"

#define MAX_INPUT    8192
#define MAX_REQUESTS 12
#define MAX_TURNS    400 /* of the loop, until all is answered */
#define MAX_MESSAGE  600 /* bytes */
#define MAX_BODY     2000
#define MAX_LIVE     3 /* sessions, and turns, of a client */
#define CLIENT       "192.0.2.9"

struct request {
	struct conn conn;
	char *strings[CGI_COUNT + 2]; /* its variables and its body */
	size_t count;
	bool head;   /* no body is to come */
	bool beside; /* the next one does not wait for its end */
	bool leaves; /* early */
	bool gone;
};

static struct conf conf;
static struct metrics_all metrics;
static struct service service;
static struct server_app server;
static struct loop *loop;
static void *state;
static char last_id[SID_TEXT_SIZE];

static void
session_ended(void *arg, const struct addr *creator)
{
	limit_end(arg, creator, LIMIT_SESSIONS);
}

static void
service_open(void)
{
	static const struct limit_conf limits = {
		.rate = { { 0, 1 }, { 0, 1 }, { 0, 1 }, { 0, 1 } },
		.live = { MAX_LIVE, MAX_LIVE },
	};
	static const struct articles_conf articles = {
		.limits = { 100, 1 << 30, 1 << 20, NULL },
		.search = { 0.8, 0.3, { 0.1, 30 }, { 0.5, 180 } },
	};
	struct store_limits store = {
		.ttl_ms = 1000000,
		.max_sessions = 2 * MAX_LIVE,
		.memory = 1 << 20,
		.session_messages = 6,
		.session_bytes = 4096,
		.ended = session_ended,
	};
	struct err err;

	/* the articles alone */
	service.responder = &responder_kinds[responder_kinds_count - 1];
	HOLDS((service.limits = limits_open(&limits)) != NULL);
	store.ended_arg = service.limits;
	HOLDS((service.store = store_memory_open(&store)) != NULL);
	HOLDS((service.queue = turn_queue_new()) != NULL);
	HOLDS((service.suspicions = suspicions_open()) != NULL);
	service.articles = articles_open(&articles, &err);
	HOLDS(service.articles != NULL);
	HOLDS(addr_set_parse(&service.trusted, "192.0.2.0/24"));
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char base[] = "", cookie[] = "causerie";
	static char origins[] = "https://app.example, http://localhost:3000";

	(void)argc;
	(void)argv;
	log_set_level(LOG_LEVEL_FATAL);
	conf = (struct conf){
		.message_max_bytes = MAX_MESSAGE,
		.base_path = base,
		.session_cookie = cookie,
		.allowed_origins = origins,
		.context_messages = 4,
		.context_bytes = 1024,
		.turn_wait_ms = 60000,
	};
	HOLDS((loop = loop_new(0)) != NULL);
	metrics_all_init(&metrics);
	service = (struct service){
		.conf = &conf, .routes = &routes_table, .metrics = &metrics
	};
	service_open();
	server = service_callbacks(&service);
	HOLDS((state = server.loop_open(server.arg, loop)) != NULL);
	return 0;
}

/* Its reply, which has ended. */
static void
check_reply(struct request *r)
{
	HOLDS(r->conn.ended);
	reply_check(
	    fake_conn_text(&r->conn), r->conn.out.len, r->head, last_id);
}

/*
 * Requests.
 */

/* A string for a request, with the last session's id where "@" stands. */
static const char *
keep(struct request *r, const char *text, size_t n, size_t *len)
{
	struct buf out;
	size_t i;

	HOLDS(r->count < CGI_COUNT + 2);
	buf_init(&out, MAX_INPUT * SID_TEXT_SIZE);
	for (i = 0; i < n; i++) {
		if (text[i] == '@')
			buf_adds(&out, last_id);
		else
			buf_addc(&out, text[i]);
	}
	HOLDS(buf_string(&out) != NULL);
	if (len != NULL)
		*len = out.len;
	r->strings[r->count] = len != NULL ? fuzz_copy(out.data, out.len + 1)
	                                   : fuzz_text(out.data, out.len);
	buf_free(&out);
	return r->strings[r->count++];
}

static size_t
line_length(const char *text, const char *end)
{
	const char *lf = memchr(text, '\n', (size_t)(end - text));

	return (size_t)((lf == NULL ? end : lf) - text);
}

/* "& POST /session/chat" */
static void
read_target(struct request *r, struct cgi *cgi, const char *line, size_t n)
{
	const char *space;
	size_t len;

	for (; n > 0 && strchr("&~ ", *line) != NULL; line++, n--) {
		r->beside |= *line == '&';
		r->leaves |= *line == '~';
	}
	space = memchr(line, ' ', n);
	len = space == NULL ? n : (size_t)(space - line);
	cgi->var[CGI_REQUEST_METHOD] = keep(r, line, len, NULL);
	r->head = strcmp(cgi->var[CGI_REQUEST_METHOD], "HEAD") == 0;
	if (space != NULL)
		cgi->var[CGI_REQUEST_URI] = keep(
		    r, space + 1, n - len - 1, NULL);
}

/* "HTTP_ACCEPT=text/event-stream"; each name counts once. */
static void
read_variable(struct request *r, struct cgi *cgi, const char *line, size_t n)
{
#define TEXT(variable, text, twice) text "=",
	static const char *const names[CGI_COUNT] = { CGI_LIST(TEXT) };
#undef TEXT
	size_t len;
	int i;

	for (i = 0; i < CGI_COUNT; i++) {
		len = strlen(names[i]);
		if (n >= len && memcmp(line, names[i], len) == 0 &&
		    i != CGI_REQUEST_METHOD && i != CGI_REQUEST_URI &&
		    (*cgi->var[i] == '\0' || i == CGI_REMOTE_ADDR))
			cgi->var[i] = keep(r, line + len, n - len, NULL);
	}
}

static struct cgi *
read_request(struct request *r, const char *text, const char *end)
{
	struct cgi *cgi = fake_cgi("", "");
	size_t n = line_length(text, end);

	cgi->var[CGI_X_REQUEST_ID] = "";
	cgi->var[CGI_REMOTE_ADDR] = CLIENT;
	cgi->var[CGI_CONTENT_TYPE] = "application/json";
	read_target(r, cgi, text, n);
	for (text += n; text < end; text += n) {
		n = line_length(++text, end);
		if (n == 0)
			break;
		read_variable(r, cgi, text, n);
	}
	if (text < end)
		cgi->body = keep(
		    r, text + 1, (size_t)(end - text) - 1, &cgi->body_len);
	cgi->body_over = cgi->body_len > MAX_BODY;
	return cgi;
}

static bool
all_answered(const struct request *requests, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!requests[i].gone && !requests[i].conn.ended)
			return false;
	return true;
}

static void
settle(const struct request *requests, size_t n)
{
	int turns;

	for (turns = 0; !all_answered(requests, n); turns++) {
		HOLDS(turns < MAX_TURNS);
		loop_turn(loop, 0);
	}
}

/* The request from text to end; those so far are n. */
static void
serve(struct request *requests, size_t n, const char *text, const char *end)
{
	struct request *r = &requests[n];
	struct cgi *cgi;

	*r = (struct request){ .head = false };
	fake_conn_init(&r->conn, loop);
	cgi = read_request(r, text, end);
	server.request(state, &r->conn, cgi);
	if (r->leaves && !r->conn.ended) {
		loop_turn(loop, 0);
		loop_turn(loop, 0);
	}
	if (r->leaves && !r->conn.ended) {
		r->gone = true;
		server.abort(state, r->conn.arg);
	}
	if (!r->beside)
		settle(requests, n + 1);
	if (r->conn.ended)
		check_reply(r);
}

static void
request_free(struct request *r)
{
	size_t i;

	for (i = 0; i < r->count; i++)
		free(r->strings[i]);
	fake_conn_free(&r->conn);
}

/* Where the request ends that begins at text. */
static const char *
request_end(const char *text, const char *end)
{
	const char *mark = memmem(text, (size_t)(end - text), "\n----\n", 6);

	return mark == NULL ? end : mark;
}

/*
 * The end: nothing is left, and nothing counted against a client.
 */

static void
check_count(void *arg, enum rc rc, const struct store_totals *totals)
{
	(void)arg;
	HOLDS(rc == RC_OK && totals->sessions == 0 && totals->bytes == 0);
}

static void
check_limits(enum limit_live live)
{
	struct addr client;
	int i;

	HOLDS(addr_parse(&client, CLIENT, strlen(CLIENT)));
	for (i = 0; i < MAX_LIVE; i++)
		HOLDS(limit_begin(service.limits, &client, live) == RC_OK);
	for (i = 0; i < MAX_LIVE; i++)
		limit_end(service.limits, &client, live);
}

static void
check_end(void)
{
	const struct store_now late = { INT64_MAX / 2, INT64_MAX / 2 };
	const struct service_loop *sl = state;

	store_sweep(service.store, &late, 1000);
	store_count(sl->port, &late, check_count, NULL);
	check_limits(LIMIT_SESSIONS);
	check_limits(LIMIT_TURNS);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char history[] = "GET /session/@/messages\n\n";
	static struct request requests[MAX_REQUESTS + 1];
	const char *text = (const char *)data, *end = text + n, *next;
	size_t count = 0, i;

	if (n > MAX_INPUT)
		return 0;
	last_id[0] = '\0';
	for (; text < end && count < MAX_REQUESTS; text = next) {
		next = request_end(text, end);
		serve(requests, count++, text, next);
		next += next < end ? 6 : 0;
	}
	settle(requests, count);
	serve(requests, count++, history, history + sizeof(history) - 1);
	for (i = 0; i < count; i++) {
		if (!requests[i].gone)
			check_reply(&requests[i]);
		request_free(&requests[i]);
	}
	check_end();
	return 0;
}
