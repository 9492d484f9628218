/* One buffer for everything that is built piece by piece. */
#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"

#define BUF_FIRST 256 /* bytes of the first allocation */

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void
buf_guard(struct buf *b)
{
	b->secret = true;
}

void
buf_free(struct buf *b)
{
	if (b->secret && b->data != NULL)
		explicit_bzero(b->data, b->cap);
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
	b->failed = false;
}

void
buf_wipe(struct buf *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->cap);
	free(b->data);
	b->data = NULL;
	buf_free(b);
}

void
buf_clear(struct buf *b)
{
	if (b->secret && b->len > 0)
		explicit_bzero(b->data, b->len);
	b->len = 0;
	b->failed = false;
}

/* Memory of another size, with the bytes in it; NULL: nothing has changed. */
static char *
buf_move(const struct buf *b, size_t cap)
{
	char *data;

	if (!b->secret)
		return realloc(b->data, cap);
	if ((data = malloc(cap)) == NULL)
		return NULL;
	if (b->data != NULL) {
		memcpy(data, b->data, b->len);
		explicit_bzero(b->data, b->cap);
		free(b->data);
	}
	return data;
}

static bool
buf_enlarge(struct buf *b, size_t n)
{
	size_t need, cap;
	char *data;

	if (b->failed || n > b->max - b->len || n >= SIZE_MAX - b->len) {
		b->failed = true;
		return false;
	}
	need = b->len + n + 1;
	cap = b->cap == 0 ? BUF_FIRST : b->cap;
	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	if (cap - 1 > b->max)
		cap = b->max + 1;
	if ((data = buf_move(b, cap)) == NULL) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->cap = cap;
	return true;
}

/* Room for n more bytes and the NUL of buf_string. */
static inline bool
buf_grow(struct buf *b, size_t n)
{
	if (!b->failed && n < b->cap - b->len && n <= b->max - b->len)
		return true;
	return buf_enlarge(b, n);
}

char *
buf_reserve(struct buf *b, size_t n)
{
	return buf_grow(b, n) ? b->data + b->len : NULL;
}

void
buf_commit(struct buf *b, size_t n)
{
	must(b->failed || n <= b->cap - b->len);
	if (!b->failed)
		b->len += n;
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
	if (n == 0 || !buf_grow(b, n))
		return;
	memcpy(b->data + b->len, p, n);
	b->len += n;
}

void
buf_addc(struct buf *b, char c)
{
	if (!buf_grow(b, 1))
		return;
	b->data[b->len++] = c;
}

void
buf_addn(struct buf *b, int64_t n)
{
	uint64_t left = n < 0 ? -(uint64_t)n : (uint64_t)n;
	char digits[20], *p = digits + sizeof(digits);

	do
		*--p = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	if (n < 0)
		*--p = '-';
	buf_add(b, p, (size_t)(digits + sizeof(digits) - p));
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (!buf_grow(b, 0))
		return;
	va_start(ap, fmt);
	n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return;
	}
	if ((size_t)n >= b->cap - b->len) {
		if (!buf_grow(b, (size_t)n))
			return;
		va_start(ap, fmt);
		vsnprintf(b->data + b->len, b->cap - b->len, fmt, ap);
		va_end(ap);
	}
	b->len += (size_t)n;
}

void
buf_consume(struct buf *b, size_t n)
{
	must(n <= b->len);
	if (n == 0)
		return;
	b->len -= n;
	memmove(b->data, b->data + n, b->len);
}

const char *
buf_string(struct buf *b)
{
	if (!buf_grow(b, 0))
		return NULL;
	b->data[b->len] = '\0';
	return b->data;
}
