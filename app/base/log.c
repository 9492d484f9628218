/*
 * The log is written by every loop for every request, so a line is put
 * together by hand on the stack and leaves in one write.
 */
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

struct line {
	size_t len;
	bool full; /* nothing more is added */
	char text[LOG_LINE_MAX];
};

static const char *const names[] = {
	[LOG_LEVEL_DEBUG] = "debug",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_NOTICE] = "notice",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_FATAL] = "fatal",
};

static atomic_int least = LOG_LEVEL_INFO;
static atomic_bool always_ready; /* standard error is a regular file */

/* Guards the pair of asking whether there is room and writing. */
static pthread_mutex_t mtx = PTHREAD_MUTEX_INITIALIZER;
static int64_t dropped; /* lines, guarded by mtx */

/* What this thread has to write, from log_hold on. */
static _Thread_local struct {
	bool on;
	unsigned lines;
	size_t len;
	char text[PIPE_BUF];
} held;

_Static_assert(LOG_LINE_MAX <= PIPE_BUF, "a line is written at once");

void
log_set_level(enum log_level level)
{
	atomic_store_explicit(&least, (int)level, memory_order_relaxed);
}

bool
log_level_parse(enum log_level *level, const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], name) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

/* Room is kept for a closing quote and the newline. */
static bool
line_add(struct line *l, const char *s, size_t n)
{
	if (l->full || l->len + n > sizeof(l->text) - 2) {
		l->full = true;
		return false;
	}
	memcpy(l->text + l->len, s, n);
	l->len += n;
	return true;
}

static void
line_add_digits(struct line *l, uint64_t n, int width)
{
	char digits[20], *p = digits + sizeof(digits);

	while (n != 0 || width > 0) {
		*--p = (char)('0' + n % 10);
		n /= 10;
		width--;
	}
	line_add(l, p, (size_t)(digits + sizeof(digits) - p));
}

/* Letters, digits, and + , - . / : @ _ % */
static bool
char_is_plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '+' && c <= ':') ||
	       (c >= '@' && c <= 'Z') || c == '_' || c == '%';
}

/*
 * How many bytes at s are a character that a terminal or a reader of the log
 * cannot take for something else; 0 for one to be escaped. Beside bytes that
 * are no UTF-8 these are the control characters, what ends a line in Unicode,
 * and what turns the direction of writing.
 */
static size_t
char_length(const char *s)
{
	unsigned char c = (unsigned char)s[0], d = (unsigned char)s[1];
	size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	if (c < ' ' || c == '"' || c == '\\' || c == 0x7f)
		return 0;
	if (len == 1)
		return 1;
	if (strnlen(s, len) < len || !text_is_utf8(s, len))
		return 0;
	if (c == 0xc2 && d < 0xa0)
		return 0;
	c = len == 3 && s[0] == '\xe2' ? (unsigned char)s[2] : 0;
	if (d == 0x80 && c >= 0xa8 && c <= 0xae)
		return 0;
	if (d == 0x81 && c >= 0xa6 && c <= 0xa9)
		return 0;
	return len;
}

/* False when nothing of it found room. */
static bool
line_add_quoted(struct line *l, const char *s)
{
	static const char hex[] = "0123456789abcdef";
	char escaped[4] = { '\\', 'x', 0, 0 };
	size_t n;

	if (!line_add(l, "\"", 1))
		return false;
	for (; *s != '\0' && !l->full; s += n) {
		if ((n = char_length(s)) > 0) {
			line_add(l, s, n);
			continue;
		}
		n = 1;
		escaped[2] = hex[(unsigned char)*s >> 4];
		escaped[3] = hex[(unsigned char)*s & 0xf];
		line_add(l, escaped, sizeof(escaped));
	}
	l->text[l->len++] = '"';
	return true;
}

static bool
line_add_string(struct line *l, const char *s)
{
	size_t n = 0;

	while (char_is_plain((unsigned char)s[n]))
		n++;
	if (n == 0 || s[n] != '\0' || l->len + n > sizeof(l->text) - 2)
		return line_add_quoted(l, s);
	return line_add(l, s, n);
}

