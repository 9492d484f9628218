/* What an operator wants to see at a glance. */
#include "base/buf.h"
#include "base/json.h"
#include "base/rc.h"
#include "http/exchange.h"
#include "http/reply.h"
#include "routes/routes.h"
#include "service/service.h"
#include "session/store.h"

#define MAX_REPLY 256 /* bytes of JSON */

static void
stats_counted(void *arg, enum rc rc, const struct store_totals *totals)
{
	struct exchange *x = arg;
	struct buf body;

	if (!reply_resume(x, rc))
		return;
	buf_init(&body, MAX_REPLY);
	json_open(&body, NULL);
	json_add_integer(&body, "active_sessions", (int64_t)totals->sessions);
	json_close(&body);
	reply_json(x, 200, &body);
}

void
stats_get(struct exchange *x)
{
	const struct store_now now = store_now_at(loop_now(x->loop));
	const struct service_loop *sl = x->world;

	exchange_wait(x);
	store_count(sl->port, &now, stats_counted, x);
}
