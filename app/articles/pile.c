/* A pile is moved by the system, not copied, when it grows. */
#include "articles/pile.h"

#include <sys/mman.h>

#include <stdint.h>
#include <string.h>

#define FIRST_SIZE (64 * 1024)

char *
block_new(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p != MAP_FAILED ? p : NULL;
}

void
block_free(char *block, size_t size)
{
	if (block != NULL)
		munmap(block, size);
}

static bool
pile_grow(struct pile *p, size_t n)
{
	size_t cap = p->cap > 0 ? p->cap : FIRST_SIZE;
	void *data;

	if (n > SIZE_MAX / 4 - p->len)
		return false;
	while (cap - p->len < n)
		cap *= 2;
	data = p->data == NULL ? (void *)block_new(cap)
	                       : mremap(p->data, p->cap, cap, MREMAP_MAYMOVE);
	if (data == NULL || data == MAP_FAILED)
		return false;
	p->data = data;
	p->cap = cap;
	return true;
}

bool
pile_add(struct pile *p, const void *bytes, size_t n)
{
	if (n > p->cap - p->len && !pile_grow(p, n))
		return false;
	if (n > 0)
		memcpy(p->data + p->len, bytes, n);
	p->len += n;
	return true;
}

void
pile_free(struct pile *p)
{
	block_free(p->data, p->cap);
	*p = (struct pile){ .data = NULL };
}
