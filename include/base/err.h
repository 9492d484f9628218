/*
 * What went wrong, as one line for a person: "setting: path:line: reason". It
 * is filled where something fails, and shown by whoever asked for it.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define ERR_SIZE 1024	/* bytes, the NUL among them; the rest is cut off */

/* All zero: nothing. */
struct err {
	char	text[ERR_SIZE];
};

/* Where: each part may be left out. */
struct err_place {
	const char	*setting;
	const char	*path;
	size_t		 line;		/* from 1 */
};
#define ERR_NOWHERE ((struct err_place) { NULL, NULL, 0 })

/* Fill it, in place of what was there. Returns false. */
bool err_put(struct err *, struct err_place, const char *reason, ...)
    __attribute__((format(printf, 3, 4)));
bool err_vput(struct err *, struct err_place, const char *reason, va_list)
    __attribute__((format(printf, 3, 0)));

static inline void
err_clear(struct err *err)
{
	err->text[0] = '\0';
}

static inline bool
err_is_set(const struct err *err)
{
	return err->text[0] != '\0';
}

#endif
