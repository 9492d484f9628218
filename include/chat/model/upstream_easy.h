/*
 * How the calls of an upstream are set up in libcurl: locked down, and on their
 * way through a proxy if there is one. For upstream.c only.
 */
#ifndef CHAT_MODEL_UPSTREAM_EASY_H
#define CHAT_MODEL_UPSTREAM_EASY_H

#include <stdbool.h>

#include <curl/curl.h>

#include "chat/model/upstream.h"

#define UPSTREAM_MAX_HOST 256

/* Whom connections are made to. */
struct upstream_peer {
	char	host[UPSTREAM_MAX_HOST];	/* "": an address, no name */
	long	port;
};

/* The proxy, or the server itself. False without memory. */
bool upstream_peer_of(struct upstream_peer *, const struct upstream_conf *);

/*
 * The server's URL, parsed once for all calls, to be freed with
 * curl_url_cleanup after the last handle. NULL without memory.
 */
CURLU *upstream_url_new(const struct upstream_conf *);

/* NULL without memory. The configuration and the URL outlive it. */
CURL *upstream_easy_new(const struct upstream_conf *, CURLU *url);

/*
 * The headers of all calls, to be freed with upstream_headers_free. NULL
 * without memory.
 */
struct curl_slist *upstream_headers_new(const struct upstream_conf *);

/* They are overwritten first: some are secret. NULL is allowed. */
void upstream_headers_free(struct curl_slist *);

#endif
