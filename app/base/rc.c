/* The list of results, as tables to look things up in. */
#include "base/rc.h"

#include <stddef.h>

#define ROW(name, status, code, fr, en) { status, code, { fr, en } },

static const struct {
	int status;
	const char *code;
	const char *text[2]; /* by enum lang */
} rows[RC_COUNT] = { RC_LIST(ROW) };

int
rc_status(enum rc rc)
{
	return rows[rc].status;
}

const char *
rc_code(enum rc rc)
{
	return rows[rc].code;
}

const char *
rc_text(enum rc rc, enum lang lang)
{
	return rows[rc].text[lang];
}
