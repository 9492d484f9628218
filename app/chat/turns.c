/* All turns of a loop: what they have in common, and how they end together. */
#include <stdlib.h>

#include "base/list.h"
#include "chat/turn.h"
#include "chat/turn_end.h"
#include "chat/turn_state.h"

#define MAIL_WAIT_MS 10 /* turns_close looks again after it */

static void
turns_end(struct turns *turns, bool running)
{
	struct list *node, *next;
	struct turn *t;

	LIST_EACH(node, next, &turns->running)
	{
		t = container_of(node, struct turn, node);
		if (running || t->state <= TURN_WAITS)
			turn_interrupt(t, RC_UNAVAILABLE);
	}
}

static void
turns_grace_over(struct timer *timer, void *arg)
{
	(void)timer;
	turns_end(arg, true);
}

struct turns *
turns_open(struct loop *loop, const struct turns_conf *conf)
{
	struct turns *turns;

	if ((turns = calloc(1, sizeof(*turns))) == NULL)
		return NULL;
	turns->loop = loop;
	list_init(&turns->running);
	turns->conf = *conf;
	timer_init(&turns->grace, turns_grace_over, turns);
	return turns;
}

void
turns_close(struct turns *turns)
{
	if (turns == NULL)
		return;
	loop_untimer(turns->loop, &turns->grace);
	while (turns->places > 0)
		loop_turn(turns->loop, MAIL_WAIT_MS);
	free(turns);
}

void
turns_drain(struct turns *turns, int64_t grace_ms)
{
	turns->draining = true;
	loop_timer(
	    turns->loop, &turns->grace, loop_now(turns->loop) + grace_ms);
	turns_end(turns, false);
}
