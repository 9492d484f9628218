/* What a conversation was about before its last message. */
#ifndef CHAT_TOPIC_H
#define CHAT_TOPIC_H

#include <stdbool.h>
#include <stddef.h>

#include "session/history.h"

/* Whether a text has a word that means something. */
bool topic_is_named(const char *, size_t);

/* The newest earlier question that has; false: there is none. */
bool topic_find(const struct history *, struct message *topic);

#endif
