/*
 * What is given of an answer: its text, filtered if a model wrote it, and what
 * it goes by, each time before the text that this is known from.
 */
#ifndef CHAT_GROUNDING_GIVING_H
#define CHAT_GROUNDING_GIVING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rc.h"
#include "chat/grounding/cite_filter.h"
#include "chat/grounding/sources.h"
#include "chat/responder.h"
#include "log/metrics.h"
#include "session/cited.h"

struct giving {
	/* set by whoever asks for the answer */
	enum cited_by		 by;
	enum cited_grounding	 grounding;	/* that it begins with */
	struct sources		 sources;	/* that it may cite */

	/* to be read */
	bool			 has_begun;	/* some text was given */

	/* its own */
	const struct answer_events *events;
	void			*arg;
	struct cite_url		 urls[SOURCES_MAX];
	struct cite_filter	 filter;
	struct buf		 out;
	struct buf		 cited;
	uint32_t		 told;		/* what was cited so far */
	bool			 is_told;	/* something was */
	bool			 offered;
	bool			 filters;
	bool			 failed;	/* without memory */
};

/* The events are told of. */
void giving_init(struct giving *, const struct answer_events *, void *arg);

/* From now on giving_model looks through what it gets. */
void giving_filter(struct giving *, enum cite_form, bool any_links);

/* Tell all that the model was offered; only once, and before any text. */
void giving_offer(struct giving *);

/* Give a piece: as it is, or as a model wrote it. */
void giving_text(struct giving *, const char *, size_t);
void giving_model(struct giving *, const char *, size_t);

/*
 * It ended so: give what was held back, unless the model failed before any
 * text. The same, or RC_NOMEM: from where memory lacked on, nothing was given.
 */
enum rc giving_end(struct giving *, enum rc);

void giving_count(const struct giving *, struct metrics *);
void giving_free(struct giving *);

#endif
