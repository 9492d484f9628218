/*
 * libfcgi blocks, and dies of what a peer may send; fed from memory with a
 * request that was checked before, it can do neither.
 */
#include "server/fcgi_parse.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcgios.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/room.h"
#include "server/params.h"

#define FEED_FD   INT_MAX     /* libfcgi's descriptor; there is none such */
#define FEED_KEPT (64 * 1024) /* bytes that a parser keeps between requests */

struct parser {
	struct buf params; /* those that are used */
	struct buf which;  /* which they are, a byte each */
	struct buf feed;   /* the request as libfcgi reads it */
	struct params_names names;
};

/* What libfcgi has still to read on this thread. */
static _Thread_local struct {
	const char *at;
	size_t left;
} feed;

#define CGI_NAME(name, text, twice) { text, sizeof(text) - 1 },
static const struct params_name used[CGI_COUNT] = { CGI_LIST(CGI_NAME) };
#undef CGI_NAME

#define CGI_TWICE(name, text, twice) twice,
static const enum cgi_twice twice[CGI_COUNT] = { CGI_LIST(CGI_TWICE) };
#undef CGI_TWICE

/*
 * libfcgi reads through this function (fcgios.h), of which ours takes the
 * place: a file that it could read costs an eighth of a short request.
 */
int
OS_Read(int fd, char *buf, size_t len)
{
	size_t n = len < feed.left ? len : feed.left;

	if (fd != FEED_FD) {
		errno = EBADF;
		return -1;
	}
	memcpy(buf, feed.at, n);
	feed.at += n;
	feed.left -= n;
	return (int)n;
}

/* False: *bad, or there is no memory. */
static bool
parser_pick(struct parser *p, const struct buf *params, bool *bad)
{
	buf_clear(&p->params);
	buf_clear(&p->which);
	if (params_pick_noting(
		&p->params, &p->which, params->data, params->len, &p->names))
		return true;
	*bad = !p->params.failed && !p->which.failed;
	return false;
}

/* What a request takes as records: 8 bytes a record, and one of 8 bytes. */
static size_t
feed_size(size_t params)
{
	return params + 8 * (8 + params / 65535);
}

static bool
parser_feed(struct parser *p, const struct fcgi_reader *r)
{
	buf_clear(&p->feed);
	p->feed.max = feed_size(p->params.len);
	buf_reserve(&p->feed, p->feed.max);
	fcgi_add_request(&p->feed, &(struct fcgi_request){ .id = r->id,
				       .keep = true,
				       .params = p->params.data,
				       .params_len = p->params.len });
	feed.at = p->feed.data;
	feed.left = p->feed.len;
	return !p->feed.failed;
}

/*
 * More than libfcgi takes for a request, which ends the process where it gets
 * no memory: three streams with their buffers, and each variable by itself.
 */
static size_t
request_size(const struct parser *p)
{
	return 20 * 1024 + 8 * p->params.len;
}

/* Give back what a large request took. */
static void
parser_trim(struct parser *p)
{
	if (p->feed.cap > FEED_KEPT)
		buf_free(&p->feed);
}

/* It came before, perhaps with another value; true: it must be refused. */
static bool
join_values(size_t i, const char **value, const char *again)
{
	if (twice[i] == CGI_TWICE_DROP)
		*value = "";
	return twice[i] == CGI_TWICE_REFUSE && strcmp(*value, again) != 0;
}

/* libfcgi puts some of its own before those that it reads, in their order. */
static char **
variables(const struct parser *p, FCGX_ParamArray envp)
{
	size_t n = 0;

	while (envp[n] != NULL)
		n++;
	return n < p->which.len ? NULL : envp + n - p->which.len;
}

/*
 * Put the values of the variables at their places, NULL elsewhere. True when
 * one of them must be refused.
 */
static bool
find_values(
    const struct parser *p, const char *value[CGI_COUNT], char **variable)
{
	bool refused = false;
	const char *found;
	size_t i, n;

	for (i = 0; i < CGI_COUNT; i++)
		value[i] = NULL;
	for (n = 0; n < p->which.len; n++) {
		i = (size_t)p->which.data[n];
		found = variable[n] + used[i].len + 1;
		if (value[i] == NULL)
			value[i] = found;
		else if (join_values(i, &value[i], found))
			refused = true;
	}
	return refused;
}

