/* What goes from process to process looks the same for whoever reads it. */
#include "base/bytes.h"

void
bytes_put(char *p, uint64_t n, size_t bytes)
{
	for (size_t i = bytes; i-- > 0; n >>= 8)
		p[i] = (char)(n & 0xff);
}

uint64_t
bytes_get(const char *p, size_t bytes)
{
	uint64_t n = 0;

	for (size_t i = 0; i < bytes; i++)
		n = n << 8 | (unsigned char)p[i];
	return n;
}

void
bytes_add(struct buf *b, uint64_t n, size_t bytes)
{
	char text[8];

	bytes_put(text, n, bytes);
	buf_add(b, text, bytes);
}
