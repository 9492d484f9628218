/* What --owner-status prints: who owns what. */
#ifndef OWNER_OWNER_REPORT_H
#define OWNER_OWNER_REPORT_H

#include "base/buf.h"
#include "owner/owner.h"

/* Add a line for the owner, and one for each that talks to it. */
void owner_report(struct buf *, const struct owner *);

#endif