/*
 * Whether the body is as long as CONTENT_LENGTH says, where that has come
 * (FastCGI Specification 1.0, section 6.2).
 */
static bool
length_fits(const char *said, uint64_t came)
{
	uint64_t n = 0;

	if (said == NULL)
		return true;
	for (; *said >= '0' && *said <= '9' && n <= came; said++)
		n = n * 10 + (uint64_t)(*said - '0');
	return *said == '\0' && n == came;
}

/* Copy out of libfcgi what we use; the whole is one block. */
static struct cgi *
copy_request(
    const struct parser *p, char **variable, const struct fcgi_reader *r)
{
	const char *value[CGI_COUNT];
	size_t len[CGI_COUNT], size = sizeof(struct cgi) + r->body.len + 1;
	struct cgi *cgi;
	bool malformed;
	char *to;
	int i;

	malformed = find_values(p, value, variable) ||
	            !length_fits(value[CGI_CONTENT_LENGTH], r->body_came);
	for (i = 0; i < CGI_COUNT; i++) {
		len[i] = value[i] == NULL ? 0 : strlen(value[i]) + 1;
		size += len[i];
	}
	if ((cgi = malloc(size)) == NULL)
		return NULL;
	to = (char *)(cgi + 1);
	for (i = 0; i < CGI_COUNT; i++) {
		cgi->var[i] = len[i] == 0 ? "" : memcpy(to, value[i], len[i]);
		to += len[i];
	}
	cgi->body = to;
	cgi->body_len = r->body.len;
	cgi->body_over = r->body_over;
	cgi->malformed = malformed;
	cgi->body_own = true;
	if (r->body.len > 0)
		memcpy(to, r->body.data, r->body.len);
	to[r->body.len] = '\0';
	return cgi;
}

struct parser *
parser_new(void)
{
	struct parser *p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return NULL;
	params_names_init(&p->names, used, CGI_COUNT);
	buf_init(&p->params, FCGI_MAX_PARAMS);
	buf_init(&p->which, FCGI_MAX_PARAMS);
	buf_init(&p->feed, 0);
	return p;
}

void
parser_free(struct parser *p)
{
	if (p == NULL)
		return;
	buf_free(&p->params);
	buf_free(&p->which);
	buf_free(&p->feed);
	free(p);
}

struct cgi *
parser_run(struct parser *p, const struct fcgi_reader *r, bool *bad)
{
	struct cgi *cgi = NULL;
	FCGX_Request req;
	char **variable;

	*bad = false;
	if (!parser_pick(p, &r->params, bad) || !parser_feed(p, r) ||
	    !room_for(request_size(p)))
		return NULL;
	FCGX_InitRequest(&req, -1, FCGI_FAIL_ACCEPT_ON_INTR);
	req.ipcFd = FEED_FD;
	req.keepConnection = 1;
	req.detached = 1;
	*bad = FCGX_Accept_r(&req) != 0;
	if (!*bad) {
		if ((variable = variables(p, req.envp)) != NULL)
			cgi = copy_request(p, variable, r);
		FCGX_Free(&req, 0);
	}
	parser_trim(p);
	return cgi;
}

/*
 * Whether a request can be parsed: whether libfcgi calls our OS_Read, and gives
 * what it read in the order in which it came.
 */
static bool
parse_works(void)
{
	static char params[] = "\5\2HTTPSon\13\1HTTP_ACCEPTa";
	struct fcgi_reader r = { .id = 1,
		.params = { .data = params, .len = sizeof(params) - 1 } };
	struct parser *p = parser_new();
	struct cgi *cgi = NULL;
	bool bad, ok;

	if (p != NULL)
		cgi = parser_run(p, &r, &bad);
	ok = cgi != NULL && strcmp(cgi->var[CGI_HTTPS], "on") == 0 &&
	     strcmp(cgi->var[CGI_ACCEPT], "a") == 0;
	parser_free(p);
	cgi_free(cgi);
	return ok;
}

bool
parser_init(void)
{
	bool ok = FCGX_Init() == 0 && parse_works();

	signal(SIGPIPE, SIG_IGN);
	return ok;
}
