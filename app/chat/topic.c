/* A message such as « Et après ? » is searched for as the question before. */
#include "chat/topic.h"

#include "articles/tokens.h"

bool
topic_is_named(const char *text, size_t len)
{
	return tokens_count(text, len, 1) > 0;
}

bool
topic_find(const struct history *history, struct message *topic)
{
	struct message m;
	size_t pos = 0;
	bool found = false;

	while (history_next(history, &pos, &m)) {
		if (m.role == ROLE_USER && topic_is_named(m.text, m.len)) {
			*topic = m;
			found = true;
		}
	}
	return found;
}
