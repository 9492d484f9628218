/*
 * Servers that do not part a model's thoughts from its answer leave the marks
 * in which the model writes them. Only what stands at the head is taken for
 * one: an answer may be about such marks.
 */
#include "chat/model/answer_text.h"

#include <string.h>

#include "base/text.h"

#define MAX_MARK 32

/* In lower case, though a model may write them otherwise. */
static const struct {
	const char *open, *close;
} marks[] = {
	{ "<think>", "</think>" },
	{ "<thinking>", "</thinking>" },
	{ "<thought>", "</thought>" },
	{ "<thoughts>", "</thoughts>" },
	{ "<reasoning>", "</reasoning>" },
	{ "<reflection>", "</reflection>" },
	{ "<seed:think>", "</seed:think>" },
	{ "<|thinking|>", "<|/thinking|>" },
	{ "<|begin_of_thought|>", "<|end_of_thought|>" },
	{ "<|channel|>analysis<|message|>", "final<|message|>" },
	{ "[think]", "[/think]" },
};

void
answer_text_init(struct answer_text *t)
{
	*t = (struct answer_text){ .close = NULL };
	buf_init(&t->held, ANSWER_TEXT_MAX_HELD + MAX_MARK);
	buf_guard(&t->held);
}

void
answer_text_free(struct answer_text *t)
{
	buf_wipe(&t->held);
	answer_text_init(t);
}

/*
 * In thoughts: how many bytes are of them. A mark's first character stands in
 * it but once, so a mismatch begins anew.
 */
static size_t
thought_take(struct answer_text *t, const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n && t->close != NULL; i++) {
		if (text_lower(s[i]) == t->close[t->matched])
			t->matched++;
		else
			t->matched = text_lower(s[i]) == t->close[0];
		if (t->close[t->matched] == '\0')
			t->close = NULL;
	}
	return i;
}

static bool
is_mark(const char *word, const char *mark, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text_lower(word[i]) != mark[i])
			return false;
	return true;
}

/* How well a mark begins here. */
enum begins {
	BEGINS_NOT,
	BEGINS_PERHAPS, /* too few bytes to say */
	BEGINS,
};

/* With what is held of one, and the bytes behind that; *taken are of it. */
static enum begins
mark_begins(struct answer_text *t, const char *s, size_t n, size_t *taken)
{
	size_t half = t->held.len - t->blank, len;
	enum begins begins = BEGINS_NOT;
	char word[MAX_MARK];

	memcpy(word, t->held.data == NULL ? "" : t->held.data + t->blank, half);
	n = n < MAX_MARK - half ? n : MAX_MARK - half;
	memcpy(word + half, s, n);
	n += half;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		len = strlen(marks[i].open);
		if (!is_mark(word, marks[i].open, n < len ? n : len))
			continue;
		if (n < len) {
			begins = BEGINS_PERHAPS;
			continue;
		}
		*taken = len - half;
		t->close = marks[i].close;
		return BEGINS;
	}
	return begins;
}

static bool
hold(struct answer_text *t, const char *s, size_t n)
{
	buf_add(&t->held, s, n);
	return !t->held.failed;
}

/* White space before the answer waits for it; behind thoughts it is theirs. */
static bool
hold_blank(struct answer_text *t, const char *s, size_t n)
{
	if (t->thought)
		return true;
	t->blank += n;
	return t->blank <= ANSWER_TEXT_MAX_HELD && hold(t, s, n);
}

static bool
answer_begins(struct answer_text *t, const char *s, size_t n,
    answer_delta_f *delta, void *arg)
{
	t->begun = true;
	if (t->held.len == 0) {
		delta(arg, s, n);
		return true;
	}
	t->held.max = t->held.len + n;
	if (hold(t, s, n))
		delta(arg, t->held.data, t->held.len);
	return !t->held.failed;
}

/* Before the answer: *taken says how much of it is done with. */
static bool
head_take(struct answer_text *t, const char *s, size_t n, size_t *taken,
    answer_delta_f *delta, void *arg)
{
	*taken = t->held.len > t->blank ? 0 : text_blank_length(s, n);
	if (*taken > 0)
		return hold_blank(t, s, *taken);
	*taken = n;
	switch (mark_begins(t, s, n, taken)) {
	case BEGINS:
		t->thought = true;
		t->matched = t->blank = 0;
		buf_clear(&t->held);
		return true;
	case BEGINS_PERHAPS:
		return hold(t, s, n);
	default:
		return answer_begins(t, s, n, delta, arg);
	}
}

bool
answer_text_add(struct answer_text *t, const char *s, size_t n,
    answer_delta_f *delta, void *arg)
{
	size_t taken;

	if (t->begun) {
		delta(arg, s, n);
		return true;
	}
	for (; n > 0; s += taken, n -= taken) {
		if (t->close != NULL)
			taken = thought_take(t, s, n);
		else if (!head_take(t, s, n, &taken, delta, arg))
			return false;
	}
	return true;
}

void
answer_text_end(struct answer_text *t, answer_delta_f *delta, void *arg)
{
	if (!t->begun && t->held.len > t->blank)
		answer_begins(t, "", 0, delta, arg);
}
