/*
 * A growing byte buffer with a ceiling. A failure (ceiling or memory) sticks:
 * later additions do nothing, and the one who built the buffer looks at
 * `failed` once, at the end.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
	char	*data;		/* NULL while nothing was added */
	size_t	 len;
	size_t	 cap;
	size_t	 max;		/* len never exceeds it */
	bool	 failed;
	bool	 secret;	/* somebody's words: see buf_guard */
};

/* An empty buffer that allocates nothing yet; max is in bytes. */
void buf_init(struct buf *, size_t max);

/*
 * What it holds from now on is overwritten with zeros before it is forgotten:
 * by buf_clear and buf_free, and where it grows and moves. It stays so.
 */
void buf_guard(struct buf *);

/* Free the bytes; the buffer is then as after buf_init. */
void buf_free(struct buf *);

/* As buf_free, but the bytes are overwritten with zeros first. */
void buf_wipe(struct buf *);

/* Forget the bytes and the failure, keep the memory. */
void buf_clear(struct buf *);

void buf_add(struct buf *, const void *, size_t);
void buf_addc(struct buf *, char);
void buf_addn(struct buf *, int64_t);	/* in decimal */
void buf_addf(struct buf *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

/* Inline, so that the length of a constant is one too. */
static inline void
buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

/*
 * Room for at least n more bytes behind the end, to be filled by the caller
 * and then counted with buf_commit; NULL when it fails (and sticks).
 */
char *buf_reserve(struct buf *, size_t n);
void buf_commit(struct buf *, size_t n);

/* Remove the first n bytes, n <= len. */
void buf_consume(struct buf *, size_t n);

/* The bytes as a string, a NUL kept behind them; NULL when it fails. */
const char *buf_string(struct buf *);

#endif
