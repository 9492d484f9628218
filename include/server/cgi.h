/*
 * A request as the CGI meta-variables that we use (RFC 3875, section 4.1) and
 * its body: one block of memory, independent of libfcgi.
 */
#ifndef SERVER_CGI_H
#define SERVER_CGI_H

#include <stdbool.h>
#include <stddef.h>
#include <strings.h>

/*
 * Each with what becomes of it when it comes twice, with two values. A web
 * server makes one variable of `X-Forwarded-For` and `X_Forwarded_For`, so that
 * one of the two may be a client's own. FIRST: the first one counts; DROP: it
 * is as if none had come; REFUSE: nobody can say what the request means, and
 * `malformed` is set.
 */
#define CGI_LIST(X)                                                            \
	X(CGI_REQUEST_METHOD, "REQUEST_METHOD", CGI_TWICE_FIRST)               \
	X(CGI_REDIRECT_STATUS, "REDIRECT_STATUS", CGI_TWICE_FIRST)             \
	X(CGI_REQUEST_URI, "REQUEST_URI", CGI_TWICE_FIRST)                     \
	X(CGI_SCRIPT_NAME, "SCRIPT_NAME", CGI_TWICE_FIRST)                     \
	X(CGI_PATH_INFO, "PATH_INFO", CGI_TWICE_FIRST)                         \
	X(CGI_CONTENT_TYPE, "CONTENT_TYPE", CGI_TWICE_REFUSE)                  \
	X(CGI_CONTENT_LENGTH, "CONTENT_LENGTH", CGI_TWICE_REFUSE)              \
	X(CGI_CONTENT_ENCODING, "HTTP_CONTENT_ENCODING", CGI_TWICE_REFUSE)     \
	X(CGI_REMOTE_ADDR, "REMOTE_ADDR", CGI_TWICE_FIRST)                     \
	X(CGI_HOST, "HTTP_HOST", CGI_TWICE_REFUSE)                             \
	X(CGI_X_FORWARDED_FOR, "HTTP_X_FORWARDED_FOR", CGI_TWICE_DROP)         \
	X(CGI_ACCEPT, "HTTP_ACCEPT", CGI_TWICE_FIRST)                          \
	X(CGI_ACCEPT_LANGUAGE, "HTTP_ACCEPT_LANGUAGE", CGI_TWICE_FIRST)        \
	X(CGI_X_REQUEST_ID, "HTTP_X_REQUEST_ID", CGI_TWICE_DROP)               \
	X(CGI_IDEMPOTENCY_KEY, "HTTP_IDEMPOTENCY_KEY", CGI_TWICE_REFUSE)       \
	X(CGI_ORIGIN, "HTTP_ORIGIN", CGI_TWICE_REFUSE)                         \
	X(CGI_SEC_FETCH_SITE, "HTTP_SEC_FETCH_SITE", CGI_TWICE_REFUSE)         \
	X(CGI_COOKIE, "HTTP_COOKIE", CGI_TWICE_DROP)                           \
	X(CGI_HTTPS, "HTTPS", CGI_TWICE_FIRST)

enum cgi_twice {
	CGI_TWICE_FIRST,
	CGI_TWICE_DROP,
	CGI_TWICE_REFUSE,
};

#define CGI_ENUM(name, text, twice) name,
enum cgi_var { CGI_LIST(CGI_ENUM) CGI_COUNT };
#undef CGI_ENUM

/* Owned by whoever holds it, to be freed with cgi_free. */
struct cgi {
	const char	*var[CGI_COUNT];	/* "" when absent */
	const char	*body;
	size_t		 body_len;
	bool		 body_over;	/* it was longer than is allowed */
	bool		 malformed;	/* a header that may come once came
					   twice, or the body is not as long as
					   CONTENT_LENGTH says */
	bool		 body_own;	/* it lies in the same block */
};

/* A body of its own is overwritten first. NULL is allowed. */
void cgi_free(struct cgi *);

/* Whether the web server says that the request came over HTTPS. */
static inline bool
cgi_is_https(const struct cgi *cgi)
{
	const char *https = cgi->var[CGI_HTTPS];

	return *https != '\0' && strcasecmp(https, "off") != 0;
}

#endif
