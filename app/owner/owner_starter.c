/*
 * Many of these may start at the same instant. The one that gets the lock
 * starts the owner; the others try again a little later, until there is one.
 */
#include "owner/owner_starter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "owner/owner_call.h"
#include "owner/owner_patience.h"
#include "owner/owner_waiter.h"

#define NAP_MIN_MS  2
#define NAP_MAX_MS  50
#define REST_MAX_MS 2000 /* between births that came to nothing */

enum ready { READY_GONE = 0, READY_SERVES = 'R', READY_AGAIN = 'A' };

struct starter {
	const struct owner_dir *od;
	const struct wire_hello *self;
	struct owner_starter_birth *birth;
	int listener;
	int next; /* the right to follow, or -1 */
	int64_t nap_ms;
	int64_t rest_ms;
	int64_t end; /* of its patience */
	struct err *err;
};

enum outcome { AGAIN, BORN, FAILED };

static enum outcome starter_fail(struct starter *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

static enum outcome
starter_fail(struct starter *st, const char *fmt, ...)
{
	const struct err_place at = { "owner", NULL, 0 };
	va_list ap;

	va_start(ap, fmt);
	err_vput(st->err, at, fmt, ap);
	va_end(ap);
	return FAILED;
}

static void
close_next(struct starter *st)
{
	if (st->next != -1)
		close(st->next);
	st->next = -1;
}

/* Each time twice as long. */
static enum outcome
pause_for(struct starter *st, int64_t *ms, int64_t most)
{
	struct timespec ts = { *ms / 1000, *ms % 1000 * 1000000 };

	close_next(st);
	nanosleep(&ts, NULL);
	*ms = *ms * 2 > most ? most : *ms * 2;
	return AGAIN;
}

static enum outcome
starter_nap(struct starter *st)
{
	return pause_for(st, &st->nap_ms, NAP_MAX_MS);
}

/* Each try to follow holds up whom the living owner serves. */
static enum outcome
rest(struct starter *st)
{
	return pause_for(st, &st->rest_ms, REST_MAX_MS);
}

/*
 * A new owner.
 */

static void
null_to(int fd, int flags)
{
	int null = open("/dev/null", flags | O_CLOEXEC);

	if (null != -1 && null != fd) {
		dup2(null, fd);
		close(null);
	}
}

/* Close all but these three, which may be -1, from the lowest on. */
static void
close_others(const int keep[3])
{
	int at = STDERR_FILENO + 1, next;

	do {
		next = INT_MAX;
		for (int i = 0; i < 3; i++)
			if (keep[i] >= at && keep[i] < next)
				next = keep[i];
		if (next > at)
			close_range((unsigned)at, (unsigned)next - 1, 0);
		at = next == INT_MAX ? next : next + 1;
	} while (next != INT_MAX);
}

/* In the new process: nobody's child, without anything of the web server's. */
static void
detach(const struct starter *st, int lock)
{
	const int keep[3] = { st->od->fd, lock, st->birth->ready };

	setsid();
	if (fork() != 0)
		_exit(0);
	null_to(STDIN_FILENO, O_RDONLY);
	null_to(STDOUT_FILENO, O_WRONLY);
	close_others(keep);
}

/* How the new owner fares. */
static enum ready
await_ready(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char byte = READY_GONE;
	int n;

	do {
		n = poll(&pfd, 1, owner_patience(PATIENCE_START));
	} while (n == -1 && errno == EINTR);
	if (n != 1 || read(fd, &byte, 1) != 1)
		byte = READY_GONE;
	close(fd);
	return (enum ready)byte;
}

static enum outcome
give_birth(struct starter *st, int lock, bool follows)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) == -1 || (child = fork()) == -1) {
		close(lock);
		return starter_fail(st, "%s", strerror(errno));
	}
	if (child == 0) {
		*st->birth = (struct owner_starter_birth){ follows ? -1 : lock,
			follows ? lock : -1, ends[1] };
		detach(st, lock);
		return BORN;
	}
	close(lock);
	close(ends[1]);
	waitpid(child, NULL, 0);
	switch (await_ready(ends[0])) {
	case READY_SERVES:
		return AGAIN;
	case READY_AGAIN:
		return rest(st);
	default:
		return starter_fail(st, "it did not start");
	}
}

