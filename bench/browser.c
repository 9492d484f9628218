/* The variables of nginx's fastcgi_params, and a browser's headers. */
#include "browser.h"

#include <stdio.h>
#include <string.h>

#include "server/fcgi.h"

static void
add_param(struct buf *b, const char *name, const char *value)
{
	buf_addc(b, (char)strlen(name));
	buf_addc(b, (char)strlen(value));
	buf_adds(b, name);
	buf_adds(b, value);
}

static void
add_params(struct buf *b, size_t body_len)
{
	static const char *const same[][2] = {
		{ "QUERY_STRING", "" },
		{ "REQUEST_METHOD", "POST" },
		{ "CONTENT_TYPE", "application/json" },
		{ "SCRIPT_NAME", "/session/chat" },
		{ "REQUEST_URI", "/session/chat" },
		{ "DOCUMENT_URI", "/session/chat" },
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
		{ "HTTP_ORIGIN", "http://localhost:8000" },
		{ "HTTP_REFERER", "http://localhost:8000/" },
	};
	char length[24];
	size_t i;

	for (i = 0; i < sizeof(same) / sizeof(*same); i++)
		add_param(b, same[i][0], same[i][1]);
	snprintf(length, sizeof(length), "%zu", body_len);
	add_param(b, "CONTENT_LENGTH", length);
}

void
browser_chat(struct buf *request, const struct buf *body, bool keep)
{
	struct buf params;

	buf_init(&params, BROWSER_MAX_REQUEST);
	add_params(&params, body->len);
	fcgi_add_request(
	    request, 1, keep, params.data, params.len, body->data, body->len);
	request->failed = request->failed || params.failed;
	buf_free(&params);
}
