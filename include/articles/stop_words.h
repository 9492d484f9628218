/*
 * Words that say nothing about what a text is about, in French and English.
 */
#ifndef ARTICLES_STOP_WORDS_H
#define ARTICLES_STOP_WORDS_H

enum word_kind {
	WORD_PLAIN,		/* it means something */
	WORD_STOP,		/* it never stands in an index */
	WORD_NEWS,		/* a stop word that asks for what is new */
};

/* The kind of a word as tokens_next writes it. */
enum word_kind stop_word(const char *);

#endif
