/*
 * A responder before two others: it gives the model the articles that a
 * question is about, lets through of its answer only what these bear out, and
 * has the articles alone answer where the model cannot.
 */
#ifndef CHAT_GROUNDING_RESPONDER_GROUNDED_H
#define CHAT_GROUNDING_RESPONDER_GROUNDED_H

#include <stdbool.h>
#include <stddef.h>

#include "articles/articles.h"
#include "chat/grounding/cite_filter.h"
#include "chat/grounding/sources.h"
#include "chat/responder.h"
#include "loop/loop.h"

struct grounded_conf {
	bool			 search;	/* false: only fall back */
	bool			 only;		/* what is not found is not
						   asked */
	bool			 fallback;	/* to the articles alone */
	bool			 log_words;	/* of what is not found */
	bool			 any_links;
	enum cite_form		 form;
	struct sources_limits	 sources;
	size_t			 prompt_bytes;	/* with system_bytes */
	size_t			 system_bytes;	/* before the messages */
};

/*
 * The two responders are its own, also when this fails: NULL; what failed was
 * logged. The articles and the settings must outlive it.
 */
struct responder *responder_grounded_open(const struct grounded_conf *,
    struct articles *, struct responder *model, struct responder *local,
    struct loop *);

#endif
