/*
 * What was learnt of a model: the fields that it refuses, and how long a
 * conversation it takes. Learnt when it has answered to what was changed, never
 * from a refusal alone, and forgotten after a while: a model is exchanged, and
 * a refusal may have been about the visitor's words. Shared by all loops;
 * times are monotonic milliseconds.
 */
#ifndef CHAT_MODEL_DIALECT_H
#define CHAT_MODEL_DIALECT_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "chat/model/request.h"

#define DIALECT_MS 3600000	/* remembered for so long */

struct dialect {
	/* immutable */
	unsigned	usual;		/* enum request_quirks */

	/* guarded by mtx */
	pthread_mutex_t	mtx;
	unsigned	quirks;		/* otherwise than usual */
	int64_t		until[QUIRKS];	/* of each that is */
	size_t		size;		/* request_size that it takes */
	int64_t		size_until;	/* 0: any */
};

void dialect_init(struct dialect *, unsigned usual);
void dialect_destroy(struct dialect *);

/* How to ask now: the quirks, and the largest request_size. */
unsigned dialect_ask(struct dialect *, int64_t now, size_t *most);

/* It answered to these quirks, after it had refused those. */
void dialect_learn(struct dialect *, unsigned refused, unsigned quirks,
    int64_t now);

/* It answered to a conversation of this size, after it refused a longer one. */
void dialect_learn_size(struct dialect *, size_t, int64_t now);

#endif
