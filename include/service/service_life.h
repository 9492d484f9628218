/*
 * What serving alone and serving as the owner of the sessions have in common.
 */
#ifndef SERVICE_SERVICE_LIFE_H
#define SERVICE_SERVICE_LIFE_H

#include "server/server.h"
#include "service/service.h"

/* Start the loops; other_fds are kept free. NULL: that was logged. */
struct server *service_start(struct service *, unsigned other_fds);

/* Log that it serves. */
void service_tell_start(const struct service *);

/* What is to be done once a second, and on SIGHUP. */
void service_tick(const struct service *);
void service_hangup(const struct service *);

/* No loop runs any more: log what has not been told. */
void service_tell_end(const struct service *);

#endif
