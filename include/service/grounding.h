/* What the settings say of answers that go by the articles. */
#ifndef SERVICE_GROUNDING_H
#define SERVICE_GROUNDING_H

#include <stdbool.h>

#include "chat/grounding/responder_grounded.h"
#include "conf/conf.h"

/*
 * The system prompt as the model gets it: with the rule where answers are
 * grounded. The caller frees it; NULL without memory.
 */
char *grounding_system(const struct conf *, const char *system);

/*
 * Fill in what such answers need, given that prompt; whether the model needs
 * the articles at all, for its answers or to be replaced.
 */
bool grounding_wanted(struct grounded_conf *, const struct conf *,
    const char *system);

#endif
