/*
 * Two layers: the reader recognizes what stands at the head of what is held,
 * and waits while it cannot know; the writer (cite_write.c) sees to it that
 * what is left makes nothing new.
 */
#include "chat/grounding/cite_filter.h"

#include <ctype.h>
#include <string.h>

#include "chat/grounding/cite_marks.h"
#include "chat/grounding/cite_parts.h"

#define FENCE_MIN 3
#define DEEP      4 /* texts in texts */
#define ADDED_MAX (4 * 1024 * 1024)

static size_t filter_step(
    struct cite_filter *, const struct cite_text *, unsigned depth);

static void
write_filtered(
    struct cite_filter *f, const char *text, size_t n, unsigned depth)
{
	struct cite_text t = { text, n, true };
	size_t used;

	while (t.n > 0) {
		used = filter_step(f, &t, depth + 1);
		t.p += used;
		t.n -= used;
	}
}

/*
 * Sources.
 */

static bool
is_known(const struct cite_filter *f, unsigned number)
{
	return number > 0 && number <= f->conf.count;
}

static bool
has_url(const struct cite_filter *f, const char *url, size_t n)
{
	for (unsigned i = 0; i < f->conf.count; i++)
		if (n > 0 && f->conf.urls[i].len == n &&
		    memcmp(f->conf.urls[i].text, url, n) == 0)
			return true;
	return false;
}

static void
write_number(struct cite_filter *f, unsigned number)
{
	const struct cite_url *url = &f->conf.urls[number - 1];
	char digits[4] = "";
	size_t n = 0;

	f->known++;
	f->cited |= UINT32_C(1) << (number - 1);
	if (f->conf.form == CITE_OFF) {
		f->dropped = true;
		return;
	}
	if (number >= 10)
		digits[n++] = (char)('0' + number / 10);
	digits[n++] = (char)('0' + number % 10);
	cite_write_raw(f, "[", 1);
	cite_write_raw(f, digits, n);
	cite_write_raw(f, "]", 1);
	if (f->conf.form == CITE_LINKS && url->len > 0) {
		cite_write_raw(f, "(", 1);
		cite_write_raw(f, url->text, url->len);
		cite_write_raw(f, ")", 1);
	}
}

/* blank: what stood before it, and goes when nothing is left. */
static void
write_marker(struct cite_filter *f, const struct cite_marker *m, bool blank)
{
	bool shown = false;

	for (unsigned i = 0; i < m->count; i++) {
		if (!is_known(f, m->number[i])) {
			f->unknown++;
			continue;
		}
		if (blank && !shown && f->conf.form != CITE_OFF)
			cite_write_plain(f, " ", 1);
		write_number(f, m->number[i]);
		shown = true;
	}
	if (!shown)
		f->dropped = true;
}

/*
 * Reading. How many bytes were used; 0: more must come.
 */

/* Code between backticks, unless one is open that may go on on another line. */
static size_t
read_ticks(struct cite_filter *f, const struct cite_text *t)
{
	size_t run, len;
	enum cite_read got = CITE_NONE;

	if (cite_read_run(&run, t) == CITE_MORE)
		return 0;
	if (!f->no_span && (got = cite_read_span(&len, t)) == CITE_MORE)
		return 0;
	f->no_fence |= run >= FENCE_MIN;
	if (got == CITE_READ) {
		cite_write_raw(f, t->p, len);
		return len;
	}
	f->no_span = true;
	return cite_plain(f, t->p, run);
}

static size_t
read_tildes(struct cite_filter *f, const struct cite_text *t)
{
	size_t run;

	if (cite_read_run(&run, t) == CITE_MORE)
		return 0;
	f->no_fence |= run >= FENCE_MIN;
	return cite_plain(f, t->p, run);
}

static size_t
read_escape(struct cite_filter *f, const struct cite_text *t)
{
	if (t->n == 1 && !t->whole)
		return 0;
	return cite_plain(
	    f, t->p, t->n > 1 && ispunct((unsigned char)t->p[1]) ? 2 : 1);
}

