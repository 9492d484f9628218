/* The visitor waits meanwhile: a long wait is as bad as a failure. */
#include "chat/model/retry.h"

#define BACKOFF_MS 500 /* before the first retry; it doubles */

bool
retry_is_passing(int status)
{
	return status == 408 || status == 409 || status == 429 || status >= 500;
}

/* Up to a quarter longer, so that those who failed together part. */
int64_t
retry_wait(struct retry *r, int64_t now, int64_t retry_after)
{
	int64_t wait;

	if (r->made >= r->most)
		return -1;
	wait = (int64_t)BACKOFF_MS << r->made;
	wait += wait * (now % 256) / 1024;
	if (retry_after >= 0)
		wait = retry_after * 1000;
	if (wait > r->longest_ms || now + wait > r->deadline)
		return -1;
	r->made++;
	return wait;
}
