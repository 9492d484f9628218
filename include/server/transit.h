/* A connection on its way from one loop, or process, to another. */
#ifndef SERVER_TRANSIT_H
#define SERVER_TRANSIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct transit {
	int		 fd;
	struct buf	 part;	/* of a request, that has come (fcgi_save) */
};

/* One without a part. */
void transit_init(struct transit *, int fd);

/* Close and wipe it. */
void transit_close(struct transit *);

/* Those that wait for it, the last one first. */
struct transits {
	struct transit	*list;
	size_t		 count, room;
};

/* Both move it. False: there is no memory, or none. */
bool transits_add(struct transits *, struct transit *);
bool transits_take(struct transits *, struct transit *);

/* Close all. */
void transits_close(struct transits *);

#endif
