/*
 * An upstream and its calls from inside: for upstream.c and upstream_call.c
 * only.
 */
#ifndef CHAT_MODEL_UPSTREAM_STATE_H
#define CHAT_MODEL_UPSTREAM_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>

#include "base/list.h"
#include "chat/model/curl_loop.h"
#include "chat/model/resolver.h"
#include "chat/model/upstream.h"
#include "chat/model/upstream_easy.h"
#include "loop/loop.h"

#define UPSTREAM_MAX_IDLE 256	/* handles kept for the next calls */

struct upstream_call {
	struct upstream *up;
	CURL *easy;
	const struct upstream_events *events; /* NULL: cancelled */
	void *arg;
	struct list node;
	struct upstream_call *doomed; /* the next one */
	struct curl_slist id; /* stands before the common ones */
	char id_line[96];
	size_t header_bytes;
	size_t body_bytes;
	bool too_large;
	bool waits; /* for the host's address */
	bool ready; /* connected */
	size_t request_bytes;
	struct timer patience;     /* of the wait */
	struct curl_slist resolve; /* what libcurl is told of the host */
	unsigned version;          /* of that; 0: nothing */
};

struct upstream {
	struct upstream_conf conf;
	struct loop *loop;
	CURLM *multi; /* NULL: it was lost, the next call opens it */
	struct curl_loop sockets;
	struct upstream_peer peer;
	struct resolver resolver;
	unsigned version;           /* of the addresses that libcurl knows */
	unsigned waiting;           /* calls */
	CURLU *url;                 /* of all calls */
	struct curl_slist *headers; /* likewise */
	struct list calls;          /* oldest first */
	unsigned count;
	struct upstream_call *doomed; /* cancelled inside libcurl */
	CURL *idle[UPSTREAM_MAX_IDLE];
	unsigned idle_count;
};

/* A handle that is set up, an idle one if there is one. NULL without memory. */
CURL *upstream_easy_take(struct upstream *);

void upstream_call_list(struct upstream *, struct upstream_call *);

/* Wait for the host's address, up to the time for a connection. */
void upstream_call_wait(struct upstream_call *);
void upstream_call_wait_no_more(struct upstream_call *);

/* It is over: it is gone, and told of unless it was cancelled. */
void upstream_call_done(struct upstream_call *, CURLcode);

/* It is gone, and nobody is told. */
void upstream_call_free(struct upstream_call *);

#endif
