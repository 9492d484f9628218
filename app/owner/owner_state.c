/* What may follow what in the life of an owner. */
#include "owner/owner_state.h"

#include "base/must.h"
#include "log/log.h"

#define TO(state) (1u << OWNER_##state)

static const struct {
	const char *name;
	unsigned next; /* a set of TO() */
} states[] = {
	[OWNER_TAKES] = { "takes", TO(SERVES) | TO(ENDS) },
	[OWNER_SERVES] = { "serves", TO(HALTS) | TO(ENDS) },
	[OWNER_HALTS] = { "halts", TO(GIVES) | TO(ENDS) },
	/* what fails is taken back, and served on */
	[OWNER_GIVES] = { "gives", TO(SERVES) | TO(RETIRES) | TO(ENDS) },
	[OWNER_RETIRES] = { "retires", TO(ENDS) },
	[OWNER_ENDS] = { "ends", TO(ENDS) },
};

void
owner_to(struct owner *ow, enum owner_state state)
{
	must(states[ow->state].next & 1u << state);
	if (log_shows(LOG_LEVEL_DEBUG))
		log_debug("owner", LOG_STR("from", states[ow->state].name),
		    LOG_STR("to", states[state].name));
	ow->state = state;
}
