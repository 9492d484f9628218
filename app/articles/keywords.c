/*
 * Words as an index of French and English sees them, without asking the locale
 * or a library of Unicode: a search only has to be near enough.
 */
#include "articles/keywords.h"

#include <stdio.h>
#include <string.h>

/* French and English, folded as words are; each between two spaces. */
static const char stop_words[] =
    " about actu actualite actualites actus after again ai aie aient ait all"
    " alors also am an and another any appeler appelez appelle appelles apres"
    " are article articles as at au aucun aucune auquel aura aurais aurait"
    " autre autres aux avait avant avec avez aviez avoir avons be beaucoup"
    " because been before bien bon bonjour bonne bonsoir but by ca can car ce"
    " ceci cela celle celles celui ces cet cette ceux chacun chaque cherche"
    " chercher cherchez comme comment connaitre continue continuer contre"
    " coucou could dans de deja depuis dernier derniere dernieres derniers des"
    " did dire dis dit dites do does dois doit donc donne donner donnez du"
    " elle elles en encore entre es est et etaient etais etait ete etes etre"
    " eu eux faire fais fait faites faut find for from get give had has have"
    " hello her hers hi him his how if il ils in info information informations"
    " infos into is it its je jusqu just know la laquelle last latest le"
    " lequel les lesquelles lesquels let leur leurs like look looking lui ma"
    " mais me meme memes merci mes mine moi mon montre montrer more most my ne"
    " news next ni no non nos not notre nous nouveau nouvel nouvelle nouvelles"
    " of off ok okay on one ones only ont or other others ou oui our out over"
    " par parce parle parler parlez parmi pas peu peut peuvent peux please"
    " plus plusieurs pour pourquoi pourrais pourrait pouvez puis puisque qu"
    " quand que quel quelle quelles quelque quelques quels qui quoi raconte"
    " rappelle revoir sa sais salut sans savoir se search sera serait ses she"
    " should show si so soit some something sommes son sont sous such suis"
    " suite suivant suivante suivantes suivants sur svp ta tant te tel tell"
    " telle tes than thank thanks that the their them then there these they"
    " this those to toi ton too tous tout toute toutes tres trop trouve"
    " trouver tu un une up us va vais vas vers very veuillez veut veux voici"
    " voila voir vont vos votre voudrais voudrait voulez vous vu want was we"
    " were what when where which who whose why will with would yes you your"
    " yours ";

/* The next character; what is not UTF-8 is taken as U+FFFD. */
static unsigned long
char_next(const char **p, const char *end)
{
	static const unsigned char masks[] = { 0x1f, 0x0f, 0x07 };
	unsigned char lead = (unsigned char)*(*p)++;
	unsigned long c;
	int more;

	if (lead < 0x80)
		return lead;
	if (lead < 0xc0 || lead > 0xf7)
		return 0xfffd;
	more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
	c = lead & masks[more - 1];
	for (; more > 0; more--) {
		if (*p == end || ((unsigned char)**p & 0xc0) != 0x80)
			return 0xfffd;
		c = c << 6 | ((unsigned char)*(*p)++ & 0x3f);
	}
	return c;
}

/* Near enough: punctuation, signs and pictures lie outside these ranges. */
static bool
char_is_letter(unsigned long c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') ||
	       (c >= 0xc0 && c < 0x2000 && c != 0xd7 && c != 0xf7) ||
	       (c >= 0x2c00 && c < 0x2e00) || (c >= 0x3040 && c < 0xfe00) ||
	       (c >= 0x10000 && c < 0x1f000) || c >= 0x20000;
}

static bool
char_is_mark(unsigned long c)
{
	return c >= 0x300 && c < 0x370;
}

/* Lower case without accent for ASCII and Latin-1; 0: as it stands. */
static char
char_fold(unsigned long c)
{
	static const char plain[] = "aaaaaa.ceeeeiiii.nooooo..uuuuy..";

	if (c >= 'A' && c <= 'Z')
		return (char)(c + 'a' - 'A');
	if (c < 0x80)
		return (char)c;
	if (c >= 0xc0 && c < 0x100 && plain[c & 0x1f] != '.')
		return plain[c & 0x1f];
	return 0;
}

static void
word_add(struct keyword *w, unsigned long c, const char *bytes, size_t n)
{
	char folded = char_fold(c);

	if (char_is_mark(c))
		return;
	w->letters++;
	if (folded != 0) {
		bytes = &folded;
		n = 1;
	}
	if (w->len + n <= KEYWORD_BYTES) {
		memcpy(w->text + w->len, bytes, n);
		w->len += n;
	}
}

static bool
word_matters(const struct keyword *w)
{
	char between[KEYWORD_BYTES + 3];

	snprintf(between, sizeof(between), " %s ", w->text);
	return w->len > 1 && strstr(stop_words, between) == NULL;
}

bool
keywords_next(struct keyword *w, const char **p, const char *end)
{
	const char *at;
	unsigned long c;

	w->len = w->letters = 0;
	while (*p < end) {
		at = *p;
		c = char_next(p, end);
		if (char_is_letter(c))
			word_add(w, c, at, (size_t)(*p - at));
		if (char_is_letter(c) && *p < end)
			continue;
		w->text[w->len] = '\0';
		if (word_matters(w))
			return true;
		w->len = w->letters = 0;
	}
	return false;
}

int
keywords_count(const char *text, size_t len)
{
	const char *p = text, *end = text + len;
	struct keyword w;
	int n = 0;

	while (n < KEYWORDS_MAX && keywords_next(&w, &p, end))
		n++;
	return n;
}
