/* What both owners have in common, and nobody else. */
#include "handover/handover.h"

#include <stdlib.h>

#include "base/clock.h"
#include "handover/handover_state.h"
#include "session/store.h"

void
handover_ignore(void *arg, enum rc rc, struct session *none)
{
	(void)arg;
	(void)rc;
	(void)none;
}

static void
counted(void *arg, enum rc rc, const struct store_totals *totals)
{
	(void)rc;
	*(uint64_t *)arg = totals->sessions;
}

static uint64_t
handover_live(void *arg)
{
	struct handover *ho = arg;
	uint64_t n = 0;

	store_count(ho->app->store, clock_mono_ms(), counted, &n);
	return n;
}

void
handover_init(struct handover *ho, struct service *app)
{
	*ho = (struct handover){ .app = app };
}

void
handover_free(struct handover *ho)
{
	free(ho->items);
	*ho = (struct handover){ 0 };
}

struct owner_app
handover_callbacks(struct handover *ho)
{
	struct owner_app app = { .arg = ho, .live = handover_live };

	handover_give_callbacks(&app);
	handover_take_callbacks(&app);
	return app;
}
