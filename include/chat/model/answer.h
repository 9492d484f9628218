/*
 * An answer of a language model, and what it needs of the responder: the inside
 * of responder_model.h, for its parts only.
 */
#ifndef CHAT_MODEL_ANSWER_H
#define CHAT_MODEL_ANSWER_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/rc.h"
#include "chat/model/attempt.h"
#include "chat/model/breaker.h"
#include "chat/model/dialect.h"
#include "chat/model/request_head.h"
#include "chat/model/responder_model.h"
#include "chat/responder.h"
#include "loop/loop.h"

struct model {
	/* immutable */
	struct model_conf	 conf;
	char			*url;

	/* of any thread */
	struct breaker		 breaker;
	struct dialect		 dialect;
	atomic_int_fast64_t	 busy_until;	/* said by Retry-After */
};

struct model_responder {
	struct responder	 responder;
	struct model		*shared;
	struct loop		*loop;
	struct attempts		 attempts;
	struct request_head	 head;
};

/* As responder_start and responder_cancel. */
enum rc answer_new(struct model_responder *, const struct prompt *,
    const struct answer_events *, void *arg, struct answer **);
void answer_free(struct answer *);

#endif
