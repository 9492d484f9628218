/* All turns of a loop: what they have in common, and how they end together. */
#include <stdlib.h>

#include "base/list.h"
#include "chat/turn.h"
#include "chat/turn_end.h"
#include "chat/turn_state.h"

#define MAIL_WAIT_MS 10 /* turns_close looks again after it */

static bool
turn_has_not_begun(const struct turn *t)
{
	return t->state == TURN_BEGINS || t->state == TURN_WAITS ||
	       t->state == TURN_HELD;
}

static void
turns_end(struct turns *turns, bool running)
{
	struct list *node, *next;
	struct turn *t;

	LIST_EACH(node, next, &turns->running) {
		t = container_of(node, struct turn, node);
		if (running || turn_has_not_begun(t))
			turn_interrupt(t, RC_UNAVAILABLE);
	}
}

static void
turns_grace_over(struct timer *timer, void *arg)
{
	(void)timer;
	turns_end(arg, true);
}

/* What the store tells those whose session is held elsewhere, or was. */
static void
turns_signal(void *arg, const struct sid *sid, const struct sid *token,
    enum store_signal signal)
{
	struct turns *turns = arg;
	struct list *node, *next;
	struct turn *t;

	LIST_EACH(node, next, &turns->running) {
		t = container_of(node, struct turn, node);
		if (sid_equal(&t->hold.token, token) &&
		    sid_equal(&t->sid, sid)) {
			turn_signal(t, signal);
			break;
		}
	}
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
	turns->port = store_join(conf->store, loop, turns_signal, turns);
	if (turns->port == NULL) {
		free(turns);
		return NULL;
	}
	return turns;
}

struct store_port *
turns_port(const struct turns *turns)
{
	return turns->port;
}

void
turns_close(struct turns *turns)
{
	if (turns == NULL)
		return;
	loop_untimer(turns->loop, &turns->grace);
	while (turns->places > 0)
		loop_turn(turns->loop, MAIL_WAIT_MS);
	store_part(turns->port);
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
