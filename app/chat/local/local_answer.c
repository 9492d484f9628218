/*
 * What can be said without a language model: articles about the words of a
 * question, the next ones when it has none, or what the visitor said before.
 */
#include "chat/local/local_answer.h"

#include <string.h>

#include "articles/search.h"
#include "articles/tokens.h"
#include "base/clock.h"
#include "base/date.h"
#include "base/text.h"
#include "chat/topic.h"

#define BEST          3   /* articles in an answer */
#define SHOWN_MAX     256 /* articles shown before that are left out */
#define QUOTES_MAX    (LOCAL_ANSWER_PIECES - 3)
#define QUOTE_BYTES   500 /* of a message that is quoted */
#define EXCERPT_BYTES 600
#define ANSWER_MAX    (32 * 1024)

struct words {
	const char *found;
	const char *newest;
	const char *more;
	const char *nothing;
	const char *nothing_more;
	const char *about_you;
	const char *you_said;
	const char *closest;
	const char *no_model;
	const char *degraded;
	const char *colon;
};

/* A draft in the making. */
struct writer {
	struct local_answer *draft;
	const struct local_search *search;
	const struct prompt *prompt;
	const struct words *words;
};

static const struct words words[] = {
	[LANG_FR] = {
		.found = "Voici ce que j'ai trouvé :\n\n",
		.newest = "Voici les articles les plus récents :\n\n",
		.more = "Voici la suite :\n\n",
		.nothing = "Je n'ai trouvé aucun article sur cette question.",
		.nothing_more = "Je n'ai pas d'autre article à ce sujet.",
		.about_you = "Je ne sais de vous que ce que vous m'avez dit.",
		.you_said = " Jusqu'ici, vous avez écrit :",
		.closest = "Je n'ai rien trouvé dans les articles de ce site "
		    "qui réponde à cette question. Les plus proches :\n\n",
		.degraded = "\n*L'assistant ne peut pas rédiger de réponse en"
		    " ce moment : celle-ci vient des articles.*\n",
		.no_model = "\n*Aucun modèle de langage n'est connecté : je"
		    " cherche dans une collection d'articles.*\n",
		.colon = " : ",
	},
	[LANG_EN] = {
		.found = "Here is what I found:\n\n",
		.newest = "Here are the newest articles:\n\n",
		.more = "Here is more:\n\n",
		.nothing = "I found no article about this.",
		.nothing_more = "I have no other article about this.",
		.about_you = "All I know of you is what you told me.",
		.you_said = " So far, you wrote:",
		.closest = "I found nothing in this site's articles that "
		    "answers this question. The closest ones:\n\n",
		.degraded = "\n*The assistant cannot write an answer at the"
		    " moment: this one comes from the articles.*\n",
		.no_model = "\n*No language model is connected: I search a"
		    " collection of articles.*\n",
		.colon = ": ",
	},
};

/*
 * Writing.
 */

static void
piece_end(struct writer *wr)
{
	struct local_answer *d = wr->draft;

	if (d->pieces < LOCAL_ANSWER_PIECES)
		d->ends[d->pieces++] = d->text.len;
}

/*
 * Text that is not ours, as Markdown that shows it as it is, on one line: what
 * could mean something is escaped, all white space is one blank.
 */
static void
add_plain(struct buf *out, const char *text, size_t len, size_t max)
{
	size_t n = len <= max ? len : text_floor(text, max);
	size_t i;

	for (i = 0; i < n; i++) {
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f) {
			if (out->len > 0 && out->data[out->len - 1] != ' ')
				buf_addc(out, ' ');
			continue;
		}
		if (strchr("\\`*_[]<>&~|#", text[i]) != NULL ||
		    (i == 0 && strchr("+-=", text[i]) != NULL))
			buf_addc(out, '\\');
		buf_addc(out, text[i]);
	}
	if (n < len)
		buf_adds(out, "…");
}

/* "2025-11-01", as it is written in the answer's language. */
static void
add_date(struct writer *wr, const char *date)
{
	static const int weights[] = { 1000, 100, 10, 1 };
	int month = (date[5] - '0') * 10 + date[6] - '0';
	int day = (date[8] - '0') * 10 + date[9] - '0';
	int year = 0;

	for (int i = 0; i < 4; i++)
		year += (date[i] - '0') * weights[i];
	date_add(&wr->draft->text, wr->prompt->lang, year, month, day);
}

/* With the best passage for its excerpt. */
static void
add_article(struct writer *wr, const struct search_hit *hit)
{
	const struct search_passage *passage = &hit->passages[0];
	const struct article *a = &hit->article;
	struct buf *out = &wr->draft->text;

	buf_adds(out, "- **[");
	add_plain(out, a->title, a->title_len, EXCERPT_BYTES);
	buf_addf(out, "](%s)** (", a->url);
	add_date(wr, a->date);
	buf_addf(out, ")%s", wr->words->colon);
	if (passage->text > a->text)
		buf_adds(out, "…");
	add_plain(out, passage->text, passage->len, EXCERPT_BYTES);
	if (passage->len <= EXCERPT_BYTES &&
	    passage->text + passage->len < a->text + a->text_len)
		buf_adds(out, "…");
	buf_addc(out, '\n');
	piece_end(wr);
}

static void
add_quote(struct writer *wr, const struct message *m)
{
	struct buf *out = &wr->draft->text;

	buf_adds(out, "\n> ");
	add_plain(out, m->text, m->len, QUOTE_BYTES);
	buf_addc(out, '\n');
	piece_end(wr);
}

