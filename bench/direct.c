/*
 * What a call costs at least with libcurl: a request that Causerie made, sent
 * again and again with the handle settings of chat/model/upstream.c, and the
 * answers discarded. Prints one line, as bench/chats does:
 *
 *	turns=N failed=N seconds=S cpu_us=N whole_p50_us=N ... late_p50_us=N ...
 *
 * cpu_us: this process's own, of all turns.
 */
#include <sys/epoll.h>
#include <sys/resource.h>

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "measure.h"

#define MAX_TURNS   10000000
#define MAX_REQUEST (1024 * 1024)
#define PATIENCE_MS 30000 /* without anything */
#define CONNECT_MS  5000L

struct call {
	CURL *easy;
	struct direct *direct;
	int64_t sent_us;
	bool whole; /* its last bytes came */
	struct curl_slist id;
	char id_line[64];
};

struct direct {
	/* from the command line */
	const char *url, *body_path;
	long turns, at_once, rate;

	int ep;
	CURLM *multi;
	int64_t timer; /* us when libcurl wants to be called; -1: not */
	struct curl_slist *headers;
	struct buf body;
	struct pace pace;
	struct call *calls;
	struct call **idle;
	long idle_count;

	long begun, done, failed;
	struct samples whole, late;
};

/*
 * What libcurl calls.
 */

static size_t
on_header(char *data, size_t size, size_t n, void *arg)
{
	(void)data;
	(void)arg;
	return size * n;
}

static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
	static const char last[] = "data: [DONE]\n\n";
	const size_t len = sizeof(last) - 1;
	struct call *call = arg;

	n *= size;
	call->whole = n >= len && memcmp(data + n - len, last, len) == 0;
	return n;
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
	struct direct *d = arg;
	struct epoll_event ev = { .data.fd = fd };

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(d->ep, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	ev.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) |
	            (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
	if (assigned == NULL)
		curl_multi_assign(d->multi, fd, d);
	return epoll_ctl(
	    d->ep, assigned == NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &ev);
}

static int
on_timer(CURLM *multi, long wait_ms, void *arg)
{
	struct direct *d = arg;

	(void)multi;
	d->timer = wait_ms < 0 ? -1 : clock_mono_us() + wait_ms * 1000;
	return 0;
}

/*
 * Calls.
 */

static CURL *
easy_new(const struct direct *d)
{
	CURL *easy;

	if ((easy = curl_easy_init()) == NULL)
		fail("curl_easy_init");
	curl_easy_setopt(easy, CURLOPT_URL, d->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "causerie/" PACKAGE_VERSION);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 2048L);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
	curl_easy_setopt(
	    easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 0L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	return easy;
}

static void
call_start(struct direct *d, int64_t now)
{
	struct call *call = d->idle[--d->idle_count];
	long number = d->begun++;

	call->sent_us = now;
	call->whole = false;
	snprintf(call->id_line, sizeof(call->id_line), "X-Request-Id: %016lx",
	    number);
	call->id = (struct curl_slist){ call->id_line, d->headers };
	curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, &call->id);
	curl_easy_setopt(
	    call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)d->body.len);
	curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, d->body.data);
	curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
	if (curl_multi_add_handle(d->multi, call->easy) != CURLM_OK)
		fail("curl_multi_add_handle");
	samples_add(&d->late, now - pace_due(&d->pace, number, now));
}

static void
calls_start(struct direct *d)
{
	int64_t now = clock_mono_us();

	while (d->begun < d->turns && d->idle_count > 0) {
		if (pace_due(&d->pace, d->begun, now) > now) {
			pace_arm(&d->pace, d->begun);
			return;
		}
		call_start(d, now);
		now = clock_mono_us();
	}
}

static void
call_done(struct direct *d, struct call *call, CURLcode code)
{
	long status = 0;

	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK || status != 200 || !call->whole)
		d->failed++;
	curl_multi_remove_handle(d->multi, call->easy);
	samples_add(&d->whole, clock_mono_us() - call->sent_us);
	d->idle[d->idle_count++] = call;
	d->done++;
}

static void
act(struct direct *d, curl_socket_t fd, int what)
{
	struct call *call;
	CURLMsg *msg;
	int n;

	curl_multi_socket_action(d->multi, fd, what, &n);
	while ((msg = curl_multi_info_read(d->multi, &n)) != NULL) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &call);
		call_done(d, call, msg->data.result);
	}
}

static int
patience(const struct direct *d)
{
	int64_t wait = d->timer - clock_mono_us();

	if (d->timer == -1)
		return PATIENCE_MS;
	return wait > 0 ? (int)((wait + 999) / 1000) : 0;
}

