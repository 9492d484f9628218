/* A question to malloc; the compiler must not answer it by itself. */
#include "base/room.h"

#include <stdlib.h>

bool
room_for(size_t bytes)
{
	void *volatile room = malloc(bytes);
	bool there = room != NULL;

	free(room);
	return there;
}
