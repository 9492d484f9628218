/* All the routes, and the handlers of their rows, one file per subject. */
#ifndef ROUTES_ROUTES_H
#define ROUTES_ROUTES_H

#include "http/route.h"

extern const struct route_table routes_table;

route_handle_f	health_get, ready_get;			/* route_health.c */
route_handle_f	session_new, session_info;		/* route_session.c */
route_handle_f	session_messages, session_delete;
route_handle_f	chat_post;				/* route_chat.c */
route_handle_f	chat_stop;				/* route_stop.c */
route_handle_f	stats_get;				/* route_stats.c */
route_handle_f	metrics_get;				/* route_metrics.c */

#endif
