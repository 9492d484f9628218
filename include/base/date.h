/* Dates as people write them. */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include "base/buf.h"
#include "base/rc.h"

/* "1er novembre 2025" or "1 November 2025"; month: 1 to 12. */
void date_add(struct buf *, enum lang, int year, int month, int day);

#endif
