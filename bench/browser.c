/* The variables of nginx's fastcgi_params, and a browser's headers. */
#include "browser.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"
#include "server/fcgi_records.h"

#define CONNECT_S 10
#define TYPE_END  3 /* FCGI_END_REQUEST */

static void
add_param(struct buf *b, const char *name, const char *value)
{
	buf_addc(b, (char)strlen(name));
	buf_addc(b, (char)strlen(value));
	buf_adds(b, name);
	buf_adds(b, value);
}

static void
add_params(struct buf *b, const char *method, const char *uri)
{
	static const char *const same[][2] = {
		{ "QUERY_STRING", "" },
		{ "DOCUMENT_ROOT", "/usr/share/causerie/web" },
		{ "SERVER_PROTOCOL", "HTTP/1.1" },
		{ "REQUEST_SCHEME", "http" },
		{ "GATEWAY_INTERFACE", "CGI/1.1" },
		{ "SERVER_SOFTWARE", "nginx/1.22.1" },
		{ "REMOTE_ADDR", "127.0.0.1" },
		{ "REMOTE_PORT", "52814" },
		{ "REMOTE_USER", "" },
		{ "SERVER_ADDR", "127.0.0.1" },
		{ "SERVER_PORT", "8000" },
		{ "SERVER_NAME", "localhost" },
		{ "REDIRECT_STATUS", "200" },
		{ "HTTP_HOST", "localhost:8000" },
		{ "HTTP_USER_AGENT",
		    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) "
		    "Gecko/20100101 Firefox/128.0" },
		{ "HTTP_ACCEPT", "*/*" },
		{ "HTTP_ACCEPT_LANGUAGE", "fr,fr-FR;q=0.8,en;q=0.3" },
		{ "HTTP_ACCEPT_ENCODING", "gzip, deflate, br" },
		{ "HTTP_REFERER", "http://localhost:8000/" },
	};
	size_t i;

	add_param(b, "REQUEST_METHOD", method);
	add_param(b, "SCRIPT_NAME", uri);
	add_param(b, "REQUEST_URI", uri);
	add_param(b, "DOCUMENT_URI", uri);
	for (i = 0; i < sizeof(same) / sizeof(*same); i++)
		add_param(b, same[i][0], same[i][1]);
}

/* What comes with a body; the first two also stand there without one. */
static void
add_body_params(struct buf *b, const struct buf *body)
{
	char length[24] = "";

	if (body != NULL)
		snprintf(length, sizeof(length), "%zu", body->len);
	add_param(b, "CONTENT_TYPE", body != NULL ? "application/json" : "");
	add_param(b, "CONTENT_LENGTH", length);
	if (body != NULL) {
		add_param(b, "HTTP_ORIGIN", "http://localhost:8000");
		add_param(b, "HTTP_SEC_FETCH_SITE", "same-origin");
	}
}

void
browser_request(struct buf *request, const char *method, const char *uri,
    const struct buf *body, bool keep)
{
	struct fcgi_request r = { .id = 1, .keep = keep };
	struct buf params;

	buf_init(&params, BROWSER_MAX_REQUEST);
	add_params(&params, method, uri);
	add_body_params(&params, body);
	r.params = params.data;
	r.params_len = params.len;
	r.body = body != NULL ? body->data : NULL;
	r.body_len = body != NULL ? body->len : 0;
	fcgi_add_request(request, &r);
	request->failed = request->failed || params.failed;
	buf_free(&params);
}

int
browser_connect(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = CONNECT_S };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(sun.sun_path)) {
		fprintf(stderr, "%s: the path is too long\n", path);
		exit(1);
	}
	memcpy(sun.sun_path, path, strlen(path) + 1);
	if (fd == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
		sizeof(patience)) == -1 ||
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		fail(path);
	return fd;
}

bool
browser_has_reply(const struct buf *in)
{
	const uint8_t *p = (const uint8_t *)in->data;
	size_t i = 0, len;

	for (; in->len - i >= 8; i += len) {
		len = 8 + ((size_t)p[i + 4] << 8 | p[i + 5]) + p[i + 6];
		if (in->len - i < len)
			return false;
		if (p[i + 1] == TYPE_END)
			return i + len == in->len;
	}
	return false;
}
