/*
 * Memory for what is large and comes and goes: taken from the system page by
 * page and given back to it at once, whatever the allocator keeps.
 */
#ifndef ARTICLES_PILE_H
#define ARTICLES_PILE_H

#include <stdbool.h>
#include <stddef.h>

/* All at zero; NULL without memory. */
char *block_new(size_t);
void block_free(char *, size_t);	/* NULL is allowed */

/* Bytes that are only added to; all zero: none, without memory. */
struct pile {
	char	*data;
	size_t	 len;
	size_t	 cap;
};

/* False without memory; the pile is as before then. */
bool pile_add(struct pile *, const void *, size_t);
void pile_free(struct pile *);

#endif
