/*
 * The owner and its links, as the parts of its code see them, and nobody else.
 * From below: owner_link.c (who talks to it), owner_serve.c (its door, its
 * waiters, its end), owner_take.c and owner_give.c (before and after it),
 * owner_prove.c and owner_greet.c (who comes, and what for), owner.c.
 */
#ifndef OWNER_OWNER_STATE_H
#define OWNER_OWNER_STATE_H

#include "base/err.h"
#include "base/list.h"
#include "loop/loop.h"
#include "owner/owner.h"
#include "owner/owner_peer.h"
#include "server/acceptor.h"
#include "server/quiesce.h"
#include "server/transit.h"

/* owner_state.c has the table of what may follow what. */
enum owner_state {
	OWNER_TAKES,			/* follows another one */
	OWNER_SERVES,
	OWNER_HALTS,			/* is followed: waits for requests */
	OWNER_GIVES,			/* sends what it has */
	OWNER_RETIRES,			/* is owner no more, turns run */
	OWNER_ENDS,
};

/* What a link is for, as what happens to it then. Members may be NULL. */
struct link_role {
	/* A word for the report; NULL: it is not told of. */
	const char	*reported;

	/* A frame, with the descriptors, which are the callee's; false: break
	 * the link off, and neither happened. NULL: none may come. */
	bool	(*frame)(struct owner_link *, const struct wire_frame *,
	    const int *fds);

	void	(*room)(struct owner_link *);	/* to send more */
	void	(*late)(struct owner_link *);	/* its patience is over */
	void	(*gone)(struct owner_link *);	/* it was dropped */
};

#define OWNER_NONCE 16

struct owner_link {
	struct peer		 peer;
	struct owner		*owner;
	struct list		 node;		/* of links, then of dead */
	const struct link_role	*role;
	struct owner_cred	 cred;
	struct timer		 patience;	/* for its next step */

	/* a waiter's */
	int			 fd;		/* until there is an acceptor */
	struct acceptor		*acceptor;
	bool			 given;		/* sent to the heir */

	/* of one that proves, and the heir's */
	int			 pidfd;		/* its process; -1 */
	char			 nonce[OWNER_NONCE];
};

struct owner {
	struct owner_conf	 conf;
	struct owner_app	 app;
	struct loop		*loop;
	enum owner_state	 state;		/* owner_to's */
	int			 lock;
	struct loop_io		 door;		/* its socket */
	int			 socket;
	struct loop_io		 signals;
	int			 signal_fd;
	int64_t			 since_ms;	/* wall clock */

	const struct link_role	*newcomer;	/* of who knocks */
	struct list		 links;
	struct list		 dead;		/* to be freed */
	struct loop_task	 bury;
	unsigned		 links_count;
	unsigned		 listeners;
	unsigned		 max_listeners;
	unsigned		 max_others;	/* links without one */
	struct timer		 second;
	struct timer		 linger;

	/* owner_give.c's */
	struct owner_link	*heir;
	struct quiesce		*quiesce;
	struct transits		 conns;		/* given, or taken */
	int64_t			 give_end;	/* of the whole hand-over */
	uint64_t		 given;		/* bytes, at its last step */
	enum wire_type		 step;		/* what is sent next */
	bool			 emptied;	/* no request runs */
	struct timer		 results;
	struct buf		 result;	/* that was not sent yet */
	struct buf		 spent;		/* likewise */
	unsigned		 tries;		/* to do so */

	/* owner_take.c's */
	struct owner_link	*before;	/* until it is gone */
	bool			 failed;
	bool			 proven;	/* to the one before */
	struct err		*err;
};

/* The only setter of an owner's state: it must be one that may follow. */
void owner_to(struct owner *, enum owner_state);

#endif
