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
	fcgi_add_request(
	    &p->feed, r->id, true, p->params.data, p->params.len, NULL, 0);
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
join_values(int i, const char **value, const char *again)
{
	if (twice[i] == CGI_TWICE_DROP)
		*value = "";
	return twice[i] == CGI_TWICE_REFUSE && strcmp(*value, again) != 0;
}

/*
 * Put the values of libfcgi's variables at their places, NULL elsewhere. True
 * when one of them must be refused.
 */
static bool
find_values(
    struct parser *p, const char *value[CGI_COUNT], FCGX_ParamArray envp)
{
	bool refused = false;
	const char *equals;
	int i;

	for (i = 0; i < CGI_COUNT; i++)
		value[i] = NULL;
	for (; *envp != NULL; envp++) {
		if ((equals = strchr(*envp, '=')) == NULL)
			continue;
		i = params_names_find(
		    &p->names, *envp, (size_t)(equals - *envp));
		if (i == -1)
			continue;
		if (value[i] == NULL)
			value[i] = equals + 1;
		else if (join_values(i, &value[i], equals + 1))
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
copy_request(struct parser *p, FCGX_Request *req, const struct fcgi_reader *r)
{
	const char *value[CGI_COUNT];
	size_t len[CGI_COUNT], size = sizeof(struct cgi) + r->body.len + 1;
	struct cgi *cgi;
	bool malformed;
	char *to;
	int i;

	malformed = find_values(p, value, req->envp) ||
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
	buf_init(&p->feed, 0);
	return p;
}

void
parser_free(struct parser *p)
{
	if (p == NULL)
		return;
	buf_free(&p->params);
	buf_free(&p->feed);
	free(p);
}

struct cgi *
parser_run(struct parser *p, const struct fcgi_reader *r, bool *bad)
{
	struct cgi *cgi = NULL;
	FCGX_Request req;

	buf_clear(&p->params);
	*bad = !params_pick(
		   &p->params, r->params.data, r->params.len, &p->names) &&
	       !p->params.failed;
	if (*bad || p->params.failed || !parser_feed(p, r) ||
	    !room_for(request_size(p)))
		return NULL;
	FCGX_InitRequest(&req, -1, FCGI_FAIL_ACCEPT_ON_INTR);
	req.ipcFd = FEED_FD;
	req.keepConnection = 1;
	req.detached = 1;
	if (FCGX_Accept_r(&req) == 0) {
		cgi = copy_request(p, &req, r);
		FCGX_Free(&req, 0);
	} else {
		*bad = true;
	}
	parser_trim(p);
	return cgi;
}

/* Whether a request can be parsed: whether libfcgi calls our OS_Read. */
static bool
parse_works(void)
{
	struct fcgi_reader r = { .id = 1 };
	struct parser *p = parser_new();
	struct cgi *cgi = NULL;
	bool bad;

	if (p != NULL)
		cgi = parser_run(p, &r, &bad);
	parser_free(p);
	cgi_free(cgi);
	return cgi != NULL;
}

bool
parser_init(void)
{
	bool ok = FCGX_Init() == 0 && parse_works();

	signal(SIGPIPE, SIG_IGN);
	return ok;
}
