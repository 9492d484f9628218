/*
 * The addresses of one host, looked up for one loop. A name server may be
 * silent for as long as it likes, and looking a name up cannot be given up: so
 * it is done by a thread, of which there is never more than one, however many
 * wait for it, and which nobody waits for at the end. What is known serves on
 * while it is looked up again, and when that fails.
 */
#ifndef CHAT_MODEL_RESOLVER_H
#define CHAT_MODEL_RESOLVER_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"

#define RESOLVER_FDS 4		/* taken while a name is looked up */
#define RESOLVER_MAX 16		/* addresses of a host; more are left out */
#define RESOLVER_FRESH_MS 60000	/* then it is looked up again */
#define RESOLVER_ADDRESS 46	/* bytes of one as a text, with its comma */

struct lookup;

/* Lies in its owner's struct. */
struct resolver {
	struct loop	*loop;
	const char	*host;
	void		(*done)(void *arg, bool ok);
	void		*arg;
	struct loop_io	 io;
	struct lookup	*lookup;	/* NULL: none runs */
	int64_t		 fresh_until;	/* monotonic ms */

	/* read by the owner */
	unsigned	 version;	/* of the addresses; 0: none known */
	char		 addresses[RESOLVER_MAX * RESOLVER_ADDRESS];
};

/*
 * done is called on the loop each time that a lookup has ended, never within
 * resolver_ask: not ok when no address is known. The host outlives it.
 */
void resolver_init(struct resolver *, struct loop *, const char *host,
    void (*done)(void *arg, bool ok), void *arg);

/* A lookup that runs ends by itself, unheard. */
void resolver_close(struct resolver *);

/*
 * See to it that the addresses (numeric, commas between them) are or will be
 * known. False: they are not yet, and it cannot be begun to look them up.
 */
bool resolver_ask(struct resolver *);

#endif