/* A link that stays, with its text filtered; or its text alone. */
static size_t
take_link(struct cite_filter *f, const struct cite_text *t,
    const struct cite_link *link, unsigned depth)
{
	const struct cite_target *g = &link->target;
	const char *target = t->p + link->text_len + 2;

	if (!f->conf.any && !has_url(f, g->url, g->url_len)) {
		f->links++;
		f->dropped = true;
		write_filtered(f, t->p + 1, link->text_len, depth);
		f->dropped = true;
		return link->len;
	}
	if (f->tail[0] == '!')
		cite_write_byte(f, ' ');
	cite_write_raw(f, "[", 1);
	write_filtered(f, t->p + 1, link->text_len, depth);
	cite_write_raw(f, "](", 2);
	if (f->conf.any || !g->titled) {
		cite_write_raw(f, target + 1, g->len - 1);
	} else {
		cite_write_raw(f, g->url, g->url_len);
		cite_write_raw(f, ")", 1);
	}
	return link->len;
}

/* An address behind a marker goes with it: the number says which one it is. */
static enum cite_read
read_behind_marker(
    const struct cite_text *t, const struct cite_marker *m, size_t *len)
{
	struct cite_text rest = { t->p + m->len, t->n - m->len, t->whole };
	struct cite_target target;
	enum cite_read got;

	*len = m->len;
	if (rest.n == 0)
		return t->whole ? CITE_READ : CITE_MORE;
	if (rest.p[0] != '(' || t->p[0] != '[')
		return CITE_READ;
	if ((got = cite_read_target(&target, &rest)) == CITE_READ)
		*len += target.len;
	return got == CITE_MORE ? CITE_MORE : CITE_READ;
}

/* blank: one stands before it, at the head of the text. */
static enum cite_read
take_marker(
    struct cite_filter *f, const struct cite_text *t, bool blank, size_t *used)
{
	struct cite_text rest = { t->p + blank, t->n - blank, t->whole };
	struct cite_marker m;
	enum cite_read got = cite_read_marker(&m, &rest);

	*used = 0;
	if (got == CITE_READ)
		got = read_behind_marker(&rest, &m, used);
	if (got == CITE_READ)
		write_marker(f, &m, blank);
	*used += blank;
	return got;
}

static size_t
read_bracket(struct cite_filter *f, const struct cite_text *t, unsigned depth)
{
	struct cite_link link;
	enum cite_read got;
	size_t used;

	if ((got = take_marker(f, t, false, &used)) == CITE_NONE &&
	    t->p[0] == '[' && depth < DEEP) {
		got = cite_read_link(&link, t);
		if (got == CITE_READ && f->no_span &&
		    memchr(t->p, '`', link.text_len) != NULL)
			got = CITE_NONE;
		if (got == CITE_READ)
			return take_link(f, t, &link, depth);
	}
	if (got == CITE_MORE)
		return 0;
	return got == CITE_READ ? used : cite_plain(f, t->p, 1);
}

/* A marker's blank goes with it. */
static size_t
read_space(struct cite_filter *f, const struct cite_text *t)
{
	enum cite_read got = CITE_NONE;
	size_t used;

	if (t->n == 1 && !t->whole)
		return 0;
	if (t->n > 1 && (t->p[1] == '[' || t->p[1] == '\xe3'))
		got = take_marker(f, t, true, &used);
	if (got == CITE_MORE)
		return 0;
	return got == CITE_READ ? used : cite_plain(f, t->p, 1);
}

static size_t
read_picture(struct cite_filter *f, const struct cite_text *t, unsigned depth)
{
	struct cite_text rest = { t->p + 1, t->n - 1, t->whole };
	struct cite_link link;
	enum cite_read got = CITE_NONE;

	if (rest.n == 0)
		return t->whole ? cite_plain(f, t->p, 1) : 0;
	if (rest.p[0] == '[')
		got = cite_read_link(&link, &rest);
	if (got == CITE_MORE)
		return 0;
	if (got == CITE_NONE)
		return cite_plain(f, t->p, 1);
	f->pictures++;
	f->dropped = true;
	if (depth < DEEP)
		write_filtered(f, rest.p + 1, link.text_len, depth);
	f->dropped = true;
	return 1 + link.len;
}