static bool
line_add_number(struct line *l, int64_t num, int64_t unit)
{
	uint64_t n = num < 0 ? -(uint64_t)num : (uint64_t)num;

	if (num < 0)
		line_add(l, "-", 1);
	line_add_digits(l, n / (uint64_t)unit, 1);
	if (unit > 1) {
		line_add(l, ".", 1);
		line_add_digits(l, n % (uint64_t)unit, 3);
	}
	return !l->full;
}

/* A string may be cut at the line's end, anything else is there or not. */
static void
line_add_field(struct line *l, const struct log_field *f)
{
	size_t before = l->len;
	bool added;

	if (f->kind == LOG_KIND_STR && f->str == NULL)
		return;
	line_add(l, " ", 1);
	line_add(l, f->key, strlen(f->key));
	line_add(l, "=", 1);
	if (f->kind == LOG_KIND_STR)
		added = line_add_string(l, f->str);
	else
		added = line_add_number(
		    l, f->num, f->kind == LOG_KIND_US ? 1000 : 1);
	if (!added)
		l->len = before;
}

/* The text of a second is kept for the lines that follow in it. */
static void
line_add_time(struct line *l)
{
	static _Thread_local int64_t second = -1;
	static _Thread_local char text[CLOCK_TEXT_SIZE];
	int64_t now = clock_wall_ms();

	if (now / 1000 != second) {
		second = now / 1000;
		clock_text(text, now);
	}
	line_add(l, "time=", 5);
	line_add(l, text, sizeof(text) - 1);
	line_add(l, ".", 1);
	line_add_digits(l, (uint64_t)now % 1000, 3);
}

static void
line_make(struct line *l, enum log_level level, const char *event,
    const struct log_field *f)
{
	l->len = 0;
	l->full = false;
	line_add_time(l);
	line_add(l, "Z level=", 8);
	line_add(l, names[level], strlen(names[level]));
	line_add(l, " event=", 7);
	line_add_string(l, event);
	for (; f->kind != LOG_KIND_END; f++)
		line_add_field(l, f);
	l->text[l->len++] = '\n';
}

/*
 * A pipe that is ready takes PIPE_BUF bytes without blocking, and nothing here
 * is longer (pipe(7)); a file is always ready; one whose reader is gone is not.
 */
static bool
text_write(const char *text, size_t len)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	ssize_t n;

	if (!atomic_load_explicit(&always_ready, memory_order_relaxed) &&
	    (poll(&p, 1, 0) != 1 || p.revents != POLLOUT))
		return false;
	do
		n = write(p.fd, text, len);
	while (n == -1 && errno == EINTR);
	return n > 0;
}

static void
log_dropped_locked(void)
{
	const struct log_field count[] = { LOG_INT("lines", dropped),
		{ LOG_KIND_END, NULL, NULL, 0 } };
	struct line l;

	line_make(&l, LOG_LEVEL_WARN, "log_dropped", count);
	if (text_write(l.text, l.len))
		dropped = 0;
}

static void
lines_write(const char *text, size_t len, unsigned lines)
{
	pthread_mutex_lock(&mtx);
	if (!text_write(text, len))
		dropped += lines;
	else if (dropped > 0)
		log_dropped_locked();
	pthread_mutex_unlock(&mtx);
}

static void
held_write(void)
{
	if (held.len > 0)
		lines_write(held.text, held.len, held.lines);
	held.len = 0;
	held.lines = 0;
}

void
log_hold(void)
{
	held.on = true;
}

void
log_flush(void)
{
	int saved = errno;

	held_write();
	errno = saved;
}

bool
log_holds(void)
{
	return held.len > 0;
}

void
log_open(void)
{
	struct stat st;
	bool file = fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode);

	atomic_store_explicit(&always_ready, file, memory_order_relaxed);
}

void
log_write(enum log_level level, const char *event, const struct log_field *f)
{
	int saved = errno;
	struct line l;

	if ((int)level < atomic_load_explicit(&least, memory_order_relaxed))
		return;
	line_make(&l, level, event, f);
	if (!held.on) {
		lines_write(l.text, l.len, 1);
	} else {
		if (held.len + l.len > sizeof(held.text))
			held_write();
		memcpy(held.text + held.len, l.text, l.len);
		held.len += l.len;
		held.lines++;
		if (level >= LOG_LEVEL_WARN)
			held_write();
	}
	errno = saved;
}
