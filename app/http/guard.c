/* The limiter knows addresses and times; a request has both. */
#include "http/guard.h"

#include <stddef.h>

#include "log/metrics.h"
#include "loop/loop.h"

#define READ_RETRY_S 5 /* until a reply that is being read may have ended */

enum rc
guard_take(struct exchange *x, enum limit_kind kind, int *retry_s)
{
	if (x->limits == NULL)
		return RC_OK;
	return limit_take(
	    x->limits, &x->creator, kind, loop_now(x->loop), retry_s);
}

enum rc
guard_take_read(struct exchange *x, size_t bytes, int *retry_s)
{
	if (x->limits == NULL)
		return RC_OK;
	return limit_take_many(x->limits, &x->creator, LIMIT_READ,
	    1 + (uint32_t)(bytes / LIMIT_READ_BYTES), loop_now(x->loop),
	    retry_s);
}

enum rc
guard_hold(struct exchange *x, size_t bytes, int *retry_s)
{
	enum rc rc;

	if (x->limits == NULL)
		return RC_OK;
	rc = limit_hold(x->limits, &x->creator, bytes);
	if (rc == RC_RATE)
		*retry_s = READ_RETRY_S;
	return rc;
}

void
guard_let_go(struct exchange *x, size_t bytes)
{
	if (x->limits != NULL)
		limit_let_go(x->limits, &x->creator, bytes);
}

static void
guard_count(const struct exchange *x, enum metrics_limited row)
{
	metrics_count(loop_metrics(x->loop), METRIC_LIMITED, row);
}

void
guard_refusal(struct exchange *x, enum rc *rc, int *retry_s)
{
	enum rc guess = RC_OK;

	if (*rc == RC_NOSESSION || *rc == RC_SESSION_ID)
		guess = guard_take(x, LIMIT_GUESS, retry_s);
	if (guess != RC_OK)
		*rc = guess;
	switch (*rc) {
	case RC_RATE:
		guard_count(x, LIMITED_RATE);
		break;
	case RC_TOO_MANY_SESSIONS:
		guard_count(x, LIMITED_SESSIONS);
		break;
	case RC_TOO_MANY_TURNS:
		guard_count(x, LIMITED_TURNS);
		break;
	case RC_BUDGET:
		guard_count(x, LIMITED_BUDGET);
		break;
	default:
		break;
	}
}

const struct addr *
guard_creator(const struct exchange *x)
{
	if (x->limits == NULL || !limit_is_spent(x->limits, &x->creator,
				     LIMIT_GUESS, loop_now(x->loop)))
		return NULL;
	return &x->creator;
}
