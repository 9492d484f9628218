/*
 * Without <string.h>, whose explicit_bzero may be an inline function over the
 * second one here (_FORTIFY_SOURCE).
 */
#include "wiped.h"

#include <stdio.h>

static struct wiped last;

void explicit_bzero(void *, size_t);
void __explicit_bzero_chk(void *, size_t, size_t);

void
explicit_bzero(void *p, size_t n)
{
	last.at = p;
	last.len = n;
	snprintf(last.text, sizeof(last.text), "%.*s", (int)n, (char *)p);
}

void
__explicit_bzero_chk(void *p, size_t n, size_t size)
{
	(void)size;
	explicit_bzero(p, n);
}

const struct wiped *
wiped_last(void)
{
	return &last;
}

void
wiped_forget(void)
{
	last = (struct wiped){ NULL, 0, "" };
}
