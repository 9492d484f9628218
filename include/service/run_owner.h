/* What main has to do with owners: to become one, to be one, to ask one. */
#ifndef SERVICE_RUN_OWNER_H
#define SERVICE_RUN_OWNER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "conf/conf.h"
#include "owner/owner_dir.h"
#include "owner/owner_starter.h"
#include "owner/owner_wire.h"
#include "service/service.h"

struct run_owner {
	struct owner_dir	dir;
	struct wire_hello	self;
	struct owner_starter_birth	birth;
};

/*
 * In a process with a listening descriptor and owner_dir set. True: this is now
 * the process of a new owner. False: err says why not, for a person. A process
 * whose listener an owner accepted does not return.
 */
bool run_owner_begin(struct run_owner *, const struct conf *, struct err *err);

/* What owner_dir is, as far as it can be told before. */
bool run_owner_check(const struct conf *, struct err *err);

/*
 * Serve for the processes of a web server, until nobody needs it, everything
 * was handed over, or a signal comes. False: that was logged.
 */
bool run_owner(struct service *, struct run_owner *);

#define RUN_OWNER_NONE 3		/* exit status: there is no owner */

/* --owner-status and --owner-stop; the exit status. */
int run_owner_command(const struct conf *, bool stop);

#endif
