/* libstemmer, and nothing else. */
#include "articles/stem.h"

#include <libstemmer.h>
#include <string.h>

struct stemmer *
stemmer_open(void)
{
	return (struct stemmer *)sb_stemmer_new("french", "UTF_8");
}

void
stemmer_close(struct stemmer *stemmer)
{
	sb_stemmer_delete((struct sb_stemmer *)stemmer);
}

bool
stemmer_cut(struct stemmer *stemmer, struct token *t)
{
	struct sb_stemmer *sb = (struct sb_stemmer *)stemmer;
	const sb_symbol *stem;
	size_t len;

	stem = sb_stemmer_stem(sb, (const sb_symbol *)t->text, (int)t->len);
	if (stem == NULL)
		return false;
	len = (size_t)sb_stemmer_length(sb);
	if (len > 0 && len <= TOKEN_BYTES) {
		memcpy(t->text, stem, len);
		t->len = len;
		t->text[len] = '\0';
	}
	return true;
}
