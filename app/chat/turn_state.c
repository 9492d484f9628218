/* What may follow what in a turn, and what is counted on the way. */
#include "chat/turn_state.h"

#include <stdlib.h>

#include "base/container.h"
#include "base/must.h"
#include "log/log.h"
#include "log/metrics.h"

#define TO(state) (1u << (state))

static const struct {
	const char *name;
	unsigned next; /* a set of TO() */
} steps[] = {
	[TURN_NEW] = { "new", TO(TURN_BEGINS) },
	[TURN_BEGINS] = { "begins",
	    TO(TURN_WAITS) | TO(TURN_OPENS) | TO(TURN_GONE) },
	[TURN_WAITS] = { "waits", TO(TURN_OPENS) | TO(TURN_GONE) },
	/* again, for a new session in the place of one that is gone */
	[TURN_OPENS] = { "opens", TO(TURN_OPENS) | TO(TURN_ANSWERS) |
				      TO(TURN_CLOSES) | TO(TURN_GONE) },
	[TURN_ANSWERS] = { "answers", TO(TURN_CLOSES) },
	[TURN_CLOSES] = { "closes", TO(TURN_SETTLES) | TO(TURN_GONE) },
	[TURN_SETTLES] = { "settles", TO(TURN_GONE) },
	[TURN_GONE] = { "gone", 0 },
};

static void
turn_count(const struct turn *t, enum turn_state state, int change)
{
	struct metrics *m = loop_metrics(t->turns->loop);

	if (state == TURN_NEW || state == TURN_GONE)
		metrics_add(m, METRIC_TURNS, 0, -change);
	if (state == TURN_WAITS)
		metrics_add(m, METRIC_TURNS_WAITING, 0, change);
}

void
turn_to(struct turn *t, enum turn_state state)
{
	must(steps[t->state].next & TO(state));
	turn_count(t, t->state, -1);
	turn_count(t, state, 1);
	if (log_shows(LOG_LEVEL_DEBUG))
		log_debug("turn", LOG_STR("id", t->request_id),
		    LOG_STR("from", steps[t->state].name),
		    LOG_STR("to", steps[state].name));
	t->state = state;
}

void
place_free(struct ticket *ticket)
{
	struct place *place = container_of(ticket, struct place, ticket);

	place->turns->places--;
	free(place);
}
