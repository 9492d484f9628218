/*
 * An upstream that is down is left alone: the visitor hears so at once instead
 * of after every time-out, and it gets the quiet to recover.
 */
#include "chat/model/breaker.h"

#include <string.h>

#define CALLS_MASK ((1u << BREAKER_CALLS) - 1)

void
breaker_init(struct breaker *b)
{
	memset(b, 0, sizeof(*b));
	pthread_mutex_init(&b->mtx, NULL);
}

void
breaker_destroy(struct breaker *b)
{
	pthread_mutex_destroy(&b->mtx);
}

static enum breaker_pass
look_locked(const struct breaker *b, int64_t now, int64_t *retry_ms)
{
	*retry_ms = 0;
	if (b->open_until == 0)
		return BREAKER_CALL;
	if (!b->trying && now >= b->open_until)
		return BREAKER_TRIAL;
	*retry_ms = b->open_until > now ? b->open_until - now : 1;
	return BREAKER_REFUSED;
}

static void
open_locked(struct breaker *b, int64_t now)
{
	b->open_ms = b->open_ms == 0 ? BREAKER_FIRST_MS : b->open_ms * 2;
	if (b->open_ms > BREAKER_LAST_MS)
		b->open_ms = BREAKER_LAST_MS;
	b->open_until = now + b->open_ms;
	b->openings++;
	b->failed = 0;
	b->calls = 0;
}

static void
close_locked(struct breaker *b)
{
	b->open_until = 0;
	b->open_ms = 0;
}

static void
count_locked(struct breaker *b, bool ok, int64_t now)
{
	b->failed = ((b->failed << 1) | (ok ? 0 : 1)) & CALLS_MASK;
	if (b->calls < BREAKER_CALLS)
		b->calls++;
	if (b->calls == BREAKER_CALLS &&
	    __builtin_popcount(b->failed) * 2 >= BREAKER_CALLS)
		open_locked(b, now);
}

enum breaker_pass
breaker_look(struct breaker *b, int64_t now, int64_t *retry_ms)
{
	enum breaker_pass pass;

	pthread_mutex_lock(&b->mtx);
	pass = look_locked(b, now, retry_ms);
	pthread_mutex_unlock(&b->mtx);
	return pass;
}

enum breaker_pass
breaker_allow(struct breaker *b, int64_t now, struct breaker_call *call,
    int64_t *retry_ms)
{
	pthread_mutex_lock(&b->mtx);
	call->pass = look_locked(b, now, retry_ms);
	call->openings = b->openings;
	if (call->pass == BREAKER_TRIAL)
		b->trying = true;
	pthread_mutex_unlock(&b->mtx);
	return call->pass;
}

void
breaker_report(
    struct breaker *b, const struct breaker_call *call, bool ok, int64_t now)
{
	if (call->pass == BREAKER_REFUSED)
		return;
	pthread_mutex_lock(&b->mtx);
	if (call->pass == BREAKER_TRIAL) {
		b->trying = false;
		if (ok)
			close_locked(b);
		else
			open_locked(b, now);
	} else if (call->openings == b->openings) {
		count_locked(b, ok, now);
	}
	pthread_mutex_unlock(&b->mtx);
}

void
breaker_forget(struct breaker *b, const struct breaker_call *call)
{
	if (call->pass != BREAKER_TRIAL)
		return;
	pthread_mutex_lock(&b->mtx);
	b->trying = false;
	pthread_mutex_unlock(&b->mtx);
}