/* What the visitor said: the first message, and the newest ones. */
static void
add_quotes(struct writer *wr)
{
	const struct history *history = wr->prompt->history;
	size_t pos = 0, said = history->count / 2, n = 0;
	struct message m;

	buf_adds(&wr->draft->text, said > 0 ? wr->words->you_said : "");
	buf_addc(&wr->draft->text, '\n');
	piece_end(wr);
	while (history_next(history, &pos, &m)) {
		if (m.role != ROLE_USER)
			continue;
		if (n == 0 || n + QUOTES_MAX > said)
			add_quote(wr, &m);
		n++;
	}
}

/*
 * Understanding.
 */

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (unsigned char)c >= 0x80;
}

/*
 * Whether one of the words of a list stands in a text. A typographic
 * apostrophe ends a word like the other.
 */
static bool
mentions(const char *text, size_t len, const char *const *list)
{
	char word[8];
	size_t i, n = 0;

	for (i = 0; i <= len; i++) {
		if (i < len && is_letter(text[i]) &&
		    (len - i < 3 || memcmp(text + i, "’", 3) != 0)) {
			if (n < sizeof(word) - 1)
				word[n] = text[i];
			n++;
			continue;
		}
		word[n < sizeof(word) ? n : 0] = '\0';
		for (size_t k = 0; n > 0 && list[k] != NULL; k++) {
			if (text_equal_nocase(word, list[k]))
				return true;
		}
		n = 0;
	}
	return false;
}

/* « Quel est mon nom ? »: something of the visitor's own. */
static bool
is_about_own(const char *text, size_t len)
{
	static const char *const own[] = { "mon", "ma", "mes", "my", "mine",
		NULL };

	return mentions(text, len, own);
}

/* « Qui suis-je ? »: only of use for a text without any other word. */
static bool
is_about_self(const char *text, size_t len)
{
	static const char *const self[] = { "je", "j", "moi", "me", "m", "i",
		NULL };

	return is_about_own(text, len) || mentions(text, len, self);
}

/* The articles that earlier answers linked to. */
static size_t
find_shown(struct writer *wr, uint32_t shown[SHOWN_MAX])
{
	const char *at, *end, *close;
	struct message m;
	size_t pos = 0, n = 0;

	while (history_next(wr->prompt->history, &pos, &m)) {
		if (m.role != ROLE_ASSISTANT)
			continue;
		end = m.text + m.len;
		for (at = m.text; n < SHOWN_MAX; at = close) {
			at = memmem(at, (size_t)(end - at), "](", 2);
			if (at == NULL)
				break;
			at += 2;
			close = memchr(at, ')', (size_t)(end - at));
			if (close == NULL)
				break;
			if (index_by_url(wr->search->index, at,
				(size_t)(close - at), &shown[n]))
				n++;
		}
	}
	return n;
}

/*
 * Something of the visitor's own is not a question about an article that
 * happens to mention the thing: then a word has to stand in a title to count.
 */
static void
search_for(struct writer *wr, struct search_result *result,
    const struct message *topic, bool again)
{
	const struct prompt *p = wr->prompt;
	uint32_t shown[SHOWN_MAX];
	struct search_ask ask = {
		.message = { p->question, p->len },
		.before = { topic->text, topic->len },
		.flags = SEARCH_OWN_WORD,
		.skip = shown,
		.skip_count = again ? find_shown(wr, shown) : 0,
		.max = BEST,
		.today = wr->search->today,
	};
	int64_t begun = clock_mono_us();

	if (again ? topic->text != NULL && is_about_own(topic->text, topic->len)
		  : is_about_own(p->question, p->len))
		ask.flags |= SEARCH_IN_TITLE;
	if (search_run(result, wr->search->index, wr->search->conf, &ask) !=
	    RC_OK)
		wr->draft->text.failed = true;
	wr->draft->search_us += clock_mono_us() - begun;
}

/* Write the line before the articles, then them; nothing without any. */
static bool
add_found(struct writer *wr, const char *intro, const struct message *topic,
    bool again)
{
	struct search_result result;
	size_t i, count;

	search_for(wr, &result, topic, again);
	if ((count = result.count) > 0) {
		buf_adds(&wr->draft->text, intro);
		piece_end(wr);
	}
	for (i = 0; i < count; i++)
		add_article(wr, &result.hits[i]);
	search_free(&result);
	return count > 0;
}

static void
write_all(struct writer *wr)
{
	const struct prompt *p = wr->prompt;
	const struct words *w = wr->words;
	struct buf *out = &wr->draft->text;
	struct message topic = { .text = NULL };
	bool follows = topic_find(p->history, &topic);

	if (p->why == PROMPT_NOT_FOUND) {
		if (!add_found(wr, w->closest, &topic, false)) {
			buf_adds(out, w->nothing);
			piece_end(wr);
		}
		return;
	}
	if (topic_is_named(p->question, p->len)) {
		if (!add_found(wr, w->found, &topic, false)) {
			buf_adds(out, w->nothing);
			add_quotes(wr);
		}
	} else if (is_about_self(p->question, p->len) &&
		   p->history->count > 0) {
		buf_adds(out, w->about_you);
		add_quotes(wr);
	} else if (!add_found(
		       wr, follows ? w->more : w->newest, &topic, true)) {
		buf_adds(out, w->nothing_more);
		add_quotes(wr);
	}
	buf_adds(out, p->why == PROMPT_DEGRADED ? w->degraded : w->no_model);
	piece_end(wr);
}

bool
local_answer_write(struct local_answer *d, const struct local_search *search,
    const struct prompt *prompt)
{
	struct writer wr = {
		.draft = d,
		.search = search,
		.prompt = prompt,
		.words = &words[prompt->lang],
	};

	d->pieces = 0;
	d->search_us = 0;
	buf_init(&d->text, ANSWER_MAX);
	buf_guard(&d->text);
	write_all(&wr);
	return !d->text.failed;
}

void
local_answer_free(struct local_answer *d)
{
	buf_wipe(&d->text);
}
