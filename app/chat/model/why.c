/* The words, as a table to look them up in. */
#include "chat/model/why.h"

#include <stddef.h>

#define ROW(name, word) word,

static const char *const words[WHY_COUNT] = { WHY_LIST(ROW) };

const char *
why_word(enum why why)
{
	return words[why];
}
