/* How a target says that a promise is broken, and gets its bytes. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
fuzz_broken(const char *claim, const char *file, int line)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, claim);
	abort();
}

void *
fuzz_copy(const void *data, size_t n)
{
	char *copy = malloc(n > 0 ? n : 1);

	HOLDS(copy != NULL);
	if (n > 0)
		memcpy(copy, data, n);
	return copy;
}

char *
fuzz_text(const void *data, size_t n)
{
	char *text = malloc(n + 1);
	size_t i;

	HOLDS(text != NULL);
	if (n > 0)
		memcpy(text, data, n);
	for (i = 0; i < n; i++)
		if (text[i] == '\0')
			text[i] = '0';
	text[n] = '\0';
	return text;
}

char *
fuzz_line(char *text)
{
	size_t n = strcspn(text, "\n");

	if (text[n] == '\0')
		return text + n;
	text[n] = '\0';
	return text + n + 1;
}

/* Often a single byte, at times a lot. */
size_t
fuzz_cut(uint32_t *seed, size_t left)
{
	size_t n;

	*seed = *seed * 1664525 + 1013904223;
	n = *seed >> 30 == 0 ? 1 : 1 + (*seed >> 16) % 97;
	return n < left ? n : left;
}
