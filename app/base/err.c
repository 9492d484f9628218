/* The one printer of what went wrong, and where. */
#include "base/err.h"

#include <stdio.h>

/* As snprintf, behind the n bytes that are there; how many are then. */
static size_t err_add(struct err *err, size_t n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static size_t
err_add(struct err *err, size_t n, const char *fmt, ...)
{
	va_list ap;
	int more;

	va_start(ap, fmt);
	more = vsnprintf(err->text + n, sizeof(err->text) - n, fmt, ap);
	va_end(ap);
	n += more > 0 ? (size_t)more : 0;
	return n < sizeof(err->text) ? n : sizeof(err->text) - 1;
}

static size_t
err_add_place(struct err *err, struct err_place at)
{
	size_t n = 0;

	if (at.setting != NULL)
		n = err_add(err, n, "%s: ", at.setting);
	if (at.path != NULL && at.line > 0)
		n = err_add(err, n, "%s:%zu: ", at.path, at.line);
	else if (at.path != NULL)
		n = err_add(err, n, "%s: ", at.path);
	return n;
}

bool
err_vput(struct err *err, struct err_place at, const char *reason, va_list ap)
{
	size_t n = err_add_place(err, at);

	vsnprintf(err->text + n, sizeof(err->text) - n, reason, ap);
	return false;
}

bool
err_put(struct err *err, struct err_place at, const char *reason, ...)
{
	va_list ap;

	va_start(ap, reason);
	err_vput(err, at, reason, ap);
	va_end(ap);
	return false;
}
