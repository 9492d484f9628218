/*
 * The owner that serves: who may come in, whose listeners it accepts from, and
 * when it ends. For owner/ only.
 */
#ifndef OWNER_OWNER_SERVE_H
#define OWNER_OWNER_SERVE_H

#include "owner/owner_state.h"

/* A link of somebody who waits, and has a listener here. */
extern const struct link_role owner_waiter;

/* It has just become one: its listener counts. */
void owner_waiter_add(struct owner_link *);

/* Let in who connects, when there is room; it is tried again. */
void owner_door_open(struct owner *);
void owner_door_close(struct owner *);

/* Begin to serve: watch the socket and the listeners. */
void owner_serve(struct owner *);

/* Serve the connections that were kept. */
void owner_serve_connections(struct owner *);

/* When nobody waits for it, begin to wait for its own end; that is over. */
void owner_linger(struct owner *);
timer_fire_f owner_lingered;

/* Leave owner_run. */
void owner_end(struct owner *, const char *why);

#endif
