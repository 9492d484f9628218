/* One reader for all files that people write, so that each may be the same. */
#include "base/text_file.h"

#include <errno.h>
#include <stdarg.h>

#define MARK   "\xef\xbb\xbf" /* U+FEFF in UTF-8 */
#define BLANKS " \t\r\v\f"

bool
text_file_refuse(struct text_file *tf, const char *what, ...)
{
	const struct err_place at = { tf->setting, tf->path, tf->line };
	va_list ap;

	va_start(ap, what);
	err_vput(tf->err, at, what, ap);
	va_end(ap);
	tf->failed = true;
	return false;
}

static bool
refuse_unreadable(struct text_file *tf)
{
	tf->line = 0;
	return text_file_refuse(tf, "cannot be read: %s", strerror(errno));
}

bool
text_file_open(struct text_file *tf, const char *setting, const char *path,
    struct err *err)
{
	*tf = (struct text_file){
		.setting = setting,
		.path = path,
		.err = err,
	};
	if ((tf->f = fopen(path, "re")) == NULL)
		return refuse_unreadable(tf);
	setvbuf(tf->f, tf->buffer, _IOFBF, sizeof(tf->buffer));
	return true;
}

/* Whether the carriage return that was read belongs to the end of the line. */
static bool
is_end(FILE *f)
{
	int next = getc_unlocked(f);

	if (next != EOF)
		ungetc(next, f);
	return next == '\n' || next == EOF;
}

/* Up to the end of the line, a NUL or the first byte that is too many. */
static int
read_line(FILE *f, struct buf *line)
{
	int c;

	buf_clear(line);
	while ((c = getc_unlocked(f)) != EOF && c != '\n' && c != '\0') {
		if (c == '\r' && is_end(f))
			continue;
		buf_addc(line, (char)c);
		if (line->failed)
			break;
	}
	return c;
}

/* Both orders of bytes. */
static bool
is_utf16(const struct text_file *tf, const struct buf *line)
{
	return tf->line == 1 && line->len >= 2 &&
	       (memcmp(line->data, "\xff\xfe", 2) == 0 ||
		   memcmp(line->data, "\xfe\xff", 2) == 0);
}

static bool
refuse_line(struct text_file *tf, const struct buf *line)
{
	if (line->len < line->max)
		return text_file_refuse(tf, "out of memory");
	return text_file_refuse(tf, "is longer than %zu bytes", line->max);
}

bool
text_file_next(struct text_file *tf, struct buf *line)
{
	int c;

	if (tf->failed)
		return false;
	c = read_line(tf->f, line);
	tf->ended = c == '\n';
	if (ferror(tf->f))
		return refuse_unreadable(tf);
	if (c == EOF && line->len == 0)
		return false;
	tf->line++;
	if (is_utf16(tf, line)) {
		tf->line = 0;
		return text_file_refuse(
		    tf, "is encoded as UTF-16; save it as UTF-8");
	}
	if (c == '\0')
		return text_file_refuse(tf, "contains a NUL byte");
	if (line->failed)
		return refuse_line(tf, line);
	if (tf->line == 1 && line->len >= strlen(MARK) &&
	    memcmp(line->data, MARK, strlen(MARK)) == 0)
		buf_consume(line, strlen(MARK));
	return true;
}

bool
text_file_close(struct text_file *tf)
{
	if (tf->f != NULL)
		fclose(tf->f);
	explicit_bzero(tf->buffer, sizeof(tf->buffer));
	tf->f = NULL;
	return !tf->failed;
}

static void
trim(struct buf *line)
{
	size_t n = 0;

	while (
	    line->len > 0 && strchr(BLANKS, line->data[line->len - 1]) != NULL)
		line->len--;
	while (n < line->len && strchr(BLANKS, line->data[n]) != NULL)
		n++;
	buf_consume(line, n);
}

/* A second line that is not blank is one too many. */
static bool
read_single(struct text_file *tf, struct buf *line, const char *what)
{
	struct buf next;

	buf_init(&next, line->max);
	while (text_file_next(tf, &next)) {
		trim(&next);
		if (next.len == 0)
			continue;
		if (line->len > 0)
			text_file_refuse(tf,
			    "is a second line; the file must hold one, %s",
			    what);
		else
			buf_add(line, next.data, next.len);
	}
	buf_wipe(&next);
	if (tf->failed)
		return false;
	tf->line = 0;
	if (line->failed)
		return text_file_refuse(tf, "out of memory");
	return line->len > 0 ||
	       text_file_refuse(
		   tf, "is empty; it must hold one line, %s", what);
}

bool
text_file_single(struct buf *line, const char *setting, const char *path,
    const char *what, struct err *err)
{
	struct text_file tf;

	buf_clear(line);
	if (text_file_open(&tf, setting, path, err))
		read_single(&tf, line, what);
	return text_file_close(&tf);
}
