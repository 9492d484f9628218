/*
 * How long one process waits for another, where an owner of the sessions is
 * concerned. Nothing is waited for without an end.
 */
#ifndef OWNER_OWNER_PATIENCE_H
#define OWNER_OWNER_PATIENCE_H

/* name, milliseconds */
#define PATIENCE_LIST(X)                                                      \
	/* the owner's, for the first frame of a connection */                 \
	X(PATIENCE_HELLO, 5000)                                               \
	/* the owner's, for the rest of a request before it hands over */     \
	X(PATIENCE_REQUEST, 1000)                                             \
	/* the owner's, for the next step of the one that follows */          \
	X(PATIENCE_HEIR, 5000)                                                \
	/* of both, for the whole hand-over */                                \
	X(PATIENCE_TAKE, 60000)                                               \
	/* for an answer of the owner's */                                    \
	X(PATIENCE_ANSWER, 30000)                                             \
	/* for its end, when it was told to end */                            \
	X(PATIENCE_END, 30000)                                                \
	/* a web server's process', until there is an owner */                \
	X(PATIENCE_START, 60000)                                              \
	/* the same, after a signal to end */                                  \
	X(PATIENCE_TOLD, 5000)

#define PATIENCE_ENUM(name, ms) name,
enum owner_patience { PATIENCE_LIST(PATIENCE_ENUM) PATIENCE_COUNT };
#undef PATIENCE_ENUM

/* In milliseconds. Tests have another function in the place of this one. */
int owner_patience(enum owner_patience);

#endif
