/*
 * Lines, and code in fences. A list or a quotation may end it in ways that only
 * a reader of all of Markdown knows: then nothing counts as code any more.
 */
#include <string.h>

#include "chat/grounding/cite_marks.h"
#include "chat/grounding/cite_parts.h"

#define FENCE_MIN  3
#define INDENT_MAX 3

size_t
cite_take_eol(struct cite_filter *f, char c)
{
	bool half = c == '\n' && f->cr;

	if (!half && f->blank)
		f->no_span = false;
	f->cr = c == '\r';
	f->blank = f->line = true;
	return cite_plain(f, &c, 1);
}

static size_t
line_end(const struct cite_text *t, size_t at)
{
	while (at < t->n && !cite_is_eol(t->p[at]))
		at++;
	return at;
}

/* Whether a text that ends here ends for good, and not for want of room. */
static bool
ends_here(const struct cite_text *t)
{
	return t->whole && t->n < CITE_HELD_MAX;
}

/* The blanks that it begins with, and whether there are other ones. */
static size_t
indent_of(const struct cite_text *t, bool *tab)
{
	size_t at = 0;

	for (*tab = false; at < t->n && (t->p[at] == ' ' || t->p[at] == '\t');)
		*tab |= t->p[at++] == '\t';
	return at;
}

/* Code in fences begins: CITE_READ, and *used. */
static enum cite_read
read_opening(struct cite_filter *f, const struct cite_text *t, size_t *used)
{
	bool tab;
	size_t at = indent_of(t, &tab), run, end;
	struct cite_text rest = { t->p + at, t->n - at, t->whole };

	if (f->no_fence || tab || at > INDENT_MAX)
		return CITE_NONE;
	if (at == t->n)
		return t->whole ? CITE_NONE : CITE_MORE;
	if (t->p[at] != '`' && t->p[at] != '~')
		return CITE_NONE;
	if (cite_read_run(&run, &rest) == CITE_MORE)
		return CITE_MORE;
	end = line_end(t, at + run);
	if (run < FENCE_MIN)
		return CITE_NONE;
	if (end == t->n && !ends_here(t))
		return t->whole ? CITE_NONE : CITE_MORE;
	if (t->p[at] == '`' &&
	    memchr(t->p + at + run, '`', end - at - run) != NULL)
		return CITE_NONE;
	f->fence = t->p[at];
	f->fence_len = run;
	f->fence_indent = at;
	*used = end;
	return CITE_READ;
}

/* Nobody can tell any more where code in fences begins and ends. */
static void
lose_fence(struct cite_filter *f)
{
	f->fence = 0;
	f->no_fence = true;
}

/*
 * A line in fences that closes them: CITE_READ, and *used. In a list it may be
 * the list's end that does.
 */
static enum cite_read
read_closing(struct cite_filter *f, const struct cite_text *t, size_t *used)
{
	bool tab, certain;
	size_t at = indent_of(t, &tab), run = 0;

	if (at == t->n)
		return t->whole ? CITE_NONE : CITE_MORE;
	if (f->fence_indent > 0 && !cite_is_eol(t->p[at]) &&
	    (tab || at < f->fence_indent)) {
		lose_fence(f);
		return CITE_NONE;
	}
	while (at + run < t->n && t->p[at + run] == f->fence)
		run++;
	*used = at + run;
	while (*used < t->n && (t->p[*used] == ' ' || t->p[*used] == '\t'))
		(*used)++;
	if (*used == t->n && !t->whole)
		return CITE_MORE;
	if (run < f->fence_len || (*used < t->n && !cite_is_eol(t->p[*used])))
		return CITE_NONE;
	certain = !tab && at <= INDENT_MAX && (*used < t->n || ends_here(t));
	if (!certain && f->fence_indent == 0 && (*used < t->n || ends_here(t)))
		return CITE_NONE;
	if (certain)
		f->fence = 0;
	else
		lose_fence(f);
	return CITE_READ;
}

/* A line of code, or what there is of it. */
size_t
cite_take_code(struct cite_filter *f, const struct cite_text *t)
{
	size_t end = line_end(t, 0);

	if (end == 0)
		return cite_take_eol(f, t->p[0]);
	f->line = f->blank = false;
	cite_write_raw(f, t->p, end);
	return end;
}

/* At the head of a line. CITE_NONE: there is nothing special. */
enum cite_read
cite_take_head(struct cite_filter *f, const struct cite_text *t, size_t *used)
{
	enum cite_read got = f->fence != 0 ? read_closing(f, t, used)
	                                   : read_opening(f, t, used);

	if (got == CITE_MORE)
		return got;
	f->line = false;
	if (got == CITE_READ) {
		f->blank = false;
		cite_write_raw(f, t->p, *used);
	}
	return got;
}
