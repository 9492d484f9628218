/*
 * Many visitors at once, as a web server passes them on: each asks the model
 * for words that only its own answer may hold. Prints one line:
 *
 *	turns=N complete=N wrong=N failed=N left=N stalled=N peak=N seconds=S
 *	whole_p50_us=N ... first_p50_us=N ... gap_p50_us=N ... late_p50_us=N ...
 *	left_us=T,T,...
 *
 * complete: every word came, once and in order; wrong: other words did. peak:
 * turns in flight at a time. whole, first: from the sending of the message to
 * the end of the answer and to its first word; gap: between two words; late:
 * by how much it was sent later than the rate demands. left_us: when each one
 * left, on the monotonic clock. Only visitors who read to the end count in
 * whole, first and gap.
 */
#include <sys/epoll.h>
#include <sys/socket.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "base/buf.h"
#include "base/clock.h"
#include "browser.h"
#include "measure.h"

#define MAX_TURNS   10000000
#define RECEIVE     8192
#define PATIENCE_MS 30000 /* without anything */
#define STALLED_BY  10    /* words that nobody reads: more, and sooner */

enum habit {
	READS,
	STALLS, /* reads nothing after the headers */
	LEAVES, /* closes after some words */
};

struct visitor {
	struct chats *chats;
	int fd; /* -1: none */
	enum habit habit;
	int64_t sent_us, piece_us;
	struct answer answer;
};

struct chats {
	/* from the command line */
	const char *path;
	bool stream, keep;
	long turns, at_once, rate, tokens, pace_ms, first_ms;
	long stalled_percent, leaving_percent, leave_after;

	int ep;
	struct pace pace;
	int64_t now; /* us, of what is being read */
	struct visitor *visitors;
	struct visitor **idle;
	long idle_count;
	struct buf request;

	long begun, complete, wrong, failed, stalled, in_flight, peak;
	struct samples whole, first, gap, late;
	int64_t *left_us;
	long left;
};

/*
 * Turns.
 */

static void
visitor_close(struct visitor *v)
{
	if (v->fd != -1)
		close(v->fd);
	v->fd = -1;
}

static void
visitor_open(struct chats *ch, struct visitor *v)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = v };

	v->fd = browser_connect(ch->path);
	if (epoll_ctl(ch->ep, EPOLL_CTL_ADD, v->fd, &ev) == -1)
		fail(ch->path);
}

static enum habit
turn_habit(const struct chats *ch, long number)
{
	if (number % 100 < ch->stalled_percent)
		return STALLS;
	return 99 - number % 100 < ch->leaving_percent ? LEAVES : READS;
}

static void
turn_write(struct chats *ch, const struct visitor *v)
{
	bool stalls = v->habit == STALLS;
	struct buf body;

	buf_init(&body, BROWSER_MAX_REQUEST);
	buf_addf(&body,
	    "{\"message\":\"Bonjour [[nonce=%s tokens=%ld pace=%ld "
	    "first=%ld]]\",\"stream\":%s}",
	    v->answer.nonce, v->answer.tokens,
	    stalls ? ch->pace_ms / STALLED_BY : ch->pace_ms, ch->first_ms,
	    ch->stream ? "true" : "false");
	buf_clear(&ch->request);
	browser_request(&ch->request, "POST", "/session/chat", &body, ch->keep);
	if (body.failed || ch->request.failed)
		fail("request");
	buf_free(&body);
}

static void
turn_start(struct chats *ch, int64_t now)
{
	struct visitor *v = ch->idle[--ch->idle_count];
	struct answer *a = &v->answer;
	long number = ch->begun++;

	v->habit = turn_habit(ch, number);
	v->sent_us = now;
	v->piece_us = 0;
	a->streamed = ch->stream;
	a->tokens = v->habit == STALLS ? ch->tokens * STALLED_BY : ch->tokens;
	snprintf(a->nonce, sizeof(a->nonce), "%lx-%lx", (long)getpid(), number);
	answer_begin(a);
	if (v->fd == -1)
		visitor_open(ch, v);
	turn_write(ch, v);
	if (send(v->fd, ch->request.data, ch->request.len, MSG_NOSIGNAL) !=
	    (ssize_t)ch->request.len)
		fail("send");
	samples_add(&ch->late, now - pace_due(&ch->pace, number, now));
	if (++ch->in_flight > ch->peak)
		ch->peak = ch->in_flight;
}

