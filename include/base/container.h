/* From a member to the struct that it lies in. */
#ifndef BASE_CONTAINER_H
#define BASE_CONTAINER_H

#include <stddef.h>

/*
 * The struct whose member `member` p points to; p is not NULL and has that
 * member's type, which the compiler checks.
 */
#define container_of(p, type, member)                                          \
	((type *)(void *)((char *)(p) - offsetof(type, member) +               \
			  0 * sizeof((p) == &((type *)(void *)(p))->member)))

#endif
