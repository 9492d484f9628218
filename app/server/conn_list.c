/* The connections of a loop that are idle, and those that are busy. */
#include <sys/epoll.h>

#include "loop/loop.h"
#include "server/conn_state.h"
#include "server/fcgi_records.h"
#include "server/pool.h"

void
conn_list_to(struct conn *c, struct conn_list *to)
{
	if (c->list == to)
		return;
	if (c->list != NULL) {
		if (c->prev != NULL)
			c->prev->next = c->next;
		else
			c->list->first = c->next;
		if (c->next != NULL)
			c->next->prev = c->prev;
		else
			c->list->last = c->prev;
	}
	c->list = to;
	if (to == NULL)
		return;
	c->next = NULL;
	c->prev = to->last;
	if (to->last != NULL)
		to->last->next = c;
	else
		to->first = c;
	to->last = c;
}

static bool
collects(const struct conn *c)
{
	return c->reply == REPLY_NONE && !fcgi_idle(&c->reader);
}

bool
conn_list_collects(const struct conn_list *list)
{
	const struct conn *c = list->first;

	while (c != NULL && !collects(c))
		c = c->next;
	return c != NULL;
}

struct conn *
conn_list_part(const struct conn_list *list)
{
	struct conn *c = list->first;

	while (c != NULL && (!collects(c) || c->out.len > 0))
		c = c->next;
	return c;
}

void
conn_list_mute(const struct conn_list *list)
{
	struct conn *c;

	for (c = list->first; c != NULL; c = c->next)
		loop_unwatch(c->pool->loop, &c->io);
}

void
conn_list_hear(const struct conn_list *list)
{
	struct conn *c, *next;

	for (c = list->first; c != NULL; c = next) {
		next = c->next;
		conn_watch(c, EPOLLIN | EPOLLRDHUP);
	}
}