static void
direct_run(struct direct *d)
{
	struct epoll_event ev[64];
	int i, n;

	calls_start(d);
	while (d->done < d->turns) {
		if ((n = epoll_wait(d->ep, ev, 64, patience(d))) == -1)
			fail("epoll_wait");
		if (n == 0 && d->timer == -1) {
			fprintf(stderr, "direct: nothing came\n");
			exit(1);
		}
		for (i = 0; i < n; i++)
			if (ev[i].data.fd != d->pace.fd)
				act(d, ev[i].data.fd,
				    (ev[i].events & EPOLLIN ? CURL_CSELECT_IN
							    : 0) |
					(ev[i].events & EPOLLOUT
						? CURL_CSELECT_OUT
						: 0));
		if (d->timer != -1 && clock_mono_us() >= d->timer) {
			d->timer = -1;
			act(d, CURL_SOCKET_TIMEOUT, 0);
		}
		calls_start(d);
	}
}

/*
 * The program.
 */

static void
read_body(struct direct *d)
{
	FILE *f = fopen(d->body_path, "r");
	char *to;
	size_t n;

	if (f == NULL)
		fail(d->body_path);
	buf_init(&d->body, MAX_REQUEST);
	do {
		if ((to = buf_reserve(&d->body, 4096)) == NULL)
			fail(d->body_path);
		n = fread(to, 1, 4096, f);
		buf_commit(&d->body, n);
	} while (n > 0);
	fclose(f);
}

static void
add_header(struct direct *d, const char *line)
{
	if ((d->headers = curl_slist_append(d->headers, line)) == NULL)
		fail("headers");
}

static void
direct_open(struct direct *d)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	size_t n = (size_t)d->at_once;

	d->calls = calloc(n, sizeof(*d->calls));
	d->idle = calloc(n, sizeof(struct call *));
	d->ep = epoll_create1(EPOLL_CLOEXEC);
	if (d->calls == NULL || d->idle == NULL || d->ep == -1 ||
	    curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    (d->multi = curl_multi_init()) == NULL)
		fail("direct");
	curl_multi_setopt(d->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(d->multi, CURLMOPT_SOCKETDATA, d);
	curl_multi_setopt(d->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(d->multi, CURLMOPT_TIMERDATA, d);
	curl_multi_setopt(d->multi, CURLMOPT_MAXCONNECTS, 16384L);
	curl_multi_setopt(d->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, 1000L);
	add_header(d, "Content-Type: application/json");
	add_header(d, "Accept: text/event-stream");
	add_header(d, "Expect:");
	read_body(d);
	for (; d->idle_count < d->at_once; d->idle_count++) {
		d->calls[d->idle_count].easy = easy_new(d);
		d->idle[d->idle_count] = &d->calls[d->idle_count];
	}
	pace_open(&d->pace, d->rate);
	ev.data.fd = d->pace.fd;
	if (epoll_ctl(d->ep, EPOLL_CTL_ADD, d->pace.fd, &ev) == -1)
		fail("epoll_ctl");
}

static void
direct_close(struct direct *d)
{
	for (long i = 0; i < d->at_once; i++)
		curl_easy_cleanup(d->calls[i].easy);
	curl_multi_cleanup(d->multi);
	curl_slist_free_all(d->headers);
	curl_global_cleanup();
	buf_free(&d->body);
	samples_free(&d->whole);
	samples_free(&d->late);
	free(d->calls);
	free(d->idle);
	close(d->pace.fd);
	close(d->ep);
}

static int64_t
cpu_us(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000 +
	       ru.ru_utime.tv_usec + ru.ru_stime.tv_usec;
}

static bool
direct_options(struct direct *d, int argc, char *argv[])
{
	bool ok = true;
	int c;

	while (ok && (c = getopt(argc, argv, "n:c:r:")) != -1)
		ok = c == 'n'   ? number_read(&d->turns, optarg, 1, MAX_TURNS)
		     : c == 'c' ? number_read(&d->at_once, optarg, 1, 20000)
		     : c == 'r' ? number_read(&d->rate, optarg, 1, 1000000)
		                : false;
	if (!ok || argc - optind != 2)
		return false;
	d->url = argv[optind];
	d->body_path = argv[optind + 1];
	return true;
}

int
main(int argc, char *argv[])
{
	struct direct d = { .turns = 1, .at_once = 1000, .timer = -1 };
	int64_t cpu;
	long failed;

	if (!direct_options(&d, argc, argv)) {
		fprintf(stderr,
		    "usage: direct [-n turns] [-c at once] [-r turns/s] "
		    "URL BODY\nBODY: a file with the request's body\n");
		return 2;
	}
	direct_open(&d);
	cpu = cpu_us();
	direct_run(&d);
	cpu = cpu_us() - cpu;
	printf("turns=%ld failed=%ld seconds=%.3f cpu_us=%lld", d.done,
	    d.failed, (double)(clock_mono_us() - d.pace.start) / 1e6,
	    (long long)cpu);
	samples_print(&d.whole, "whole");
	samples_print(&d.late, "late");
	putchar('\n');
	failed = d.failed;
	direct_close(&d);
	return failed == 0 ? 0 : 1;
}
