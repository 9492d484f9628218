/*
 * What owner.c, owner_link.c, owner_give.c and owner_take.c share; for nobody
 * else.
 */
#ifndef OWNER_OWNER_STATE_H
#define OWNER_OWNER_STATE_H

#include "loop/loop.h"
#include "owner/owner.h"
#include "owner/owner_peer.h"
#include "server/acceptor.h"
#include "server/quiesce.h"
#include "server/transit.h"

enum owner_state {
	OWNER_TAKES,			/* follows another one */
	OWNER_SERVES,
	OWNER_HALTS,			/* is followed: waits for requests */
	OWNER_GIVES,			/* sends what it has */
	OWNER_RETIRES,			/* is owner no more, turns run */
	OWNER_ENDS,
};

enum link_role {
	LINK_NEW,			/* has not said what it wants */
	LINK_WAITER,			/* a listener's */
	LINK_ASKS,			/* is answered, then closed */
	LINK_PROVES,			/* would follow: is it the program? */
	LINK_HEIR,			/* the one that follows */
	LINK_OLD,			/* the one before */
};

#define OWNER_NONCE 16

struct owner_link {
	struct peer		 peer;
	struct owner		*owner;
	struct owner_link	*next, *prev;
	enum link_role		 role;
	struct owner_cred	 cred;
	struct timer		 patience;	/* for its next step */

	/* a waiter's */
	int			 fd;		/* until there is an intake */
	struct acceptor		*intake;
	bool			 given;		/* sent to the heir */

	/* of one that proves, and the heir's */
	int			 pidfd;		/* its process; -1 */
	char			 nonce[OWNER_NONCE];
};

struct owner {
	struct owner_conf	 conf;
	struct owner_app	 app;
	struct loop		*loop;
	enum owner_state	 state;
	int			 lock;
	struct loop_io		 door;		/* its socket */
	int			 socket;
	struct loop_io		 signals;
	int			 signal_fd;
	int64_t			 since_ms;	/* wall clock */

	struct owner_link	*links;
	struct owner_link	*dead;		/* to be freed */
	struct loop_task	 bury;
	unsigned		 links_count;
	unsigned		 listeners;
	unsigned		 max_listeners;
	unsigned		 max_others;	/* links without one */
	struct timer		 second;
	struct timer		 linger;

	/* owner_give.c's */
	struct owner_link	*heir;
	struct quiesce		*halt;
	struct transits		 conns;		/* given */
	int64_t			 give_end;	/* of the whole hand-over */
	uint64_t		 given;		/* bytes, at its last step */
	enum wire_type		 step;		/* what is sent next */
	bool			 emptied;	/* no request runs */
	struct timer		 results;
	struct buf		 result;	/* that was not sent yet */
	struct buf		 spent;		/* likewise */
	unsigned		 tries;		/* to do so */

	/* owner_take.c's */
	bool			 failed;
	bool			 proven;	/* to the one before */
	char			*err;
	size_t			 errsize;
};

/* A link on a connected socket, which is then its own; NULL: closed. */
struct owner_link *owner_link_add(struct owner *, int fd, enum link_role);

/* Close it, as when it closes from there. */
void owner_link_drop(struct owner_link *);

/* Free those that were dropped. */
void owner_links_bury(struct loop_task *);

bool owner_link_frame(struct peer *, const struct wire_frame *,
    const int *fds);

/* Let in who connects, when there is room; it is tried again. */
void owner_door_open(struct owner *);

/* Begin to serve: watch the socket and the listeners. */
void owner_serve(struct owner *);

/* Serve the connections that were kept. */
void owner_serve_connections(struct owner *);

/* When nobody waits for it, begin to wait for its own end. */
void owner_linger(struct owner *);

/* Leave owner_run. */
void owner_end(struct owner *, const char *why);

/* Send a short answer, after which the link is closed. */
void owner_link_answer(struct owner_link *, enum wire_type, const char *);

/* owner_prove.c: who would follow is to prove that it is the program; a frame
 * of it; who connected has lost its time. */
void owner_prove_begin(struct owner_link *);
void owner_prove_late(struct owner_link *);
bool owner_prove_frame(struct owner_link *, const struct wire_frame *);

/* owner_give.c */
void owner_give_begin(struct owner *, struct owner_link *heir);
bool owner_give_frame(struct owner *, const struct wire_frame *);
void owner_give_room(struct owner *);
void owner_give_late(struct owner *);		/* it stands still */
void owner_give_broken(struct owner *);		/* it is gone */

/* owner_take.c */
bool owner_take(struct owner *);
bool owner_take_frame(struct owner_link *, const struct wire_frame *,
    const int *fds);
void owner_take_broken(struct owner_link *);	/* the old one is gone */

#endif
