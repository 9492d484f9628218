/* What both owners have in common, and nobody else. */
#include "handover/handover.h"

#include <stdlib.h>

#include "base/clock.h"
#include "handover/handover_state.h"
#include "session/store.h"

static uint64_t
handover_live(void *arg)
{
	const struct handover *ho = arg;
	const struct store_now now = store_now_at(clock_mono_ms());

	return store_live(ho->app->store, &now);
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
