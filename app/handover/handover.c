/* The list of what goes from one owner to the next. */
#include "handover/handover.h"

#include <stdlib.h>

#include "base/clock.h"
#include "handover/handover_results.h"
#include "handover/handover_sessions.h"
#include "handover/handover_spent.h"
#include "handover/handover_state.h"

static const struct handover_part *const parts[] = {
	&handover_sessions,
	&handover_spent,
	&handover_results,
};
#define PARTS_COUNT (sizeof(parts) / sizeof(parts[0]))

static uint64_t
handover_live(void *arg)
{
	const struct handover *ho = arg;
	const struct store_now now = store_now_at(clock_mono_ms());

	return store_live(ho->env.store, &now);
}

/* The one that a frame carries; NULL: none. */
static const struct handover_part *
part_of(enum wire_type type)
{
	for (size_t i = 0; i < PARTS_COUNT; i++)
		if (parts[i]->type == type)
			return parts[i];
	return NULL;
}

/*
 * The old owner's.
 */

static bool
handover_begin(void *arg)
{
	for (size_t i = 0; i < PARTS_COUNT; i++)
		if (parts[i]->begin != NULL && !parts[i]->begin(arg))
			return false;
	return true;
}

static bool
handover_next(void *arg, enum wire_type type, struct buf *out)
{
	const struct handover_part *part = part_of(type);

	return part != NULL && part->next(arg, out);
}

static void
handover_committed(void *arg)
{
	for (size_t i = 0; i < PARTS_COUNT; i++)
		if (parts[i]->committed != NULL)
			parts[i]->committed(arg);
}

static void
handover_aborted(void *arg)
{
	for (size_t i = 0; i < PARTS_COUNT; i++)
		if (parts[i]->aborted != NULL)
			parts[i]->aborted(arg);
}

static void
handover_signal(void *arg, const char *data, size_t len)
{
	for (size_t i = 0; i < PARTS_COUNT; i++)
		if (parts[i]->on_signal != NULL)
			parts[i]->on_signal(arg, data, len);
}

static void
handover_heir_lost(void *arg)
{
	for (size_t i = 0; i < PARTS_COUNT; i++)
		if (parts[i]->on_heir_lost != NULL)
			parts[i]->on_heir_lost(arg);
}

/*
 * The new one's.
 */

static bool
handover_adopt(void *arg, enum wire_type type, struct owner_link *link,
    const char *data, size_t len)
{
	const struct handover_part *part = part_of(type);

	return part != NULL && part->adopt(arg, link, data, len);
}

static void
handover_owner_lost(void *arg, struct owner_link *link)
{
	for (size_t i = 0; i < PARTS_COUNT; i++)
		if (parts[i]->on_owner_lost != NULL)
			parts[i]->on_owner_lost(arg, link);
}

void
handover_init(struct handover *ho, const struct handover_env *env)
{
	*ho = (struct handover){ .env = *env };
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
	return (struct owner_app){
		.arg = ho,
		.live = handover_live,
		.begin = handover_begin,
		.next = handover_next,
		.committed = handover_committed,
		.aborted = handover_aborted,
		.on_signal = handover_signal,
		.on_heir_lost = handover_heir_lost,
		.adopt = handover_adopt,
		.on_owner_lost = handover_owner_lost,
	};
}
