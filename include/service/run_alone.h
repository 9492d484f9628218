/* Serving by itself, on a listener of its own. */
#ifndef SERVICE_RUN_ALONE_H
#define SERVICE_RUN_ALONE_H

#include <stdbool.h>

#include "server/listener.h"
#include "service/service.h"

/* Serve until a signal comes, which are all blocked. False: that was logged. */
bool run_alone(struct service *, struct listener *);

#endif