static size_t
read_angle(struct cite_filter *f, const struct cite_text *t, unsigned depth)
{
	size_t len, scheme;
	enum cite_read got = cite_read_auto(&len, &scheme, t);

	if (got == CITE_MORE)
		return 0;
	if (got == CITE_NONE || f->conf.any || depth >= DEEP)
		return cite_plain(f, t->p, 1);
	if (has_url(f, t->p + 1, len - 2)) {
		cite_write_raw(f, t->p, len);
		return len;
	}
	f->links++;
	f->dropped = true;
	write_filtered(f, t->p + 1 + scheme, len - 2 - scheme, depth);
	f->dropped = true;
	return len;
}

/*
 * All together.
 */

static bool
is_ordinary(char c)
{
	return (isalnum((unsigned char)c) &&
		   strchr("hHfFmMwWjJvV", c) == NULL) ||
	       c == ',' || c == '\'' ||
	       ((unsigned char)c >= 0x80 && c != '\xe3');
}

static size_t
read_ordinary(struct cite_filter *f, const struct cite_text *t)
{
	size_t n = 1;

	while (is_ordinary(t->p[0]) && n < t->n && is_ordinary(t->p[n]))
		n++;
	return cite_plain(f, t->p, n);
}

static size_t
read_text(struct cite_filter *f, const struct cite_text *t, unsigned depth)
{
	char c = t->p[0];

	switch (c) {
	case '\\':
		return read_escape(f, t);
	case '`':
		return read_ticks(f, t);
	case '~':
		return read_tildes(f, t);
	case ' ':
		return read_space(f, t);
	case '[':
	case '\xe3':
		return read_bracket(f, t, depth);
	case '!':
		return read_picture(f, t, depth);
	case '<':
		return read_angle(f, t, depth);
	}
	if (!f->conf.any && c == '/')
		return cite_take_slash(f, t);
	if (!f->conf.any && c != '\0' && strchr("hHfFmMwWjJvV", c) != NULL)
		return cite_take_address(f, t);
	return read_ordinary(f, t);
}

static size_t
filter_step(struct cite_filter *f, const struct cite_text *t, unsigned depth)
{
	enum cite_read got = CITE_NONE;
	size_t used;

	if (depth == 0 && f->line)
		got = cite_take_head(f, t, &used);
	if (got != CITE_NONE)
		return got == CITE_READ ? used : 0;
	if (f->fence != 0)
		return cite_take_code(f, t);
	if (cite_is_eol(t->p[0]))
		return cite_take_eol(f, t->p[0]);
	used = read_text(f, t, depth);
	if (used > 0 && t->p[0] != ' ' && t->p[0] != '\t')
		f->blank = false;
	if (used > 0)
		f->cr = false;
	return used;
}

static void
filter_run(struct cite_filter *f, const char *text, size_t n, bool end)
{
	struct cite_text t;
	size_t at = 0, used;

	for (; at < n; at += used) {
		t.p = text + at;
		t.n = n - at < CITE_HELD_MAX ? n - at : CITE_HELD_MAX;
		t.whole = end || t.n == CITE_HELD_MAX;
		if ((used = filter_step(f, &t, 0)) == 0)
			break;
	}
	if (at == n || f->held.data != text) {
		buf_clear(&f->held);
		buf_add(&f->held, text + at, n - at);
	} else {
		buf_consume(&f->held, at);
	}
}

void
cite_filter_init(struct cite_filter *f, const struct cite_conf *conf)
{
	*f = (struct cite_filter){
		.conf = *conf,
		.line = true,
		.blank = true,
		.head = true,
	};
	buf_init(&f->held, ADDED_MAX);
	buf_guard(&f->held);
}

void
cite_filter_add(
    struct cite_filter *f, const char *text, size_t n, struct buf *out)
{
	f->out = out;
	if (f->held.len == 0) {
		filter_run(f, text, n, false);
	} else {
		buf_add(&f->held, text, n);
		filter_run(f, f->held.data, f->held.len, false);
	}
	out->failed |= f->held.failed;
}

void
cite_filter_end(struct cite_filter *f, struct buf *out)
{
	f->out = out;
	if (f->held.len > 0)
		filter_run(f, f->held.data, f->held.len, true);
}

void
cite_filter_free(struct cite_filter *f)
{
	buf_wipe(&f->held);
}
