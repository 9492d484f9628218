/*
 * libfcgi blocks, and dies of what a peer may send; fed from memory with a
 * request that was checked before, it can do neither.
 */
#include "server/parse.h"

#include <sys/mman.h>

#include <fcgiapp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define MAP_SIZE (64 * 1024) /* bytes of the file; more for a larger request */

struct parser {
	int fd;    /* memfd; -1 when libfcgi has closed it */
	char *map; /* all of it, writable */
	size_t size;
	struct buf params; /* those that are used */
	struct buf list;   /* values that became one */
	struct fcgi_names names;
};

#define CGI_NAME(name, text) { text, sizeof(text) - 1 },
static const struct fcgi_name used[CGI_COUNT] = { CGI_LIST(CGI_NAME) };
#undef CGI_NAME

static bool
parser_resize(struct parser *p, size_t size)
{
	char *map;

	if (ftruncate(p->fd, (off_t)size) == -1)
		return false;
	map = p->map == NULL ? mmap(NULL, size, PROT_READ | PROT_WRITE,
				   MAP_SHARED, p->fd, 0)
	                     : mremap(p->map, p->size, size, MREMAP_MAYMOVE);
	if (map == MAP_FAILED)
		return false;
	p->map = map;
	p->size = size;
	return true;
}

static bool
parser_open(struct parser *p)
{
	if (p->map != NULL)
		munmap(p->map, p->size);
	p->map = NULL;
	p->size = 0;
	p->fd = memfd_create("fastcgi-request", MFD_CLOEXEC);
	return p->fd != -1 && parser_resize(p, MAP_SIZE);
}

/* What a request takes as records: 8 bytes a record, and one of 8 bytes. */
static size_t
feed_size(size_t params, size_t body)
{
	return params + body + 8 * (8 + params / 65535 + body / 65535);
}

/*
 * The request stands at the end of the file, so that libfcgi, which reads as
 * much as there is, reads no more than it.
 */
static bool
parser_feed(struct parser *p, const struct fcgi_reader *r)
{
	size_t need = feed_size(p->params.len, r->body.len), at;
	struct buf feed;

	if (p->params.failed || (p->fd == -1 && !parser_open(p)) ||
	    (need > p->size && !parser_resize(p, need)))
		return false;
	at = p->size - need;
	feed = (struct buf){ .data = p->map + at, .cap = need, .max = need };
	fcgi_add_request(&feed, r->id, true, p->params.data, p->params.len,
	    r->body.data, r->body.len);
	return !feed.failed && lseek(p->fd, (off_t)at, SEEK_SET) != -1;
}

/* Give back what a large request took. */
static void
parser_trim(struct parser *p)
{
	if (p->size > MAP_SIZE && !parser_resize(p, MAP_SIZE))
		log_warn("memory", LOG_STR("for", "parser"));
}

static bool
read_body(FCGX_Stream *in, char *body, size_t len)
{
	size_t off = 0;
	int n = 1;

	body[0] = '\0';
	if (len == 0)
		return true;
	for (; off < len && n > 0; off += (size_t)n)
		n = FCGX_GetStr(body + off,
		    len - off < INT32_MAX ? (int)(len - off) : INT32_MAX, in);
	body[off] = '\0';
	return off == len && FCGX_GetChar(in) == -1 && FCGX_GetError(in) == 0;
}

/* The list with one more value. */
static const char *
join_values(struct buf *list, const char *before, const char *value)
{
	if (before != list->data) {
		buf_clear(list);
		buf_adds(list, before);
	}
	buf_adds(list, ", ");
	buf_adds(list, value);
	return buf_string(list);
}

/* Put the values of libfcgi's variables at their places, NULL elsewhere. */
static void
find_values(
    struct parser *p, const char *value[CGI_COUNT], FCGX_ParamArray envp)
{
	const char *equals;
	int i;

	for (i = 0; i < CGI_COUNT; i++)
		value[i] = NULL;
	for (; *envp != NULL; envp++) {
		if ((equals = strchr(*envp, '=')) == NULL)
			continue;
		i = fcgi_names_find(&p->names, *envp, (size_t)(equals - *envp));
		if (i == -1)
			continue;
		if (value[i] == NULL)
			value[i] = equals + 1;
		else if (i == CGI_X_FORWARDED_FOR)
			value[i] = join_values(&p->list, value[i], equals + 1);
	}
}

/* Copy out of libfcgi what we use; the whole is one block. */
static struct cgi *
copy_request(
    struct parser *p, FCGX_Request *req, const struct fcgi_reader *r, bool *bad)
{
	const char *value[CGI_COUNT];
	size_t len[CGI_COUNT], size = sizeof(struct cgi) + r->body.len + 1;
	struct cgi *cgi;
	char *to;
	int i;

	find_values(p, value, req->envp);
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
	if (!read_body(req->in, to, r->body.len)) {
		*bad = true;
		free(cgi);
		return NULL;
	}
	return cgi;
}

bool
parse_init(void)
{
	bool ok = FCGX_Init() == 0;

	signal(SIGPIPE, SIG_IGN);
	return ok;
}

struct parser *
parser_new(void)
{
	struct parser *p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return NULL;
	fcgi_names_init(&p->names, used, CGI_COUNT);
	buf_init(&p->params, FCGI_MAX_PARAMS);
	buf_init(&p->list, FCGI_MAX_PARAMS);
	if (!parser_open(p)) {
		parser_free(p);
		return NULL;
	}
	return p;
}

void
parser_free(struct parser *p)
{
	if (p == NULL)
		return;
	if (p->map != NULL)
		munmap(p->map, p->size);
	if (p->fd != -1)
		close(p->fd);
	buf_free(&p->params);
	buf_free(&p->list);
	free(p);
}

struct cgi *
parser_run(struct parser *p, const struct fcgi_reader *r, bool *bad)
{
	struct cgi *cgi = NULL;
	FCGX_Request req;

	buf_clear(&p->params);
	*bad = !fcgi_params_pick(
		   &p->params, r->params.data, r->params.len, &p->names) &&
	       !p->params.failed;
	if (*bad || !parser_feed(p, r))
		return NULL;
	FCGX_InitRequest(&req, -1, FCGI_FAIL_ACCEPT_ON_INTR);
	req.ipcFd = p->fd;
	req.keepConnection = 1;
	req.detached = 1;
	if (FCGX_Accept_r(&req) == 0) {
		cgi = copy_request(p, &req, r, bad);
		req.ipcFd = -1;
		FCGX_Free(&req, 0);
	} else {
		p->fd = req.ipcFd;
		*bad = true;
	}
	parser_trim(p);
	return cgi;
}