static void
turns_start(struct chats *ch)
{
	int64_t now = clock_mono_us();

	while (ch->begun < ch->turns && ch->idle_count > 0) {
		if (pace_due(&ch->pace, ch->begun, now) > now) {
			pace_arm(&ch->pace, ch->begun);
			return;
		}
		turn_start(ch, now);
		now = clock_mono_us();
	}
}

static void
turn_over(struct chats *ch, struct visitor *v, bool close_it)
{
	if (close_it || !ch->keep)
		visitor_close(v);
	ch->in_flight--;
	ch->idle[ch->idle_count++] = v;
}

static void
turn_leave(struct chats *ch, struct visitor *v)
{
	turn_over(ch, v, true);
	ch->left_us[ch->left++] = clock_mono_us();
}

static void
turn_stall(struct chats *ch, struct visitor *v)
{
	if (epoll_ctl(ch->ep, EPOLL_CTL_DEL, v->fd, NULL) == -1)
		fail("epoll_ctl");
	ch->stalled++;
}

static void
turn_end(struct chats *ch, struct visitor *v, bool broken, int64_t now)
{
	const struct answer *a = &v->answer;

	if (a->wrong)
		ch->wrong++;
	else if (a->whole && !broken)
		ch->complete++;
	else if (ch->failed++ == 0)
		fprintf(stderr, "chats: failed after %ld words: %.*s\n",
		    a->token, (int)a->text.len,
		    a->text.len > 0 ? a->text.data : "");
	if (v->habit == READS)
		samples_add(&ch->whole, now - v->sent_us);
	turn_over(ch, v, broken);
}

static void
visitor_piece(void *arg)
{
	struct visitor *v = arg;
	int64_t now = v->chats->now;

	if (v->habit == READS && v->piece_us == 0)
		samples_add(&v->chats->first, now - v->sent_us);
	else if (v->habit == READS)
		samples_add(&v->chats->gap, now - v->piece_us);
	v->piece_us = now;
}

static void
visitor_ready(struct chats *ch, struct visitor *v)
{
	struct answer *a = &v->answer;
	char *to = buf_reserve(&a->in, RECEIVE);
	ssize_t n;
	bool end;

	if (to == NULL)
		fail("answer");
	n = recv(v->fd, to, RECEIVE, MSG_DONTWAIT);
	ch->now = clock_mono_us();
	if (n <= 0) {
		turn_end(ch, v, true, ch->now);
		return;
	}
	buf_commit(&a->in, (size_t)n);
	end = answer_read(a, visitor_piece, v);
	if (a->text.failed)
		fail("answer");
	if (end)
		turn_end(ch, v, false, ch->now);
	else if (v->habit == STALLS && a->after_head)
		turn_stall(ch, v);
	else if (v->habit == LEAVES && a->token >= ch->leave_after)
		turn_leave(ch, v);
}

static void
chats_run(struct chats *ch)
{
	struct epoll_event ev[64];
	int i, n;

	turns_start(ch);
	while (ch->begun < ch->turns || ch->in_flight > ch->stalled) {
		if ((n = epoll_wait(ch->ep, ev, 64, PATIENCE_MS)) == -1)
			fail("epoll_wait");
		if (n == 0) {
			fprintf(stderr, "chats: nothing came\n");
			exit(1);
		}
		for (i = 0; i < n; i++)
			if (ev[i].data.ptr != NULL)
				visitor_ready(ch, ev[i].data.ptr);
		turns_start(ch);
	}
}

/*
 * The program.
 */

