/*
 * The letters and digits of a text, one after the other, small, as UTF-8: what
 * stays of it whatever quotes, escapes or blanks are put between them. Escapes
 * of JSON, percent signs, references of HTML and \xHH stand for what they mean,
 * also where they were escaped again.
 */
#ifndef CHAT_MODEL_LETTERS_H
#define CHAT_MODEL_LETTERS_H

#include <stdbool.h>
#include <stddef.h>

struct letters {
	const char *p, *end;
	const char *from;	/* of the last one; up to p */
	bool marks;		/* all else that was meant, too */
	bool latin;		/* the last byte began a Latin-1 letter */
	char left[4];		/* of an escape that stands for several bytes */
	unsigned lefts, at;	/* of left */
};

struct letters letters_of(const char *, size_t);

/* The next one; -1 at the end. */
int letters_next(struct letters *);

#endif
