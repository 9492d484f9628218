/*
 * What a question takes with it to the model: the articles that it is about,
 * written into its message, and as much of the past as there is room for.
 */
#ifndef CHAT_GROUNDING_GROUNDED_PROMPT_H
#define CHAT_GROUNDING_GROUNDED_PROMPT_H

#include <stdbool.h>

#include "articles/articles.h"
#include "base/buf.h"
#include "base/rc.h"
#include "chat/grounding/responder_grounded.h"
#include "chat/grounding/sources.h"
#include "chat/responder.h"
#include "log/metrics.h"
#include "session/history.h"

struct grounded_prompt {
	struct prompt	prompt;		/* for the model */

	/* what it points to */
	struct history	past;
	struct buf	text;
};

/*
 * Take what the articles have for a question as sources, if it answers that as
 * far as words can tell: *is_found. Else, what was asked for may be logged.
 * RC_OK, or RC_NOMEM.
 */
enum rc grounded_prompt_search(struct sources *, bool *is_found,
    const struct prompt *asked, struct articles *,
    const struct grounded_conf *, struct metrics *);

/*
 * Make the model's prompt of a question and its sources; those that there is no
 * room for are left out of them. RC_OK, RC_NOMEM or RC_ENTROPY; to be freed
 * whatever comes. The question and its sources must outlive it.
 */
enum rc grounded_prompt_make(struct grounded_prompt *,
    const struct prompt *asked, struct sources *, const struct grounded_conf *);

void grounded_prompt_free(struct grounded_prompt *);

#endif
