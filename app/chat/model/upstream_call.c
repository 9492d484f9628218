/* A call, from its handle to its end. */
#include "chat/model/upstream_state.h"

#include <stdlib.h>

/*
 * What libcurl calls.
 */

static size_t
on_header(char *data, size_t size, size_t n, void *arg)
{
	struct upstream_call *call = arg;

	(void)data;
	call->header_bytes += size * n;
	if (call->header_bytes <= UPSTREAM_MAX_HEADERS)
		return size * n;
	call->too_large = true;
	return 0;
}

/* The connection stands: from here on libcurl's figures are this call's. */
static int
on_ready(void *arg, char *peer, char *self, int peer_port, int port)
{
	struct upstream_call *call = arg;

	(void)peer;
	(void)self;
	(void)peer_port;
	(void)port;
	call->ready = true;
	return CURL_PREREQFUNC_OK;
}

static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
	struct upstream_call *call = arg;
	long status = 0;

	call->body_bytes += size * n;
	if (call->body_bytes > UPSTREAM_MAX_BODY) {
		call->too_large = true;
		return 0;
	}
	if (call->events == NULL)
		return 0;
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	if (!call->events->body(call->arg, (int)status, data, size * n))
		return 0;
	return size * n;
}

/*
 * Handles.
 */

static CURL *
easy_new(struct upstream *up)
{
	CURL *easy = upstream_easy_new(&up->conf, up->url);

	if (easy == NULL)
		return NULL;
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_ready);
	curl_loop_adopt(&up->sockets, easy);
	return easy;
}

CURL *
upstream_easy_take(struct upstream *up)
{
	if (up->idle_count > 0)
		return up->idle[--up->idle_count];
	return easy_new(up);
}

static void
easy_give(struct upstream *up, CURL *easy)
{
	if (up->idle_count == UPSTREAM_MAX_IDLE) {
		curl_easy_cleanup(easy);
		return;
	}
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(easy, CURLOPT_RESOLVE, NULL);
	up->idle[up->idle_count++] = easy;
}

void
upstream_call_list(struct upstream *up, struct upstream_call *call)
{
	list_add_last(&up->calls, &call->node);
	up->count++;
}

static void
call_unlist(struct upstream *up, struct upstream_call *call)
{
	list_remove(&call->node);
	up->count--;
}

void
upstream_call_wait(struct upstream_call *call)
{
	struct upstream *up = call->up;

	call->waits = true;
	up->waiting++;
	loop_timer(up->loop, &call->patience,
	    loop_now(up->loop) + up->conf.connect_ms);
}

void
upstream_call_wait_no_more(struct upstream_call *call)
{
	if (!call->waits)
		return;
	call->waits = false;
	call->up->waiting--;
	loop_untimer(call->up->loop, &call->patience);
}

void
upstream_call_free(struct upstream_call *call)
{
	upstream_call_wait_no_more(call);
	call_unlist(call->up, call);
	curl_multi_remove_handle(call->up->multi, call->easy);
	easy_give(call->up, call->easy);
	free(call->resolve.data);
	free(call);
}

/*
 * The end of calls.
 */

/* An HTTP proxy's answer to CONNECT. */
static bool
proxy_refuses(const struct upstream_call *call)
{
	long status = 0;

	curl_easy_getinfo(call->easy, CURLINFO_HTTP_CONNECTCODE, &status);
	return status >= 300;
}

static enum upstream_end
call_outcome(const struct upstream_call *call, CURLcode code)
{
	if (call->too_large)
		return UPSTREAM_TOO_LARGE;
	switch (code) {
	case CURLE_OK:
		return UPSTREAM_OK;
	case CURLE_OUT_OF_MEMORY:
	case CURLE_URL_MALFORMAT: /* which was parsed before: a copy failed */
		return UPSTREAM_NOMEM;
	case CURLE_OPERATION_TIMEDOUT:
		return UPSTREAM_TIMEOUT;
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_PROXY:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
		return UPSTREAM_REFUSED;
	default:
		return proxy_refuses(call) ? UPSTREAM_REFUSED : UPSTREAM_BROKEN;
	}
}

static void
read_reply(struct upstream_reply *reply, CURL *easy)
{
	curl_off_t after = 0;
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &after);
	if (after > UPSTREAM_MAX_RETRY_AFTER)
		after = UPSTREAM_MAX_RETRY_AFTER;
	reply->status = (int)status;
	if (after > 0)
		reply->retry_after = (int64_t)after;
}

void
upstream_call_done(struct upstream_call *call, CURLcode code)
{
	const struct upstream_events *events = call->events;
	struct upstream_reply reply = {
		.end = call_outcome(call, code),
		.retry_after = -1,
		.sent = upstream_has_sent(call),
		.why = curl_easy_strerror(code),
	};
	void *arg = call->arg;

	if (events == NULL)
		return;
	if (call->ready)
		read_reply(&reply, call->easy);
	if (!call->waits && call->version != 0)
		call->up->version = call->version;
	upstream_call_free(call);
	events->end(arg, &reply);
}

bool
upstream_has_sent(const struct upstream_call *call)
{
	curl_off_t sent = 0;

	if (!call->ready)
		return false;
	curl_easy_getinfo(call->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	return sent >= (curl_off_t)call->request_bytes;
}
