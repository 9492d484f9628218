/*
 * What is overwritten: the C library's explicit_bzero is replaced, since freed
 * memory cannot be looked at.
 */
#ifndef TESTS_WIPED_H
#define TESTS_WIPED_H

#include <stddef.h>

/* The last memory that was to be overwritten; it was not. */
struct wiped {
	const void	*at;		/* NULL: none */
	size_t		 len;
	char		 text[64];	/* how it began, with a NUL */
};

const struct wiped *wiped_last(void);
void wiped_forget(void);

#endif
