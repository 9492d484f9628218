/* The later half of a passage is looked at for a good place to end it. */
#include "articles/passages.h"

#include <stdbool.h>

#include "base/text.h"

static bool
is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* How good it is to cut before s[n], n > 0: 0 is not at all. */
static int
cut_quality(const char *s, size_t n)
{
	char last = s[n - 1];

	if (last == '\n')
		return 3;
	if (!is_space(last))
		return 0;
	if (n > 1 && (s[n - 2] == '.' || s[n - 2] == '!' || s[n - 2] == '?'))
		return 2;
	return 1;
}

size_t
passage_length(const char *s, size_t len)
{
	size_t n, best = 0;
	int quality = 0, q;

	if (len <= PASSAGE_BYTES)
		return len;
	for (n = PASSAGE_BYTES; n > PASSAGE_BYTES / 2 && quality < 3; n--) {
		if ((q = cut_quality(s, n)) > quality) {
			quality = q;
			best = n;
		}
	}
	return best > 0 ? best : text_floor(s, PASSAGE_BYTES);
}
