/* The names of the months, in one place. */
#include "base/date.h"

#include <stdbool.h>

#include "base/must.h"

static const char *const months[][12] = {
	[LANG_FR] = { "janvier", "février", "mars", "avril", "mai", "juin",
	    "juillet", "août", "septembre", "octobre", "novembre", "décembre" },
	[LANG_EN] = { "January", "February", "March", "April", "May", "June",
	    "July", "August", "September", "October", "November", "December" },
};

void
date_add(struct buf *b, enum lang lang, int year, int month, int day)
{
	bool first = day == 1 && lang == LANG_FR;

	must(month >= 1 && month <= 12);
	buf_addf(b, "%d%s %s %04d", day, first ? "er" : "",
	    months[lang][month - 1], year);
}