static void
chats_open(struct chats *ch)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	size_t n;

	if (ch->at_once == 0 || ch->at_once > ch->turns)
		ch->at_once = ch->turns;
	n = (size_t)ch->at_once;
	ch->visitors = calloc(n, sizeof(*ch->visitors));
	ch->idle = calloc(n, sizeof(struct visitor *));
	ch->left_us = calloc((size_t)ch->turns, sizeof(*ch->left_us));
	if (ch->visitors == NULL || ch->idle == NULL || ch->left_us == NULL ||
	    (ch->ep = epoll_create1(EPOLL_CLOEXEC)) == -1)
		fail("chats");
	for (; ch->idle_count < ch->at_once; ch->idle_count++) {
		struct visitor *v = &ch->visitors[ch->idle_count];

		v->chats = ch;
		v->fd = -1;
		answer_init(&v->answer);
		ch->idle[ch->idle_count] = v;
	}
	buf_init(&ch->request, BROWSER_MAX_REQUEST);
	pace_open(&ch->pace, ch->rate);
	if (epoll_ctl(ch->ep, EPOLL_CTL_ADD, ch->pace.fd, &ev) == -1)
		fail("epoll_ctl");
}

static void
chats_close(struct chats *ch)
{
	for (long i = 0; i < ch->at_once; i++) {
		visitor_close(&ch->visitors[i]);
		answer_free(&ch->visitors[i].answer);
	}
	samples_free(&ch->whole);
	samples_free(&ch->first);
	samples_free(&ch->gap);
	samples_free(&ch->late);
	buf_free(&ch->request);
	free(ch->visitors);
	free(ch->idle);
	free(ch->left_us);
	close(ch->pace.fd);
	close(ch->ep);
}

static void
chats_print(struct chats *ch)
{
	printf("turns=%ld complete=%ld wrong=%ld failed=%ld left=%ld "
	       "stalled=%ld peak=%ld seconds=%.3f",
	    ch->turns, ch->complete, ch->wrong, ch->failed, ch->left,
	    ch->stalled, ch->peak,
	    (double)(clock_mono_us() - ch->pace.start) / 1e6);
	samples_print(&ch->whole, "whole");
	samples_print(&ch->first, "first");
	samples_print(&ch->gap, "gap");
	samples_print(&ch->late, "late");
	printf(" left_us=");
	for (long i = 0; i < ch->left; i++)
		printf("%s%lld", i > 0 ? "," : "", (long long)ch->left_us[i]);
	putchar('\n');
}

static bool
chats_option(struct chats *ch, int c, const char *value)
{
	switch (c) {
	case 's':
		return ch->stream = true;
	case 'k':
		return ch->keep = true;
	case 'n':
		return number_read(&ch->turns, value, 1, MAX_TURNS);
	case 'c':
		return number_read(&ch->at_once, value, 1, MAX_TURNS);
	case 'r':
		return number_read(&ch->rate, value, 1, 1000000);
	case 't':
		return number_read(&ch->tokens, value, 1, 100000);
	case 'p':
		return number_read(&ch->pace_ms, value, 0, 60000);
	case 'f':
		return number_read(&ch->first_ms, value, 0, 60000);
	case 'S':
		return number_read(&ch->stalled_percent, value, 0, 50);
	case 'L':
		return number_read(&ch->leaving_percent, value, 0, 50);
	case 'a':
		return number_read(&ch->leave_after, value, 1, 100000);
	default:
		return false;
	}
}

static bool
chats_options(struct chats *ch, int argc, char *argv[])
{
	int c;

	while ((c = getopt(argc, argv, "skn:c:r:t:p:f:S:L:a:")) != -1)
		if (!chats_option(ch, c, optarg))
			return false;
	if (argc - optind != 1)
		return false;
	ch->path = argv[optind];
	return ch->stream ||
	       (ch->stalled_percent == 0 && ch->leaving_percent == 0);
}

int
main(int argc, char *argv[])
{
	struct chats ch = { .turns = 1, .tokens = 10, .leave_after = 5 };
	bool good;

	if (!chats_options(&ch, argc, argv)) {
		fprintf(stderr,
		    "usage: chats [-s] [-k] [-n turns] [-c at once] "
		    "[-r turns/s] [-t tokens] [-p pace ms]\n"
		    "    [-f first ms] [-S stalled %%] [-L leaving %% "
		    "[-a after tokens]] SOCKET\n"
		    "-s: streamed; -k: connections are kept\n");
		return 2;
	}
	chats_open(&ch);
	chats_run(&ch);
	chats_print(&ch);
	good = ch.complete + ch.left + ch.stalled == ch.turns;
	chats_close(&ch);
	return good ? 0 : 1;
}
