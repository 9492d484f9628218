/*
 * For libraries that do not survive it when they get no memory: to see before
 * whether they will.
 */
#ifndef BASE_ROOM_H
#define BASE_ROOM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether this thread can have so many bytes now. They are taken in one piece
 * and given back; the C library keeps them for the thread's next allocations,
 * since each of our threads has an arena of its own (mallopt(3), M_ARENA_MAX).
 */
bool room_for(size_t bytes);

#endif
