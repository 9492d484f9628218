/*
 * Where a text is cut into the parts that are searched and shown for
 * themselves: at the end of a paragraph, else of a sentence, else of a word.
 */
#ifndef ARTICLES_PASSAGES_H
#define ARTICLES_PASSAGES_H

#include <stddef.h>

#define PASSAGE_BYTES 1200	/* at most */

/*
 * The length of the first passage of a text, white space behind it included;
 * all of a text that is short enough. Well-formed UTF-8 is never cut within a
 * character.
 */
size_t passage_length(const char *, size_t);

#endif