/* Nobody owns, unless another process is about to. */
static enum outcome
elect(struct starter *st)
{
	int lock;

	switch (owner_dir_lock(st->od, OWNER_LOCK, &lock, st->err)) {
	case OWNER_LOCKED:
		return give_birth(st, lock, false);
	case OWNER_TAKEN:
		return starter_nap(st);
	default:
		return FAILED;
	}
}

/*
 * The owner is another program's. The one with the right to follow asks again:
 * it may have been followed meanwhile.
 */
static enum outcome
follow(struct starter *st)
{
	int next = st->next;

	if (next != -1) {
		st->next = -1;
		return give_birth(st, next, true);
	}
	switch (owner_dir_lock(st->od, OWNER_NEXT, &st->next, st->err)) {
	case OWNER_LOCKED:
		return AGAIN;
	case OWNER_TAKEN:
		return starter_nap(st);
	default:
		return FAILED;
	}
}

/*
 * An owner that is there.
 */

static enum outcome
refused(struct starter *st, struct buf *why)
{
	const char *text = buf_string(why);

	return starter_fail(st, "%s", text == NULL ? "refused" : text);
}

_Noreturn static void
accepted(struct starter *st, int sock)
{
	close_next(st);
	close(st->listener);
	null_to(STDIN_FILENO, O_RDONLY);
	owner_waiter_wait(sock);
}

static enum outcome
greet(struct starter *st, int sock)
{
	enum wire_type answer = WIRE_NONE;
	enum outcome out;
	struct buf text;

	buf_init(&text, WIRE_MAX_STATUS);
	if (owner_ask(sock, WIRE_LISTEN, st->self, st->listener))
		answer = owner_answer(
		    sock, owner_patience(PATIENCE_ANSWER), &text);
	if (answer == WIRE_ACCEPTED)
		accepted(st, sock);
	close(sock);
	if (answer == WIRE_DIFFERS)
		out = follow(st);
	else if (answer == WIRE_REFUSED)
		out = refused(st, &text);
	else
		out = starter_nap(st);
	buf_free(&text);
	return out;
}

static enum outcome
starter_find(struct starter *st)
{
	int sock = owner_dir_connect(st->od, st->err);

	if (sock != -1)
		return greet(st, sock);
	if (err_is_set(st->err))
		return FAILED;
	return elect(st);
}

/* Whether to go on at all. */
static bool
is_patient(struct starter *st)
{
	int64_t now = clock_mono_ms();
	int64_t told = now + owner_patience(PATIENCE_TOLD);

	if (owner_waiter_is_told() && st->end > told)
		st->end = told;
	return now < st->end;
}

enum owner_starter_end
owner_starter_run(const struct owner_dir *od, const struct wire_hello *self,
    int listener, struct owner_starter_birth *birth, struct err *err)
{
	struct starter st = { .od = od,
		.self = self,
		.birth = birth,
		.listener = listener,
		.next = -1,
		.nap_ms = NAP_MIN_MS,
		.rest_ms = NAP_MIN_MS,
		.end = clock_mono_ms() + owner_patience(PATIENCE_START),
		.err = err };
	enum outcome out = AGAIN;

	*birth = (struct owner_starter_birth){ -1, -1, -1 };
	while (out == AGAIN && is_patient(&st))
		out = starter_find(&st);
	if (out == BORN)
		return OWNER_STARTER_OWNER;
	close_next(&st);
	close(listener);
	if (out == AGAIN)
		starter_fail(&st, "no owner answers");
	return OWNER_STARTER_FAILED;
}

/*
 * What the new owner says.
 */

static void
starter_tell(struct owner_starter_birth *birth, enum ready what)
{
	const char byte = (char)what;

	if (birth->next != -1)
		close(birth->next);
	while (write(birth->ready, &byte, 1) == -1 && errno == EINTR)
		;
	close(birth->ready);
	birth->next = birth->ready = -1;
}

void
owner_starter_ready(struct owner_starter_birth *birth)
{
	null_to(STDERR_FILENO, O_WRONLY);
	starter_tell(birth, READY_SERVES);
}

void
owner_starter_again(struct owner_starter_birth *birth)
{
	starter_tell(birth, READY_AGAIN);
}
