/*
 * No bytes that were not together become something new: what was dropped
 * between two of them leaves a blank where they could.
 */
#include <ctype.h>
#include <string.h>

#include "chat/grounding/cite_parts.h"

/* What a line may begin with before a label that defines a reference. */
static bool
stays_head(char c)
{
	return cite_is_blank(c) || isdigit((unsigned char)c) ||
	       (c != '\0' && strchr(">-*+.)", c) != NULL);
}

void
cite_write_byte(struct cite_filter *f, char c)
{
	buf_addc(f->out, c);
	memmove(f->tail + 1, f->tail, sizeof(f->tail) - 1);
	f->tail[0] = c;
	if (c == '[')
		f->label = f->head;
	f->head = cite_is_eol(c) || (f->head && stays_head(c));
	f->in_url = f->in_url && !cite_is_blank(c);
	f->dropped = false;
}

/* Bytes that are right as they stand. */
void
cite_write_raw(struct cite_filter *f, const char *text, size_t n)
{
	if (n > 0 && f->dropped &&
	    (f->in_url || ispunct((unsigned char)f->tail[0])))
		cite_write_byte(f, ' ');
	for (size_t i = 0; i < n; i++)
		cite_write_byte(f, text[i]);
}

/* Whether the tail is an opening bracket and digits. */
static bool
tail_is_number(const struct cite_filter *f)
{
	size_t i = 0;

	while (i < 4 && isdigit((unsigned char)f->tail[i]))
		i++;
	return i > 0 && i < 4 && f->tail[i] == '[';
}

static bool
tail_is_www(const struct cite_filter *f)
{
	return tolower((unsigned char)f->tail[0]) == 'w' &&
	       tolower((unsigned char)f->tail[1]) == 'w' &&
	       tolower((unsigned char)f->tail[2]) == 'w' &&
	       !isalnum((unsigned char)f->tail[3]);
}

/* Whether a byte would make something of the bytes before it. */
static bool
makes_link(const struct cite_filter *f, char c)
{
	return (c == '/' && f->tail[0] == '/' && f->tail[1] == ':') ||
	       (c == '(' && f->tail[0] == ']') || (c == '.' && tail_is_www(f));
}

static bool
must_part(const struct cite_filter *f, char c)
{
	if (f->dropped && !cite_is_blank(c) &&
	    (f->in_url || (ispunct((unsigned char)f->tail[0]) &&
			      ispunct((unsigned char)c))))
		return true;
	return (!f->conf.any && makes_link(f, c)) ||
	       (c == ':' && f->tail[0] == ']' && f->label) ||
	       (c == ']' && tail_is_number(f));
}

void
cite_write_plain(struct cite_filter *f, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (must_part(f, text[i]))
			cite_write_byte(f, ' ');
		cite_write_byte(f, text[i]);
	}
}
