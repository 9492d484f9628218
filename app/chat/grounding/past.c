/* The filter of answers, given no source, takes every number out. */
#include "chat/grounding/past.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "chat/grounding/cite_filter.h"
#include "session/cited.h"

#define TEXTS_MAX (64 * 1024 * 1024)

/* A history, and the texts that take the place of its answers'. */
struct past {
	const struct history *history;
	struct buf texts;
	struct buf lengths; /* size_t each, of the answers in order */
	size_t at, answer;
};

size_t
past_size(const struct history *h)
{
	struct message m;
	size_t pos = 0, size = 0;

	while (history_next(h, &pos, &m))
		size += m.len;
	return size;
}

static bool
has_numbers(const struct message *m)
{
	return cited_grounding(m->cited, m->cited_len) == GROUNDING_CITED;
}

static void
past_filter(struct past *p, const struct message *m)
{
	static const struct cite_conf none = { .any = true };
	size_t from = p->texts.len, len;
	struct cite_filter f;

	if (has_numbers(m)) {
		cite_filter_init(&f, &none);
		cite_filter_add(&f, m->text, m->len, &p->texts);
		cite_filter_end(&f, &p->texts);
		cite_filter_free(&f);
	} else {
		buf_add(&p->texts, m->text, m->len);
	}
	len = p->texts.len - from;
	buf_add(&p->lengths, &len, sizeof(len));
}

/* history_step_f; what an answer went by is of no use to a model. */
static bool
past_step(void *from, size_t *pos, struct message *m)
{
	struct past *p = from;

	if (*pos == 0)
		p->at = p->answer = 0;
	if (!history_next(p->history, pos, m))
		return false;
	m->cited = NULL;
	m->cited_len = 0;
	if (m->role == ROLE_ASSISTANT) {
		m->text = p->texts.data + p->at;
		memcpy(&m->len, p->lengths.data + p->answer * sizeof(m->len),
		    sizeof(m->len));
		p->at += m->len;
		p->answer++;
	}
	return true;
}

static bool
any_numbers(const struct history *h)
{
	struct message m;
	size_t pos = 0;

	while (history_next(h, &pos, &m))
		if (has_numbers(&m))
			return true;
	return false;
}

static enum rc
past_rewrite(struct history *h)
{
	struct past p = { .history = h };
	struct history fresh;
	struct message m;
	size_t pos = 0;
	enum rc rc = RC_NOMEM;

	buf_init(&p.texts, TEXTS_MAX);
	buf_guard(&p.texts);
	buf_init(&p.lengths, TEXTS_MAX);
	while (history_next(h, &pos, &m))
		if (m.role == ROLE_ASSISTANT)
			past_filter(&p, &m);
	if (!p.texts.failed && !p.lengths.failed)
		rc = history_build(&fresh, past_step, &p);
	buf_wipe(&p.texts);
	buf_free(&p.lengths);
	if (rc == RC_OK) {
		history_free(h);
		*h = fresh;
	}
	return rc;
}

enum rc
past_make(struct history *out, const struct history *h, size_t bytes)
{
	const struct window room = { UINT64_MAX, bytes };
	const struct window last = { 2, UINT64_MAX };
	enum rc rc = history_copy(out, h, &room);

	if (rc == RC_OK && out->count == 0 && h->count > 0)
		rc = history_copy(out, h, &last);
	if (rc == RC_OK && any_numbers(out) &&
	    (rc = past_rewrite(out)) != RC_OK)
		history_free(out);
	return rc;
}
