/* Whoever asks stops the answer of a session, wherever it is given. */
#include "base/buf.h"
#include "base/json.h"
#include "base/rc.h"
#include "chat/turn_queue.h"
#include "http/exchange.h"
#include "http/guard.h"
#include "http/reply.h"
#include "routes/routes.h"
#include "service/service.h"
#include "session/store.h"

#define MAX_REPLY 256 /* bytes of JSON */

static void
stop_reply(struct exchange *x, bool stopped)
{
	struct buf body;

	buf_init(&body, MAX_REPLY);
	json_open(&body, NULL);
	json_add_bool(&body, "stopped", stopped);
	json_close(&body);
	reply_json(x, 200, &body);
}

/* One that runs in another process was told. */
static void
stop_told(void *arg, enum rc rc, struct session *none)
{
	struct exchange *x = arg;

	(void)none;
	if (reply_resume(x, rc == RC_NOSESSION ? RC_OK : rc))
		stop_reply(x, rc == RC_OK);
}

/* The client that asks to stop the session of the path. */
static struct store_ask
stop_ask(const struct exchange *x)
{
	static const struct window none = { 0, 0 };

	return (struct store_ask){
		.sid = &x->sid,
		.creator = guard_creator(x),
		.window = &none,
		.now = store_now_at(loop_now(x->loop)),
	};
}

static void
stop_loaded(void *arg, enum rc rc, struct session *s)
{
	struct exchange *x = arg;
	const struct service_loop *sl = x->world;
	struct store_ask ask;

	(void)s;
	if (!reply_resume(x, rc))
		return;
	if (turn_queue_tell(sl->service->queue, &x->sid, TURN_QUEUE_STOP)) {
		stop_reply(x, true);
	} else {
		ask = stop_ask(x);
		exchange_wait(x);
		store_tell(sl->port, &ask, STORE_STOP, stop_told, x);
	}
}

void
chat_stop(struct exchange *x)
{
	const struct service_loop *sl = x->world;
	const struct store_ask ask = stop_ask(x);

	exchange_wait(x);
	store_load(sl->port, &ask, stop_loaded, x);
}
