/*
 * What an owner of the sessions and those who talk to it say to each other over
 * a unix socket, as frames: bytes in, bytes out, no descriptor. A frame is
 *
 *	"CO", the version 1, the type, the length as four bytes (big-endian)
 *
 * and so many bytes. Some come with descriptors (SCM_RIGHTS, unix(7)), which
 * travel with the frame's first byte.
 */
#ifndef OWNER_OWNER_WIRE_H
#define OWNER_OWNER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define WIRE_HEAD 8			/* bytes before a frame's own */
#define WIRE_MAX_FDS 2			/* descriptors of a frame */
#define WIRE_MAX_TEXT 1024
#define WIRE_MAX_STATUS (256 * 1024)
#define WIRE_MAX_SESSION (256 * 1024 * 1024)
#define WIRE_MAX_SPENT (64 * 1024)
#define WIRE_MAX_PART (32 * 1024 * 1024)

/* type, most bytes, descriptors */
#define WIRE_LIST(X)                                                           \
	/* a connection's first frame: struct wire_hello */                    \
	X(WIRE_LISTEN, WIRE_MAX_TEXT, 1)	/* accept from this for me */  \
	X(WIRE_STATUS, WIRE_MAX_TEXT, 0)	/* tell me of yourself */      \
	X(WIRE_STOP, WIRE_MAX_TEXT, 0)		/* end */                      \
	X(WIRE_FOLLOW, WIRE_MAX_TEXT, 0)	/* I am to follow you */       \
	/* the owner's replies */                                              \
	X(WIRE_ACCEPTED, 0, 0)                                                 \
	X(WIRE_DIFFERS, 0, 0)		/* another program or configuration */ \
	X(WIRE_REFUSED, WIRE_MAX_TEXT, 0)	/* why, for a person */        \
	X(WIRE_REPORT, WIRE_MAX_STATUS, 0)	/* WIRE_STATUS' */             \
	/* to the one that follows: all that the owner has */                  \
	X(WIRE_LOCK, 0, 1)                                                     \
	X(WIRE_SOCKET, 0, 1)			/* that it is reached by */    \
	X(WIRE_LISTENER, WIRE_MAX_TEXT, 2)	/* and who waits for it */     \
	X(WIRE_CONNECTION, 0, 1)		/* that is idle */             \
	X(WIRE_SESSION, WIRE_MAX_SESSION, 0)                                   \
	X(WIRE_ALL, 0, 0)			/* that was all */             \
	X(WIRE_TAKEN, 0, 0)			/* back: I have it */          \
	X(WIRE_YOURS, 0, 0)			/* then serve */               \
	/* afterwards, about turns that run on in the old owner */             \
	X(WIRE_RESULT, WIRE_MAX_SESSION, 0)	/* the session after it */     \
	X(WIRE_TELL, WIRE_MAX_TEXT, 0)		/* back: end it so */          \
	X(WIRE_DRAIN, 0, 0)			/* back: end all */            \
	X(WIRE_LAST, 0, 0)			/* no turn runs any more */    \
	/* with the sessions, and as long as turns run on in the old owner */  \
	X(WIRE_SPENT, WIRE_MAX_SPENT, 0)	/* what was spent of limits */ \
	/* before and after the hand-over */                                   \
	X(WIRE_PROVE, WIRE_MAX_TEXT, 0)		/* to the heir: say this */   \
	X(WIRE_PROOF, WIRE_MAX_TEXT, 0)		/* back */                     \
	X(WIRE_MINE, 0, 0)			/* back, of WIRE_YOURS: I do */\
	/* a connection with part of a request */                              \
	X(WIRE_PART, WIRE_MAX_PART, 1)

#define WIRE_ENUM(type, max, fds) type,
enum wire_type { WIRE_NONE, WIRE_LIST(WIRE_ENUM) WIRE_COUNT };
#undef WIRE_ENUM

struct wire_frame {
	enum wire_type	 type;
	unsigned	 fds;		/* descriptors that came with it */
	const char	*data;
	size_t		 len;
};

enum wire_result {
	WIRE_MORE,			/* bytes are missing */
	WIRE_FRAME,
	WIRE_BROKEN,			/* not ours, or over a limit */
};

/*
 * Look at the first of n bytes for a frame, which has WIRE_HEAD + len bytes
 * then and points into them.
 */
enum wire_result wire_take(const char *, size_t n, struct wire_frame *);

/* Add a frame; the buffer fails when it is over its type's limit. */
void wire_add(struct buf *, enum wire_type, const void *, size_t);

/* How many descriptors come with a frame of a type. */
unsigned wire_fds(enum wire_type);

/*
 * The one that asks, or serves: equal in both for the same program and
 * settings.
 */
struct wire_hello {
	uint64_t	program;
	uint64_t	conf;
};

#define WIRE_HELLO_SIZE 16
void wire_hello_put(char out[WIRE_HELLO_SIZE], const struct wire_hello *);
bool wire_hello_get(struct wire_hello *, const char *, size_t);

#endif
