/*
 * The nonces and words are of letters that JSON does not escape, so a search
 * for a member's name does in place of a parser that would slow the client.
 */
#include "answer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ANSWER  (4 * 1024 * 1024)
#define TYPE_END    3 /* FCGI_END_REQUEST */
#define TYPE_STDOUT 6 /* FCGI_STDOUT */

/* How far a text has been found to be the one asked for. */
struct place {
	long token;
	size_t off;
};

static bool
begins(const char *p, size_t n, const char *with)
{
	return n >= strlen(with) && memcmp(p, with, strlen(with)) == 0;
}

/* The string that stands behind this. */
static const char *
string_after(const char *p, size_t n, const char *name, size_t *len)
{
	size_t name_len = strlen(name);
	const char *end, *at = n > 0 ? memmem(p, n, name, name_len) : NULL;

	if (at == NULL)
		return NULL;
	at += name_len;
	if ((end = memchr(at, '"', (size_t)(p + n - at))) == NULL)
		return NULL;
	*len = (size_t)(end - at);
	return at;
}

static struct place
check_words(struct answer *a, struct place at, const char *p, size_t n)
{
	char word[64];
	size_t len;

	for (; n > 0 && !a->wrong; p += len, n -= len) {
		snprintf(word, sizeof(word), "%s%s.%ld",
		    at.token > 0 ? " " : "", a->nonce, at.token + 1);
		len = strlen(word) - at.off;
		if (len > n)
			len = n;
		a->wrong = at.token == a->tokens ||
		           memcmp(word + at.off, p, len) != 0;
		at.off += len;
		if (word[at.off] == '\0')
			at = (struct place){ at.token + 1, 0 };
	}
	return at;
}

static void
check_piece(
    struct answer *a, const char *p, size_t n, answer_piece_f *piece, void *arg)
{
	struct place at = { a->token, a->off };

	if (n == 0)
		return;
	at = check_words(a, at, p, n);
	a->token = at.token;
	a->off = at.off;
	piece(arg);
}

/* The answer as a whole, as JSON has it. */
static void
check_response(struct answer *a, const char *p, size_t n)
{
	struct place at = { 0, 0 };
	const char *text;
	size_t len;

	if ((text = string_after(p, n, "\"response\":\"", &len)) == NULL)
		return;
	at = check_words(a, at, text, len);
	a->whole = at.token == a->tokens && at.off == 0 &&
	           memmem(p, n, "\"interrupted\"", 13) == NULL;
}

/* Our own events, or the model's where they are passed on as they are. */
static void
check_line(
    struct answer *a, const char *p, size_t n, answer_piece_f *piece, void *arg)
{
	const char *text = NULL;
	size_t len;

	if (begins(p, n, "data: {\"type\":\"delta\""))
		text = string_after(p, n, "\"text\":\"", &len);
	else if (begins(p, n, "data: {\"type\":\"done\""))
		check_response(a, p, n);
	else if (begins(p, n, "data: [DONE]"))
		a->whole = true;
	else if (begins(p, n, "data: "))
		text = string_after(p, n, "\"content\":\"", &len);
	if (text != NULL)
		check_piece(a, text, len, piece, arg);
}

static void
check_lines(struct answer *a, answer_piece_f *piece, void *arg)
{
	const char *p = a->text.data, *end = p + a->text.len, *lf;

	while (p < end && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		check_line(a, p, (size_t)(lf - p), piece, arg);
		p = lf + 1;
	}
	buf_consume(&a->text, (size_t)(p - a->text.data));
}

static void
check_head(struct answer *a)
{
	const char *end = NULL;

	if (a->text.len > 0)
		end = memmem(a->text.data, a->text.len, "\r\n\r\n", 4);
	if (end == NULL)
		return;
	a->after_head = true;
	a->refused = !begins(a->text.data, a->text.len, "Status: 200 ");
	if (!a->refused)
		buf_consume(&a->text, (size_t)(end + 4 - a->text.data));
}

/* Take the records that are there as a whole; true at the last of a reply. */
static bool
take_records(struct answer *a)
{
	const uint8_t *p = (const uint8_t *)a->in.data;
	size_t i = 0, content, len;
	bool end = false;

	for (; a->in.len - i >= 8 && !end; i += len) {
		content = (size_t)p[i + 4] << 8 | p[i + 5];
		len = 8 + content + p[i + 6];
		if (a->in.len - i < len)
			break;
		if (p[i + 1] == TYPE_STDOUT)
			buf_add(&a->text, p + i + 8, content);
		end = p[i + 1] == TYPE_END;
	}
	buf_consume(&a->in, i);
	return end;
}

void
answer_init(struct answer *a)
{
	buf_init(&a->in, MAX_ANSWER);
	buf_init(&a->text, MAX_ANSWER);
}

void
answer_free(struct answer *a)
{
	buf_free(&a->in);
	buf_free(&a->text);
}

void
answer_begin(struct answer *a)
{
	a->token = 0;
	a->off = 0;
	a->after_head = a->refused = a->wrong = a->whole = false;
	buf_clear(&a->in);
	buf_clear(&a->text);
}

bool
answer_read(struct answer *a, answer_piece_f *piece, void *arg)
{
	bool end = take_records(a);

	if (!a->after_head)
		check_head(a);
	if (a->after_head && !a->refused && a->streamed)
		check_lines(a, piece, arg);
	if (end && a->after_head && !a->refused && !a->streamed)
		check_response(a, a->text.data, a->text.len);
	if (end && a->streamed && a->token != a->tokens)
		a->whole = false;
	return end;
}
