/*
 * A pool of connections on a loop, with an application that answers when the
 * test says so, and the web server's side of them.
 */
#ifndef TESTS_POOL_SERVICE_H
#define TESTS_POOL_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "server/pool.h"

#define SERVICE_CONNS 2		/* at a time */
#define WAIT_MS 5000		/* for what comes at once */

struct service {
	struct loop		*loop;
	struct pool		*pool;
	struct pool_listener	 listener;
	int			 door;	/* the listening descriptor */
	struct conn		*asked;	/* a request that waits */
	unsigned		 requests, aborts, drains, emptied;
	int			 passed;	/* a descriptor */
};

/* For cmocka; the state is the service. */
int service_setup(void **state);
int service_teardown(void **state);

/* Answer the request that waits, shortly. */
void service_answer(struct service *);

/* Connect. */
int service_visit(const struct service *);

/* Turn the loop until there are so many connections, or were requests. */
void await_count(const struct service *, unsigned);
void await_requests(const struct service *, unsigned);

/* Until none is busy. */
void await_idle(const struct service *);

/* Send a request, all but its last so many bytes. */
void send_part(int fd, bool keep, size_t missing);
void send_request(int fd);

/* Whether it was closed from there; what was answered is passed over. */
bool is_closed(int fd);

#endif
