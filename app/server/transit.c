/* A stack: in which order connections move does not matter. */
#include "server/transit.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define ROOM_MIN 16

void
transit_init(struct transit *transit, int fd)
{
	transit->fd = fd;
	buf_init(&transit->part, SIZE_MAX / 2);
}

void
transit_close(struct transit *transit)
{
	close(transit->fd);
	buf_wipe(&transit->part);
}

bool
transits_add(struct transits *all, struct transit *transit)
{
	size_t room = all->room == 0 ? ROOM_MIN : all->room * 2;
	struct transit *list;

	if (all->count == all->room) {
		list = realloc(all->list, room * sizeof(*list));
		if (list == NULL)
			return false;
		all->list = list;
		all->room = room;
	}
	all->list[all->count++] = *transit;
	return true;
}

bool
transits_take(struct transits *all, struct transit *transit)
{
	if (all->count == 0)
		return false;
	*transit = all->list[--all->count];
	return true;
}

void
transits_close(struct transits *all)
{
	struct transit transit;

	while (transits_take(all, &transit))
		transit_close(&transit);
	free(all->list);
	*all = (struct transits){ 0 };
}
