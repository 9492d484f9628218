/* What may follow what in a connection's replies. */
#include "server/conn_state.h"

#include "base/must.h"
#include "log/log.h"

static const struct {
	const char *name;
	unsigned next; /* a set of 1 << state */
} replies[] = {
	[REPLY_NONE] = { "none", 1 << REPLY_RUNNING | 1 << REPLY_LAST },
	[REPLY_RUNNING] = { "running", 1 << REPLY_NONE | 1 << REPLY_LAST },
	[REPLY_LAST] = { "last", 1 << REPLY_LAST },
};

void
conn_to(struct conn *c, enum reply_state state)
{
	must(replies[c->reply].next & 1u << state);
	if (log_shows(LOG_LEVEL_DEBUG))
		log_debug("connection", LOG_INT("fd", c->fd),
		    LOG_STR("from", replies[c->reply].name),
		    LOG_STR("to", replies[state].name));
	c->reply = state;
}
