/* The smallest complete handler, to copy; and one that asks the store. */
#include "base/buf.h"
#include "base/json.h"
#include "base/rc.h"
#include "http/exchange.h"
#include "http/reply.h"
#include "routes/routes.h"
#include "service/service.h"
#include "session/store.h"

#define MAX_REPLY 256 /* bytes of JSON */

void
health_get(struct exchange *x)
{
	struct buf body;

	buf_init(&body, MAX_REPLY);
	json_open(&body, NULL);
	json_add_string(&body, "status", "healthy");
	json_add_string(&body, "message",
	    x->lang == LANG_EN ? "The service is operational"
			       : "Le service est opérationnel");
	json_close(&body);
	reply_json(x, 200, &body);
}

static void
ready_counted(void *arg, enum rc rc, const struct store_totals *totals)
{
	struct exchange *x = arg;
	struct buf body;

	(void)totals;
	if (!reply_resume(x, rc == RC_OK ? RC_OK : RC_UNAVAILABLE))
		return;
	buf_init(&body, MAX_REPLY);
	json_open(&body, NULL);
	json_add_string(&body, "status", "ready");
	json_close(&body);
	reply_json(x, 200, &body);
}

void
ready_get(struct exchange *x)
{
	const struct store_now now = store_now_at(loop_now(x->loop));
	const struct service_loop *sl = x->world;

	if (sl->draining) {
		reply_rc(x, RC_UNAVAILABLE);
		return;
	}
	exchange_wait(x);
	store_count(sl->port, &now, ready_counted, x);
}
