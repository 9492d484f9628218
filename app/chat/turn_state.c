/* What may follow what in a turn, and what is counted on the way. */
#include "chat/turn_state.h"

#include <stdlib.h>

#include "base/container.h"
#include "base/must.h"
#include "log/log.h"
#include "log/metrics.h"

#define TO(state) (1u << TURN_##state)

static const struct {
	const char *name;
	unsigned next; /* a set of TO() */
} steps[] = {
	[TURN_NEW] = { "new", TO(BEGINS) },
	[TURN_BEGINS] = { "begins", TO(WAITS) | TO(OPENS) | TO(GONE) },
	[TURN_WAITS] = { "waits", TO(OPENS) | TO(GONE) },
	/* again, for a new session in the place of one that is gone */
	[TURN_OPENS] = { "opens",
	    TO(OPENS) | TO(HELD) | TO(ANSWERS) | TO(CLOSES) | TO(GONE) },
	[TURN_HELD] = { "held", TO(OPENS) | TO(GONE) },
	[TURN_ANSWERS] = { "answers", TO(CLOSES) },
	[TURN_CLOSES] = { "closes", TO(SETTLES) | TO(GONE) },
	[TURN_SETTLES] = { "settles", TO(GONE) },
	[TURN_GONE] = { "gone", 0 },
};

static void
turn_count(const struct turn *t, enum turn_state state, int change)
{
	struct metrics *m = loop_metrics(t->turns->loop);

	if (state == TURN_NEW || state == TURN_GONE)
		metrics_add(m, METRIC_TURNS, 0, -change);
	if (state == TURN_WAITS || state == TURN_HELD)
		metrics_add(m, METRIC_TURNS_WAITING, 0, change);
}

struct store_now
turn_now(const struct turn *t)
{
	return store_now_at(loop_now(t->turns->loop));
}

void
turn_to(struct turn *t, enum turn_state state)
{
	must(steps[t->state].next & 1u << state);
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
