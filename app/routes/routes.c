/* The table of routes: what a request must be, and who answers it. */
#include "routes/routes.h"

#include "log/metrics.h"

/* Fixed paths before patterns. */
static const struct route rows[] = {
	{
	    .method = METHOD_GET,
	    .path = "/health",
	    .handle = health_get,
	    .limit = LIMIT_NONE,
	},
	{
	    .method = METHOD_GET,
	    .path = "/ready",
	    .handle = ready_get,
	    .limit = LIMIT_NONE,
	},
	{
	    .method = METHOD_POST,
	    .path = "/session/new",
	    .handle = session_new,
	    .flags = ROUTE_CHANGES | ROUTE_DRAINS,
	    .limit = LIMIT_NEW,
	},
	{
	    .method = METHOD_POST,
	    .path = "/session/chat",
	    .handle = chat_post,
	    .flags = ROUTE_CHANGES | ROUTE_DRAINS | ROUTE_JSON,
	    .limit = LIMIT_CHAT,
	},
	{
	    .method = METHOD_GET,
	    .path = "/sessions/stats",
	    .handle = stats_get,
	    .limit = LIMIT_NONE,
	},
	{
	    .method = METHOD_GET,
	    .path = "/metrics",
	    .handle = metrics_get,
	    .limit = LIMIT_NONE,
	},
	{
	    .method = METHOD_GET,
	    .path = "/session/{id}/info",
	    .handle = session_info,
	    .limit = LIMIT_NONE,
	},
	{
	    .method = METHOD_GET,
	    .path = "/session/{id}/messages",
	    .handle = session_messages,
	    .limit = LIMIT_NONE,
	},
	{
	    .method = METHOD_POST,
	    .path = "/session/{id}/stop",
	    .handle = chat_stop,
	    .flags = ROUTE_CHANGES,
	    .limit = LIMIT_NONE,
	},
	{
	    .method = METHOD_DELETE,
	    .path = "/session/{id}",
	    .handle = session_delete,
	    .flags = ROUTE_CHANGES,
	    .limit = LIMIT_NONE,
	},
};

_Static_assert(sizeof(rows) / sizeof(rows[0]) < METRICS_ROUTES,
    "each has a row, and so has none");

const struct route_table routes_table = {
	.rows = rows,
	.count = sizeof(rows) / sizeof(rows[0]),
};
