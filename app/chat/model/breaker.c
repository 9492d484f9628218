/*
 * An upstream that is down is left alone: the visitor hears so at once instead
 * of after every time-out, and it gets the quiet to recover.
 */
#include "chat/model/breaker.h"

#include <string.h>

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

/*
 * Whom failures were met by.
 */

/* Of IPv6 the network of 48 bits: one customer has all its addresses. */
static struct addr
visitor(const struct addr *client)
{
	struct addr v = *client;

	if (!addr_is_v4(client))
		memset(v.b + 6, 0, sizeof(v.b) - 6);
	return v;
}

static bool
has_client(const struct addr *clients, unsigned n, const struct addr *client)
{
	for (unsigned i = 0; i < n; i++)
		if (addr_equal(&clients[i], client))
			return true;
	return false;
}

/* Different ones, BREAKER_CLIENTS at most. */
static unsigned
count_clients_locked(const struct breaker *b, bool failed_only)
{
	struct addr seen[BREAKER_CLIENTS];
	const struct breaker_result *r;
	unsigned n = 0;

	for (unsigned i = 0; i < b->calls && n < BREAKER_CLIENTS; i++) {
		r = &b->result[i];
		if ((r->failed || !failed_only) &&
		    !has_client(seen, n, &r->client))
			seen[n++] = r->client;
	}
	return n;
}

static unsigned
count_failed_locked(const struct breaker *b)
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->calls; i++)
		n += b->result[i].failed;
	return n;
}

/*
 * Open and closed.
 */

static bool
is_open_for_locked(const struct breaker *b, const struct addr *client)
{
	return b->open_until != 0 &&
	       (!b->for_one || client == NULL || addr_equal(client, &b->one));
}

static enum breaker_pass
look_locked(const struct breaker *b, const struct addr *client, int64_t now,
    int64_t *retry_ms)
{
	int64_t until = b->open_until;

	*retry_ms = 0;
	if (!is_open_for_locked(b, client))
		return BREAKER_CALL;
	if (client != NULL && has_client(b->tried, b->tried_count, client))
		until = b->again_at;
	if (!b->trying && now >= until)
		return BREAKER_TRIAL;
	*retry_ms = until > now ? until - now : 1;
	return BREAKER_REFUSED;
}

static void
lengthen_locked(struct breaker *b)
{
	b->open_ms = b->open_ms == 0 ? BREAKER_FIRST_MS : b->open_ms * 2;
	if (b->open_ms > BREAKER_LAST_MS)
		b->open_ms = BREAKER_LAST_MS;
}

static void
open_locked(struct breaker *b, int64_t until)
{
	b->open_until = until;
	b->openings++;
	b->calls = b->next = 0;
	b->tried_count = 0;
}

static void
close_locked(struct breaker *b)
{
	b->open_until = 0;
	b->open_ms = 0;
	b->tried_count = 0;
}

/* Those who tried long ago may have tried again. */
static void
trial_failed_locked(struct breaker *b, const struct addr *client, int64_t now)
{
	if (b->tried_count == 0 || now >= b->again_at) {
		lengthen_locked(b);
		b->again_at = now + b->open_ms;
		b->tried_count = 0;
	}
	if (!has_client(b->tried, b->tried_count, client))
		b->tried[b->tried_count++] = *client;
	if (b->tried_count == BREAKER_CLIENTS)
		open_locked(b, b->again_at);
}

static void
count_locked(struct breaker *b, const struct addr *client, bool ok, int64_t now)
{
	bool alone;

	b->result[b->next] = (struct breaker_result){ *client, !ok };
	b->next = (b->next + 1) % BREAKER_CALLS;
	if (b->calls < BREAKER_CALLS)
		b->calls++;
	if (b->calls < BREAKER_CALLS ||
	    count_failed_locked(b) * 2 < BREAKER_CALLS)
		return;
	alone = count_clients_locked(b, false) == 1;
	if (!alone && count_clients_locked(b, true) < BREAKER_CLIENTS)
		return;
	b->for_one = alone;
	b->one = *client;
	lengthen_locked(b);
	open_locked(b, now + b->open_ms);
}

/*
 * The interface.
 */

enum breaker_pass
breaker_look(struct breaker *b, const struct addr *client, int64_t now,
    int64_t *retry_ms)
{
	struct addr who = client != NULL ? visitor(client)
	                                 : (struct addr){ { 0 } };
	enum breaker_pass pass;

	pthread_mutex_lock(&b->mtx);
	pass = look_locked(b, client != NULL ? &who : NULL, now, retry_ms);
	pthread_mutex_unlock(&b->mtx);
	return pass;
}

enum breaker_pass
breaker_allow(struct breaker *b, const struct addr *client, int64_t now,
    struct breaker_call *call, int64_t *retry_ms)
{
	call->client = visitor(client);
	pthread_mutex_lock(&b->mtx);
	call->pass = look_locked(b, &call->client, now, retry_ms);
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
			trial_failed_locked(b, &call->client, now);
	} else if (call->openings == b->openings) {
		count_locked(b, &call->client, ok, now);
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
