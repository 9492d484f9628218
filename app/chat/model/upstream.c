/*
 * An easy handle is set up once and used again and again: setting one up costs
 * more than a short call. A call to a host whose address is not known yet stays
 * out of libcurl until it is, or until its time is up: libcurl itself would
 * look up a name with a thread and descriptors for each call.
 */
#include "chat/model/upstream.h"

#include <curl/curl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/must.h"
#include "chat/model/curl_loop.h"
#include "chat/model/resolver.h"
#include "chat/model/upstream_easy.h"
#include "chat/model/upstream_state.h"
#include "log/log.h"

#define MAX_CONNECTIONS 16384L /* kept open by libcurl */
#define MAX_STREAMS     1000L  /* of HTTP/2 on one connection */
#define MAX_RESOLVE     (sizeof(((struct resolver *)0)->addresses) + 300)

#define ID_HEADER "X-Request-Id: "

/*
 * libcurl's memory: what it frees held a visitor's words, an answer or the key,
 * and is overwritten.
 */

static void
wiping_free(void *p)
{
	if (p != NULL)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

static void *
wiping_realloc(void *p, size_t n)
{
	size_t had = p == NULL ? 0 : malloc_usable_size(p);
	void *fresh;

	if (n > 0 && n <= had)
		return p;
	if ((fresh = malloc(n)) == NULL)
		return NULL;
	if (p != NULL)
		memcpy(fresh, p, had < n ? had : n);
	wiping_free(p);
	return fresh;
}

bool
upstream_init(void)
{
	return curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free,
		   wiping_realloc, strdup, calloc) == CURLE_OK;
}

void
upstream_cleanup(void)
{
	curl_global_cleanup();
}

static struct upstream_call *
call_of(struct list *node)
{
	return container_of(node, struct upstream_call, node);
}

static void
multi_close(struct upstream *up)
{
	struct list *node, *next;

	if (up->multi == NULL)
		return;
	LIST_EACH(node, next, &up->calls)
		curl_multi_remove_handle(up->multi, call_of(node)->easy);
	curl_multi_cleanup(up->multi);
	curl_loop_close(&up->sockets);
	up->multi = NULL;
	up->version = 0;
}

/*
 * Without memory or a watch, libcurl loses track of a transfer and does not say
 * of which; it may also keep a part of itself that it crashes on (7.88.1, an
 * entry of its sockets whose transfers are gone). So all of them end with the
 * handle, and the next call gets a new one.
 */
static void
upstream_give_up(struct upstream *up)
{
	unsigned left = up->count;

	log_error(
	    "upstream", LOG_STR("lost", "memory"), LOG_INT("calls", left));
	multi_close(up);
	for (; left > 0 && !list_is_empty(&up->calls); left--)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): unlisted */
		upstream_call_done(
		    call_of(up->calls.next), CURLE_OUT_OF_MEMORY);
}

/* libcurl was at work: what has ended? */
static void
upstream_reap(void *arg, bool ok)
{
	struct upstream *up = arg;
	struct upstream_call *call;
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(up->multi, &left)) != NULL) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &call);
		upstream_call_done(call, msg->data.result);
	}
	while ((call = up->doomed) != NULL) {
		up->doomed = call->doomed;
		upstream_call_free(call);
	}
	if (!ok)
		upstream_give_up(up);
}

static bool
multi_open(struct upstream *up)
{
	if ((up->multi = curl_multi_init()) == NULL)
		return false;
	curl_loop_open(&up->sockets, up->loop, up->multi, upstream_reap, up);
	curl_multi_setopt(up->multi, CURLMOPT_MAXCONNECTS, MAX_CONNECTIONS);
	curl_multi_setopt(
	    up->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, MAX_STREAMS);
	return true;
}

/*
 * The host's address.
 */

/* libcurl keeps what one call tells it; until then, each one does. */
static bool
call_tell_address(struct upstream_call *call)
{
	const struct upstream *up = call->up;
	const struct resolver *r = &up->resolver;
	struct buf line;

	if (*up->peer.host == '\0' || r->version == up->version)
		return true;
	buf_init(&line, MAX_RESOLVE);
	buf_addf(
	    &line, "%s:%ld:%s", up->peer.host, up->peer.port, r->addresses);
	if (buf_string(&line) == NULL) {
		buf_free(&line);
		return false;
	}
	call->version = r->version;
	call->resolve.data = line.data;
	curl_easy_setopt(call->easy, CURLOPT_RESOLVE, &call->resolve);
	return true;
}

