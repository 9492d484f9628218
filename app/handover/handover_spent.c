/* What was spent of limits: with the sessions, and as turns spend more. */
#include "handover/handover_spent.h"

#include "base/clock.h"
#include "handover/spent_wire.h"
#include "log/log.h"

static bool
spent_begin(struct handover *ho)
{
	ho->spent_place = 0;
	return true;
}

static bool
spent_next(struct handover *ho, struct buf *out)
{
	return spent_encode(&ho->env, &ho->spent_place, out);
}

static void
spent_aborted(struct handover *ho)
{
	spent_keep(&ho->env);
}

static bool
spent_take(
    struct handover *ho, struct owner_link *link, const char *data, size_t len)
{
	bool ok = spent_adopt(&ho->env, data, len, clock_mono_ms());

	(void)link;
	if (!ok)
		log_error("owner", LOG_STR("refused", "what was spent"));
	return ok;
}

const struct handover_part handover_spent = {
	.name = "spent",
	.type = WIRE_SPENT,
	.begin = spent_begin,
	.next = spent_next,
	.aborted = spent_aborted,
	.adopt = spent_take,
};
