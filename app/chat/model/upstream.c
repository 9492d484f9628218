/*
 * An easy handle is set up once and used again and again: setting one up costs
 * more than a short call.
 */
#include "chat/model/upstream.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "chat/model/curl_loop.h"
#include "log/log.h"

#define MAX_IDLE_HANDLES 256    /* kept for the next calls */
#define MAX_CONNECTIONS  16384L /* kept open by libcurl */
#define MAX_STREAMS      1000L  /* of HTTP/2 on one connection */
#define RECEIVE_BYTES    2048L  /* libcurl's buffer, one per call */
#define SEND_BYTES       16384L /* likewise, over TLS; its least */

#define ID_HEADER "X-Request-Id: "

struct upstream_call {
	struct upstream *up;
	CURL *easy;
	const struct upstream_events *events; /* NULL: cancelled */
	void *arg;
	struct upstream_call *prev, *next, *doomed;
	struct curl_slist id; /* stands before the common ones */
	char id_line[96];
	size_t header_bytes;
	size_t body_bytes;
	bool too_large;
	size_t request_bytes;
};

struct upstream {
	struct upstream_conf conf;
	struct loop *loop;
	CURLM *multi; /* NULL: it was lost, the next call opens it */
	struct curl_loop sockets;
	struct curl_slist *headers;         /* common to all calls */
	struct upstream_call *first, *last; /* all calls, new ones first */
	unsigned count;
	struct upstream_call *doomed; /* cancelled inside libcurl */
	CURL *idle[MAX_IDLE_HANDLES];
	unsigned idle_count;
};

bool
upstream_init(void)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

void
upstream_cleanup(void)
{
	curl_global_cleanup();
}

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

/* What libcurl copies, and so may have no memory for. */
static bool
easy_name(CURL *easy, const char *url)
{
	static const char agent[] = "causerie/" PACKAGE_VERSION;

	return curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") ==
	           CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_USERAGENT, agent) == CURLE_OK;
}

static CURL *
easy_new(struct upstream *up)
{
	CURL *easy;

	if ((easy = curl_easy_init()) == NULL)
		return NULL;
	if (!easy_name(easy, up->conf.url)) {
		curl_easy_cleanup(easy);
		return NULL;
	}
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_BYTES);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, SEND_BYTES);
	curl_easy_setopt(
	    easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	/* over plain HTTP a call would wait for another's whole answer */
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT,
	    strncmp(up->conf.url, "https:", 6) == 0 ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(
	    easy, CURLOPT_CONNECTTIMEOUT_MS, (long)up->conf.connect_ms);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_loop_adopt(&up->sockets, easy);
	return easy;
}

static CURL *
easy_take(struct upstream *up)
{
	if (up->idle_count > 0)
		return up->idle[--up->idle_count];
	return easy_new(up);
}

static void
easy_give(struct upstream *up, CURL *easy)
{
	if (up->idle_count == MAX_IDLE_HANDLES) {
		curl_easy_cleanup(easy);
		return;
	}
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
	up->idle[up->idle_count++] = easy;
}

static void
call_list(struct upstream *up, struct upstream_call *call)
{
	if ((call->next = up->first) != NULL)
		call->next->prev = call;
	else
		up->last = call;
	up->first = call;
	up->count++;
}

static void
call_unlist(struct upstream *up, struct upstream_call *call)
{
	*(call->prev != NULL ? &call->prev->next : &up->first) = call->next;
	*(call->next != NULL ? &call->next->prev : &up->last) = call->prev;
	up->count--;
}

static void
call_free(struct upstream_call *call)
{
	call_unlist(call->up, call);
	curl_multi_remove_handle(call->up->multi, call->easy);
	easy_give(call->up, call->easy);
	free(call);
}

/*
 * The end of calls.
 */

static enum upstream_end
call_outcome(const struct upstream_call *call, CURLcode code)
{
	if (call->too_large)
		return UPSTREAM_TOO_LARGE;
	switch (code) {
	case CURLE_OK:
		return UPSTREAM_OK;
	case CURLE_OUT_OF_MEMORY:
		return UPSTREAM_NOMEM;
	case CURLE_OPERATION_TIMEDOUT:
		return UPSTREAM_TIMEOUT;
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
		return UPSTREAM_REFUSED;
	default:
		return UPSTREAM_BROKEN;
	}
}

static void
call_done(struct upstream_call *call, CURLcode code)
{
	const struct upstream_events *events = call->events;
	enum upstream_end end = call_outcome(call, code);
	curl_off_t retry_after = 0;
	void *arg = call->arg;
	long status = 0;

	if (events == NULL)
		return;
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after);
	call_free(call);
	if (retry_after > UPSTREAM_MAX_RETRY_AFTER)
		retry_after = UPSTREAM_MAX_RETRY_AFTER;
	events->end(arg, end, (int)status,
	    retry_after > 0 ? (int64_t)retry_after : -1,
	    curl_easy_strerror(code));
}

static void
multi_close(struct upstream *up)
{
	struct upstream_call *call;

	if (up->multi == NULL)
		return;
	for (call = up->first; call != NULL; call = call->next)
		curl_multi_remove_handle(up->multi, call->easy);
	curl_multi_cleanup(up->multi);
	curl_loop_close(&up->sockets);
	up->multi = NULL;
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
	for (; left > 0 && up->last != NULL; left--)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): unlisted */
		call_done(up->last, CURLE_OUT_OF_MEMORY);
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
		call_done(call, msg->data.result);
	}
	while ((call = up->doomed) != NULL) {
		up->doomed = call->doomed;
		call_free(call);
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
 * The interface.
 */

static bool
headers_add(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (longer == NULL)
		return false;
	*list = longer;
	return true;
}

static bool
headers_init(struct upstream *up)
{
	struct buf line;
	bool ok = headers_add(&up->headers, "Content-Type: application/json") &&
	          headers_add(&up->headers, "Accept: text/event-stream") &&
	          headers_add(&up->headers, "Expect:");

	if (!ok || up->conf.key == NULL)
		return ok;
	buf_init(&line, 16 * 1024);
	buf_adds(&line, "Authorization: Bearer ");
	buf_adds(&line, up->conf.key);
	ok = buf_string(&line) != NULL && headers_add(&up->headers, line.data);
	buf_wipe(&line);
	return ok;
}

struct upstream *
upstream_open(struct loop *loop, const struct upstream_conf *conf)
{
	struct upstream *up;

	if ((up = calloc(1, sizeof(*up))) == NULL)
		return NULL;
	up->conf = *conf;
	up->loop = loop;
	if (!multi_open(up) || !headers_init(up)) {
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
	while (up->idle_count > 0)
		curl_easy_cleanup(up->idle[--up->idle_count]);
	multi_close(up);
	curl_slist_free_all(up->headers);
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
	if ((call->easy = easy_take(up)) == NULL) {
		free(call);
		return NULL;
	}
	call->up = up;
	call_list(up, call);
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
	curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
	if (curl_multi_add_handle(up->multi, call->easy) != CURLM_OK) {
		call_free(call);
		return NULL;
	}
	return call;
}

bool
upstream_has_sent(const struct upstream_call *call)
{
	curl_off_t sent = 0;

	curl_easy_getinfo(call->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	return sent >= (curl_off_t)call->request_bytes;
}

void
upstream_cancel(struct upstream_call *call)
{
	struct upstream *up = call->up;

	call->events = NULL;
	if (!up->sockets.inside) {
		call_free(call);
		return;
	}
	call->doomed = up->doomed;
	up->doomed = call;
}