static bool
call_begin(struct upstream_call *call)
{
	upstream_call_wait_no_more(call);
	return call_tell_address(call) &&
	       curl_multi_add_handle(call->up->multi, call->easy) == CURLM_OK;
}

static void
call_impatient(struct timer *timer, void *arg)
{
	(void)timer;
	upstream_call_done(arg, CURLE_OPERATION_TIMEDOUT);
}

static struct upstream_call *
oldest_waiting(const struct upstream *up)
{
	struct list *node, *next;

	LIST_EACH(node, next, &up->calls)
		if (call_of(node)->waits)
			return call_of(node);
	return NULL;
}

/* Those who begin to wait meanwhile are not of this one's. */
static void
upstream_resolved(void *arg, bool ok)
{
	struct upstream *up = arg;
	unsigned left = up->waiting;
	struct upstream_call *call;

	for (; left > 0 && (call = oldest_waiting(up)) != NULL; left--) {
		if (!ok)
			upstream_call_done(call, CURLE_COULDNT_RESOLVE_HOST);
		else if (!call_begin(call))
			upstream_call_done(call, CURLE_OUT_OF_MEMORY);
	}
}

/* Begin it, or let it wait. */
static bool
call_go(struct upstream_call *call)
{
	struct upstream *up = call->up;

	if (*up->peer.host != '\0') {
		if (!resolver_ask(&up->resolver))
			return false;
		if (up->resolver.version == 0) {
			upstream_call_wait(call);
			return true;
		}
	}
	return call_begin(call);
}

/*
 * The interface.
 */

struct upstream *
upstream_open(struct loop *loop, const struct upstream_conf *conf)
{
	struct upstream *up;

	if ((up = calloc(1, sizeof(*up))) == NULL)
		return NULL;
	up->conf = *conf;
	up->loop = loop;
	list_init(&up->calls);
	resolver_init(
	    &up->resolver, loop, up->peer.host, upstream_resolved, up);
	up->url = upstream_url_new(conf);
	up->headers = upstream_headers_new(conf);
	if (up->url == NULL || up->headers == NULL ||
	    !upstream_peer_of(&up->peer, conf) || !multi_open(up)) {
		log_error("memory", LOG_STR("for", "upstream"));
		upstream_close(up);
		return NULL;
	}
	return up;
}

void
upstream_close(struct upstream *up)
{
	if (up == NULL)
		return;
	must(!up->sockets.inside);
	while (up->idle_count > 0)
		curl_easy_cleanup(up->idle[--up->idle_count]);
	multi_close(up);
	resolver_close(&up->resolver);
	upstream_headers_free(up->headers);
	curl_url_cleanup(up->url);
	free(up);
}

struct upstream_call *
upstream_start(struct upstream *up, const void *body, size_t n,
    const char *request_id, const struct upstream_events *events, void *arg)
{
	struct upstream_call *call;

	if ((up->multi == NULL && !multi_open(up)) ||
	    (call = calloc(1, sizeof(*call))) == NULL)
		return NULL;
	if ((call->easy = upstream_easy_take(up)) == NULL) {
		free(call);
		return NULL;
	}
	call->up = up;
	upstream_call_list(up, call);
	timer_init(&call->patience, call_impatient, call);
	call->events = events;
	call->arg = arg;
	call->request_bytes = n;
	memcpy(call->id_line, ID_HEADER, sizeof(ID_HEADER));
	memccpy(call->id_line + sizeof(ID_HEADER) - 1, request_id, '\0',
	    sizeof(call->id_line) - sizeof(ID_HEADER));
	call->id.data = call->id_line;
	call->id.next = up->headers;
	curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, &call->id);
	curl_easy_setopt(
	    call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n);
	curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(call->easy, CURLOPT_HEADERDATA, call);
	curl_easy_setopt(call->easy, CURLOPT_PREREQDATA, call);
	curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
	if (!call_go(call)) {
		upstream_call_free(call);
		return NULL;
	}
	return call;
}

void
upstream_cancel(struct upstream_call *call)
{
	struct upstream *up = call->up;

	call->events = NULL;
	if (!up->sockets.inside) {
		upstream_call_free(call);
		return;
	}
	call->doomed = up->doomed;
	up->doomed = call;
}
