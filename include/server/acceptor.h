/*
 * A listening descriptor that all loops of a server accept from. There may be
 * many, and they come and go while the loops run.
 */
#ifndef SERVER_ACCEPTOR_H
#define SERVER_ACCEPTOR_H

#include <stdbool.h>

#include "server/server.h"
#include "server/transit.h"

struct acceptor;

/*
 * Accept from fd, a non-blocking one, which is then the intake's. NULL without
 * memory: fd stays the caller's. From one thread, as all of these.
 */
struct acceptor *acceptor_open(struct server *, int fd);

int acceptor_fd(const struct acceptor *);

/*
 * Accept no more; the descriptor is closed and the intake freed when the last
 * loop has heard of it. last_calls: those who wait there are let in first.
 */
void acceptor_close(struct acceptor *, bool last_calls);

/* Close and free one that is still open after server_drain. */
void acceptor_free(struct acceptor *);

/* Hand a connection to one of the loops, whose it is then. */
void acceptor_connection(struct server *, struct transit *);

#endif
