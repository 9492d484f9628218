/*
 * A request as the CGI meta-variables that we use (RFC 3875, section 4.1) and
 * its body: one block of memory, independent of libfcgi.
 */
#ifndef SERVER_CGI_H
#define SERVER_CGI_H

#include <stdbool.h>
#include <stddef.h>

#define CGI_LIST(X)                                                            \
	X(CGI_REQUEST_METHOD, "REQUEST_METHOD")                                \
	X(CGI_REDIRECT_STATUS, "REDIRECT_STATUS")                              \
	X(CGI_REQUEST_URI, "REQUEST_URI")                                      \
	X(CGI_SCRIPT_NAME, "SCRIPT_NAME")                                      \
	X(CGI_PATH_INFO, "PATH_INFO")                                          \
	X(CGI_CONTENT_TYPE, "CONTENT_TYPE")                                    \
	X(CGI_REMOTE_ADDR, "REMOTE_ADDR")                                      \
	X(CGI_X_FORWARDED_FOR, "HTTP_X_FORWARDED_FOR")                         \
	X(CGI_ACCEPT, "HTTP_ACCEPT")                                           \
	X(CGI_ACCEPT_LANGUAGE, "HTTP_ACCEPT_LANGUAGE")                         \
	X(CGI_X_REQUEST_ID, "HTTP_X_REQUEST_ID")                               \
	X(CGI_IDEMPOTENCY_KEY, "HTTP_IDEMPOTENCY_KEY")                         \
	X(CGI_ORIGIN, "HTTP_ORIGIN")                                           \
	X(CGI_SEC_FETCH_SITE, "HTTP_SEC_FETCH_SITE")                           \
	X(CGI_COOKIE, "HTTP_COOKIE")                                           \
	X(CGI_HTTPS, "HTTPS")

#define CGI_ENUM(name, text) name,
enum cgi_var { CGI_LIST(CGI_ENUM) CGI_COUNT };
#undef CGI_ENUM

/* Owned by whoever holds it, to be freed with free(). */
struct cgi {
	const char	*var[CGI_COUNT];	/* "" when absent */
	const char	*body;
	size_t		 body_len;
	bool		 body_over;	/* it was longer than is allowed */
};

#endif
