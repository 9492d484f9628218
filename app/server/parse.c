/*
 * libfcgi blocks, and dies of what a peer may send; fed from memory with a
 * request that was checked before, it can do neither.
 */
#include "server/parse.h"

#include <sys/mman.h>

#include <errno.h>
#include <fcgiapp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_KEPT (256 * 1024) /* bytes of memory kept between requests */

struct parser {
	int fd;          /* memfd; -1 when libfcgi has closed it */
	struct buf feed; /* what is written to it */
};

/*
 * The memfd is never cut: bytes of an earlier, longer request may follow. They
 * stand behind the end of STDIN, where libfcgi stops.
 */
static bool
parser_feed(struct parser *p, const struct fcgi_reader *r)
{
	size_t off = 0;
	ssize_t n;

	if (p->fd == -1 &&
	    (p->fd = memfd_create("fastcgi-request", MFD_CLOEXEC)) == -1)
		return false;
	buf_clear(&p->feed);
	fcgi_add_request(&p->feed, r->id, true, r->params.data, r->params.len,
	    r->body.data, r->body.len);
	if (p->feed.failed)
		return false;
	for (; off < p->feed.len; off += (size_t)n) {
		n = pwrite(
		    p->fd, p->feed.data + off, p->feed.len - off, (off_t)off);
		if (n == -1 && errno == EINTR)
			n = 0;
		if (n == -1)
			return false;
	}
	return lseek(p->fd, 0, SEEK_SET) == 0;
}

/* Give back what a huge request took. */
static void
parser_trim(struct parser *p)
{
	if (p->feed.cap <= MAX_KEPT)
		return;
	buf_free(&p->feed);
	if (p->fd != -1 && ftruncate(p->fd, 0) == -1) {
		close(p->fd);
		p->fd = -1;
	}
}

static bool
read_body(FCGX_Stream *in, char *body, size_t len)
{
	size_t off = 0;
	int n = 1;

	for (; off < len && n > 0; off += (size_t)n)
		n = FCGX_GetStr(body + off,
		    len - off < INT32_MAX ? (int)(len - off) : INT32_MAX, in);
	body[off] = '\0';
	return off == len && FCGX_GetChar(in) == -1 && FCGX_GetError(in) == 0;
}

/* Copy out of libfcgi what we use; the whole is one block. */
static struct cgi *
copy_request(FCGX_Request *req, const struct fcgi_reader *r, bool *bad)
{
#define CGI_NAME(name, text) text,
	static const char *const names[CGI_COUNT] = { CGI_LIST(CGI_NAME) };
#undef CGI_NAME
	const char *value[CGI_COUNT];
	size_t len[CGI_COUNT], size = sizeof(struct cgi) + r->body.len + 1;
	struct cgi *cgi;
	char *to;
	int i;

	for (i = 0; i < CGI_COUNT; i++) {
		if ((value[i] = FCGX_GetParam(names[i], req->envp)) == NULL)
			value[i] = "";
		len[i] = strlen(value[i]) + 1;
		size += len[i];
	}
	if ((cgi = malloc(size)) == NULL)
		return NULL;
	to = (char *)(cgi + 1);
	for (i = 0; i < CGI_COUNT; i++) {
		cgi->var[i] = memcpy(to, value[i], len[i]);
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
	buf_init(&p->feed, SIZE_MAX / 2);
	if ((p->fd = memfd_create("fastcgi-request", MFD_CLOEXEC)) == -1) {
		free(p);
		return NULL;
	}
	return p;
}

void
parser_free(struct parser *p)
{
	if (p == NULL)
		return;
	if (p->fd != -1)
		close(p->fd);
	buf_free(&p->feed);
	free(p);
}

struct cgi *
parser_run(struct parser *p, const struct fcgi_reader *r, bool *bad)
{
	struct cgi *cgi = NULL;
	FCGX_Request req;

	*bad = !fcgi_params_ok(r->params.data, r->params.len);
	if (*bad || !parser_feed(p, r))
		goto out;
	FCGX_InitRequest(&req, -1, FCGI_FAIL_ACCEPT_ON_INTR);
	req.ipcFd = p->fd;
	req.keepConnection = 1;
	req.detached = 1;
	if (FCGX_Accept_r(&req) != 0) {
		p->fd = req.ipcFd;
		*bad = true;
		goto out;
	}
	cgi = copy_request(&req, r, bad);
	req.ipcFd = -1;
	FCGX_Free(&req, 0);
out:
	parser_trim(p);
	return cgi;
}
