/*
 * A listening descriptor that all loops of a server accept from. There may be
 * many, and they come and go while the loops run.
 */
#ifndef SERVER_ACCEPTOR_H
#define SERVER_ACCEPTOR_H

#include <stdbool.h>

#include "server/server.h"

struct intake;

/*
 * Accept from fd, a non-blocking one, which is then the intake's. NULL without
 * memory: fd stays the caller's. From one thread, as all of these.
 */
struct intake *intake_open(struct server *, int fd);

int intake_fd(const struct intake *);

/*
 * Accept no more; the descriptor is closed and the intake freed when the last
 * loop has heard of it. last_calls: those who wait there are let in first.
 */
void intake_close(struct intake *, bool last_calls);

/* Close and free one that is still open after server_drain. */
void intake_free(struct intake *);

/* Hand an accepted connection to one of the loops, whose it is then. */
void intake_connection(struct server *, int fd);

#endif
