/*
 * The bytes of a web server, from the records to the application and back: a
 * connection over a socket, libfcgi, and an application that says what it got.
 * Where the bytes are cut makes no difference; what libfcgi makes of the
 * parameters is what a few plain lines here make of them; every record that is
 * sent is one; and whatever came, the connection is gone at the end.
 *
 * The first two bytes say how the rest is cut.
 */
#include "fuzz.h"

#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "log/log.h"
#include "loop/loop.h"
#include "server/fcgi_parse.h"
#include "server/fcgi_records.h"
#include "server/pool.h"

#define BODY_MAX  4096
#define MAX_CONNS 7
#define MAX_TOLD  (4 * 1024 * 1024)
#define MAX_INPUT (60 * 1024) /* what a socket takes at once */
#define TURNS     8           /* after which nothing is to do */
#define HEAD      8           /* bytes of a record's */

static struct loop *loop;
static struct pool *pool;

/*
 * The reader: what it says of the bytes, however they are cut.
 */

static void
tell_request(struct buf *told, const struct fcgi_reader *r)
{
	buf_addf(told, "id %u keep %d over %d params %zu body %zu\n", r->id,
	    r->keep, r->body_over, r->params.len, r->body.len);
	if (r->params.len > 0)
		buf_add(told, r->params.data, r->params.len);
	if (r->body.len > 0)
		buf_add(told, r->body.data, r->body.len);
	HOLDS(r->id != 0 && r->params.len <= FCGI_MAX_PARAMS);
	HOLDS(r->body.len <= BODY_MAX && !(r->body_over && r->body.len > 0));
}

/*
 * Hand over a piece; false: the connection would be closed. A request with an
 * odd id is answered at once, another one runs until it is aborted.
 */
static bool
read_piece(struct fcgi_reader *r, const char *p, size_t n, struct buf *told)
{
	enum fcgi_event event;
	size_t used;

	do {
		event = fcgi_read(r, p, n, &used);
		HOLDS(used <= n && (event != FCGI_MORE || used == n));
		p += used;
		n -= used;
		if (event != FCGI_MORE)
			buf_addf(told, "event %d\n", event);
		if (event == FCGI_REQUEST)
			tell_request(told, r);
		if (event == FCGI_ABORT ||
		    (event == FCGI_REQUEST && r->id % 2 == 1))
			fcgi_next(r);
		if (event == FCGI_BROKEN || event == FCGI_CLOSE)
			return false;
	} while (n > 0);
	return true;
}

/* Read all, in pieces unless seed is NULL. */
static void
read_all(struct buf *told, const char *data, size_t n, uint32_t *seed)
{
	struct fcgi_reader r;
	bool more = true;
	size_t len;
	char *piece;

	buf_init(told, MAX_TOLD);
	fcgi_reader_init(&r, BODY_MAX, MAX_CONNS);
	for (; more && n > 0; data += len, n -= len) {
		len = seed == NULL ? n : fuzz_cut(seed, n);
		piece = fuzz_copy(data, len);
		more = read_piece(&r, piece, len, told);
		free(piece);
	}
	buf_addf(told, "idle %d\n", fcgi_idle(&r));
	if (r.replies.len > 0)
		buf_add(told, r.replies.data, r.replies.len);
	HOLDS(!told->failed);
	fcgi_reader_free(&r);
}

static void
check_cuts(const char *data, size_t n, uint32_t seed)
{
	struct buf whole, cut;

	read_all(&whole, data, n, NULL);
	read_all(&cut, data, n, &seed);
	HOLDS(whole.len == cut.len);
	HOLDS(memcmp(whole.data, cut.data, whole.len) == 0);
	buf_free(&whole);
	buf_free(&cut);
}

/*
 * The parser: what libfcgi says of the parameters, held against a second
 * reading of them.
 */

static size_t
plain_length(const uint8_t **p, const uint8_t *end)
{
	size_t n;

	if (*p == end)
		return SIZE_MAX;
	if (**p < 0x80)
		return *(*p)++;
	if (end - *p < 4)
		return SIZE_MAX;
	n = (size_t)((*p)[0] & 0x7f) << 24 | (size_t)(*p)[1] << 16 |
	    (size_t)(*p)[2] << 8 | (*p)[3];
	*p += 4;
	return n;
}

