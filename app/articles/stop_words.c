/* Each word folded and in the order of its bytes. */
#include "articles/stop_words.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
static const char *const news_words[] = {
	"actu", "actualite", "actualites", "actus", "aujourd", "dernier",
	"derniere", "dernieres", "derniers", "last", "latest", "newest",
	"news", "nouveau", "nouveaute", "nouveautes", "nouveaux", "nouvel",
	"nouvelle", "nouvelles", "recemment", "recent", "recente", "recentes",
	"recently", "recents", "today",
};

static const char *const stop_words[] = {
	"about", "afin", "after", "again", "ai", "aie", "aient", "ainsi",
	"ait", "all", "alors", "also", "am", "an", "and", "another", "any",
	"appeler", "appelez", "appelle", "appelles", "apres", "are", "article",
	"articles", "as", "at", "au", "aucun", "aucune", "auquel", "aura",
	"aurais", "aurait", "auriez", "aurons", "auront", "autre", "autres",
	"aux", "avait", "avant", "avec", "avez", "aviez", "avoir", "avons",
	"ayant", "be", "beaucoup", "because", "been", "before", "bien", "bon",
	"bonjour", "bonne", "bonsoir", "but", "by", "ca", "can", "car", "ce",
	"ceci", "cela", "celle", "celles", "celui", "ces", "cet", "cette",
	"ceux", "chacun", "chaque", "cherche", "chercher", "cherchez", "chez",
	"comme", "comment", "connaitre", "continue", "continuer", "contre",
	"coucou", "could", "dans", "de", "deja", "depuis", "des", "did",
	"dire", "dis", "dit", "dites", "do", "does", "dois", "doit", "donc",
	"donne", "donner", "donnez", "dont", "du", "elle", "elles", "en",
	"encore", "entre", "es", "est", "et", "etaient", "etais", "etait",
	"etant", "ete", "etes", "etiez", "etions", "etre", "eu", "eut", "eux",
	"faire", "fais", "fait", "faites", "faut", "find", "for", "from",
	"furent", "fut", "get", "give", "had", "has", "have", "hello", "her",
	"hers", "hi", "him", "his", "how", "hui", "if", "il", "ils", "in",
	"info", "information", "informations", "infos", "into", "is", "it",
	"its", "je", "jusqu", "just", "know", "la", "laquelle", "le", "lequel",
	"les", "lesquelles", "lesquels", "let", "leur", "leurs", "like",
	"look", "looking", "lors", "lorsqu", "lorsque", "lui", "ma", "mais",
	"me", "meme", "memes", "merci", "mes", "mine", "moi", "mon", "montre",
	"montrer", "more", "most", "my", "ne", "next", "ni", "no", "non",
	"nos", "not", "notre", "nous", "of", "off", "ok", "okay", "on", "one",
	"ones", "only", "ont", "or", "other", "others", "ou", "oui", "our",
	"out", "over", "par", "parce", "parle", "parler", "parlez", "parmi",
	"pas", "peu", "peut", "peuvent", "peux", "please", "plus", "plusieurs",
	"pour", "pourquoi", "pourrais", "pourrait", "pouvez", "presqu", "puis",
	"puisqu", "puisque", "qu", "quand", "que", "quel", "quelle", "quelles",
	"quelqu", "quelque", "quelques", "quels", "qui", "quiconque", "quoi",
	"quoiqu", "quoique", "raconte", "rappelle", "revoir", "sa", "sais",
	"salut", "sans", "savoir", "se", "search", "sera", "serait", "serons",
	"seront", "ses", "she", "should", "show", "si", "so", "soient", "soit",
	"some", "something", "sommes", "son", "sont", "sous", "soyez",
	"soyons", "such", "suis", "suite", "suivant", "suivante", "suivantes",
	"suivants", "sur", "svp", "ta", "tandis", "tant", "te", "tel", "tell",
	"telle", "tes", "than", "thank", "thanks", "that", "the", "their",
	"them", "then", "there", "these", "they", "this", "those", "to", "toi",
	"ton", "too", "tous", "tout", "toute", "toutes", "tres", "trop",
	"trouve", "trouver", "tu", "un", "une", "up", "us", "va", "vais",
	"vas", "vers", "very", "veuillez", "veut", "veux", "voici", "voila",
	"voir", "vont", "vos", "votre", "voudrais", "voudrait", "voulez",
	"vous", "vu", "want", "was", "we", "were", "what", "when", "where",
	"which", "who", "whose", "why", "will", "with", "would", "yes", "you",
	"your", "yours",
};
/* clang-format on */

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int
word_compare(const void *word, const void *row)
{
	return strcmp(word, *(const char *const *)row);
}

static bool
word_stands(const char *word, const char *const *rows, size_t count)
{
	return bsearch(word, rows, count, sizeof(*rows), word_compare) != NULL;
}

enum word_kind
stop_word(const char *word)
{
	if (word_stands(word, stop_words, COUNT(stop_words)))
		return WORD_STOP;
	if (word_stands(word, news_words, COUNT(news_words)))
		return WORD_NEWS;
	return WORD_PLAIN;
}
