/*
 * One end of a conversation between owners, and with those who talk to them:
 * frames and their descriptors over a unix socket, on a loop, never blocking.
 */
#ifndef OWNER_OWNER_PEER_H
#define OWNER_OWNER_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "loop/loop.h"
#include "owner/owner_wire.h"

#define PEER_MAX_OUT (512 * 1024 * 1024) /* bytes not yet sent */
#define PEER_LOW (256 * 1024)		/* below it there is room for more */
#define PEER_MAX_FDS 64			/* descriptors on their way */

struct peer;

struct peer_events {
	/* A frame. Its descriptors are the callee's, and the peer may be
	 * closed within (not freed); false: it must be broken off, and
	 * neither happened. */
	bool	(*frame)(struct peer *, const struct wire_frame *,
	    const int *fds);

	/* There is room for more: fewer than PEER_LOW bytes wait; or NULL. */
	void	(*room)(struct peer *);

	/* It was closed from there, or broken off; to be freed now. */
	void	(*gone)(struct peer *);
};

struct peer {
	struct loop			*loop;
	struct loop_io			 io;
	int				 fd;
	const struct peer_events	*events;
	bool				 closed;
	uint64_t			 sent;		/* bytes */
	pid_t				 sender;	/* see peer_name */
	struct buf			 in;
	struct buf			 out;

	/* descriptors that came before their frame was whole */
	int				 in_fds[PEER_MAX_FDS];
	unsigned			 in_count;

	/* descriptors to be sent, with the place in out of their frames */
	struct {
		int			 fd[WIRE_MAX_FDS];
		unsigned		 count;
		size_t			 at;
	}				 sends[PEER_MAX_FDS];
	unsigned			 sends_count;
};

/* fd, a non-blocking one, is then the peer's. -1: errno says why. */
int peer_open(struct peer *, struct loop *, int fd, const struct peer_events *);

/* Close it; no callback comes any more. */
void peer_close(struct peer *);

/*
 * Send a frame, with the descriptors of its type, which are copied. False:
 * without memory or descriptors, or over a limit; then nothing was sent.
 */
bool peer_send(struct peer *, enum wire_type, const void *, size_t,
    const int *fds);

/*
 * From now on, note which process sends: its number is in `sender`, 0 before it
 * has, -1 when several have, or one that is not to be seen.
 */
bool peer_name(struct peer *);

/* Send what the socket takes, now. */
void peer_push(struct peer *);

/* Whether there is room, as for events->room. */
bool peer_has_room(const struct peer *);

/* All was sent. */
bool peer_is_flushed(const struct peer *);

#endif