static int
variable_of(const uint8_t *name, size_t n)
{
#define TEXT(variable, text, twice) text,
	static const char *const texts[CGI_COUNT] = { CGI_LIST(TEXT) };
#undef TEXT
	int i;

	for (i = 0; i < CGI_COUNT; i++)
		if (strlen(texts[i]) == n && memcmp(texts[i], name, n) == 0)
			return i;
	return -1;
}

struct plain {
	struct buf text;
	unsigned times; /* it came */
};

/* A variable's value, and what more came of it; true: it is to be refused. */
static bool
plain_add(struct plain *value, int variable, const uint8_t *text, size_t n)
{
#define TWICE(name, name_text, twice) twice,
	static const enum cgi_twice twice[CGI_COUNT] = { CGI_LIST(TWICE) };
#undef TWICE
	bool other;

	if (value->times++ == 0) {
		buf_add(&value->text, text, n);
		return false;
	}
	other = value->text.len != n || memcmp(value->text.data, text, n) != 0;
	if (twice[variable] == CGI_TWICE_DROP)
		buf_clear(&value->text);
	return twice[variable] == CGI_TWICE_REFUSE && other;
}

/* False when they are not parameters that may reach libfcgi. */
static bool
plain_params(
    const struct buf *params, struct plain value[CGI_COUNT], bool *malformed)
{
	const uint8_t *p = (const uint8_t *)params->data;
	const uint8_t *end = params->len > 0 ? p + params->len : p;
	size_t name, len;
	int i;

	while (p != end) {
		name = plain_length(&p, end);
		len = name == SIZE_MAX ? name : plain_length(&p, end);
		if (len == SIZE_MAX || name > (size_t)(end - p) ||
		    len > (size_t)(end - p) - name)
			return false;
		i = variable_of(p, name);
		if (i != -1 && len > 0) {
			if (memchr(p + name, '\0', len) != NULL)
				return false;
			if (plain_add(&value[i], i, p + name, len))
				*malformed = true;
		}
		p += name + len;
	}
	return true;
}

/* Whether a length, if there is one, is the decimal number of what came. */
static bool
plain_fits(struct buf *said, uint64_t came)
{
	char number[24];
	size_t zeros;

	if (said->len == 0)
		return true;
	snprintf(number, sizeof(number), "%llu", (unsigned long long)came);
	zeros = strspn(buf_string(said), "0");
	if (zeros == said->len)
		return came == 0;
	return strcmp(said->data + zeros, number) == 0;
}

static void
check_request(const struct fcgi_reader *r, const struct cgi *cgi, bool bad)
{
	struct plain value[CGI_COUNT] = { 0 };
	bool good, malformed = false;
	int i;

	for (i = 0; i < CGI_COUNT; i++)
		buf_init(&value[i].text, FCGI_MAX_PARAMS);
	good = plain_params(&r->params, value, &malformed);
	HOLDS(good == (cgi != NULL) && bad == !good);
	for (i = 0; i < CGI_COUNT; i++) {
		if (good)
			HOLDS(strcmp(cgi->var[i],
				  value[i].text.len == 0
				      ? ""
				      : buf_string(&value[i].text)) == 0);
	}
	if (good)
		HOLDS(cgi->malformed ==
		      (malformed || !plain_fits(&value[CGI_CONTENT_LENGTH].text,
					r->body_came)));
	for (i = 0; i < CGI_COUNT; i++)
		buf_free(&value[i].text);
	if (!good)
		return;
	HOLDS(cgi->body_len == r->body.len && cgi->body_over == r->body_over);
	HOLDS(cgi->body[cgi->body_len] == '\0');
	HOLDS(r->body.len == 0 ||
	      memcmp(cgi->body, r->body.data, r->body.len) == 0);
}

