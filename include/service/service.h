/*
 * What the handlers work with: the process-wide parts, and each loop's own.
 */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "articles/articles.h"
#include "base/addr.h"
#include "base/buf.h"
#include "chat/responder.h"
#include "chat/turn.h"
#include "chat/turn_queue.h"
#include "conf/conf.h"
#include "http/exchange.h"
#include "http/route.h"
#include "limits/budget.h"
#include "limits/limit.h"
#include "limits/suspicion.h"
#include "log/metrics.h"
#include "server/server.h"
#include "session/store.h"

#define SERVICE_GRACE_MS 3500	/* for answers that run when a drain begins */

/* Bytes of an answer as JSON; a byte of text can become six. */
#define SERVICE_MAX_EVENT (16 * 1024 + 6 * TURN_MAX_ANSWER)

struct responder_kind;

/* Shared by all loops; immutable while they run, but for their metrics. */
struct service {
	const struct conf	*conf;
	const struct route_table *routes;	/* without base_path */
	struct addr_set		 trusted;	/* proxies */
	struct limits		*limits;	/* NULL: none */
	struct store		*store;
	struct turn_queue	*queue;
	struct articles		*articles;
	struct reload		*reload;	/* of them; NULL: none */
	const struct responder_kind *responder;	/* the configuration's */
	void			*shared;	/* its; NULL: nothing */
	struct budget		*budget;	/* the model's */
	struct metrics_all	*metrics;
	struct suspicions	*suspicions;
};

/* One loop's. */
struct service_loop {
	const struct service	*service;
	struct loop		*loop;
	struct metrics		*metrics;	/* loop_metrics' */
	struct responder	*responder;
	struct turns		*turns;
	struct store_port	*port;		/* the turns' */
	struct router		 router;
	uint64_t		 request_ids;	/* exchange_new's counter */
	struct buf		 event;		/* of a stream, being built */
	bool			 draining;
};

/* The callbacks for server_start; service must outlive the server. */
struct server_app service_callbacks(struct service *);

/*
 * Before store_create: whether the client may have one more live session;
 * empty: without a message. RC_OK, RC_TOO_MANY_SESSIONS, RC_NOMEM. Expired ones
 * that were not swept yet are removed first, a batch of them. A shared
 * store counts by itself.
 */
enum rc service_admit_session(struct exchange *, bool empty);

#endif