/* Whatever comes as PARAMS, and as a body, in a request of its own. */
static void
check_parser(const char *data, size_t n, uint32_t seed)
{
	struct fcgi_reader r;
	size_t params = seed % 4 == 0 ? n / 2 : n;
	struct cgi *cgi;
	bool bad;

	fcgi_reader_init(&r, BODY_MAX, MAX_CONNS);
	r.id = 1;
	buf_add(&r.params, data, params);
	if (n - params <= BODY_MAX)
		buf_add(&r.body, data + params, n - params);
	r.body_came = r.body.len;
	cgi = parser_run(pool->env.parser, &r, &bad);
	check_request(&r, cgi, bad);
	free(cgi);
	fcgi_reader_free(&r);
}

/*
 * The connection.
 */

/* The method says how: at once, later, or never. */
static void
service_request(void *state, struct conn *c, struct cgi *cgi)
{
	const char *method = cgi->var[CGI_REQUEST_METHOD];

	(void)state;
	conn_set(c, c);
	conn_write(c, "Status: 200 OK\r\n\r\n", 18);
	conn_write(c, method, strlen(method));
	conn_write(c, cgi->body, cgi->body_len);
	HOLDS(conn_written(c) == 18 + strlen(method) + cgi->body_len);
	HOLDS(conn_loop(c) == loop);
	if (*method != 'P')
		conn_end(c);
	free(cgi);
}

static void
service_abort(void *state, void *arg)
{
	(void)state;
	HOLDS(arg != NULL);
}

static void
service_drain(void *state)
{
	(void)state;
}

static const struct server_app application = {
	.loop_drain = service_drain,
	.request = service_request,
	.abort = service_abort,
};

static void
settle(void)
{
	int i;

	for (i = 0; i < TURNS; i++)
		loop_turn(loop, 0);
}

/* Every record that we send is whole, and of a kind that we send. */
static void
check_records(const uint8_t *p, size_t n)
{
	size_t len;

	for (; n > 0; p += len, n -= len) {
		HOLDS(n >= HEAD && p[0] == 1 && p[6] == 0 && p[7] == 0);
		len = HEAD + ((size_t)p[4] << 8 | p[5]);
		HOLDS(len <= n);
		if (p[2] == 0 && p[3] == 0)
			HOLDS(p[1] == 10 || p[1] == 11);
		else
			HOLDS(p[1] == 6 || (p[1] == 3 && len == HEAD + 8));
	}
}

/* What was answered; the descriptor is closed. */
static void
take_answer(int fd)
{
	static uint8_t answer[1024 * 1024];
	size_t len = 0;
	ssize_t n;

	while ((n = recv(
		    fd, answer + len, sizeof(answer) - len, MSG_DONTWAIT)) > 0)
		len += (size_t)n;
	HOLDS(len < sizeof(answer));
	check_records(answer, len);
	close(fd);
}

static void
check_conn(const char *data, size_t n, uint32_t seed)
{
	struct transit transit;
	int fd[2];
	size_t len;

	HOLDS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0);
	len = seed % 2 == 0 ? n : fuzz_cut(&seed, n);
	HOLDS(send(fd[1], data, len, MSG_NOSIGNAL) == (ssize_t)len);
	transit_init(&transit, fd[0]);
	pool_take(pool, &transit);
	loop_turn(loop, 0);
	if (len < n && send(fd[1], data + len, n - len, MSG_NOSIGNAL) > 0)
		loop_turn(loop, 0);
	shutdown(fd[1], SHUT_WR);
	settle();
	HOLDS(pool->count == 0);
	HOLDS(list_is_empty(&pool->idle) && list_is_empty(&pool->busy));
	take_answer(fd[1]);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_set_level(LOG_LEVEL_FATAL);
	HOLDS(parser_init());
	HOLDS((loop = loop_new(0)) != NULL);
	HOLDS((pool = calloc(1, sizeof(*pool))) != NULL);
	HOLDS((pool->env.parser = parser_new()) != NULL);
	pool->env.loop = loop;
	pool->env.app = &application;
	pool->env.body_max = BODY_MAX;
	pool->env.max_conns = MAX_CONNS;
	pool_open(pool);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint32_t seed;

	if (n < 3 || n > MAX_INPUT)
		return 0;
	seed = (uint32_t)data[0] << 8 | data[1];
	check_cuts((const char *)data + 2, n - 2, seed);
	check_parser((const char *)data + 2, n - 2, seed);
	check_conn((const char *)data + 2, n - 2, seed);
	return 0;
}
