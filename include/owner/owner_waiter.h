/* The rest of the life of a process whose listener the owner has. */
#ifndef OWNER_OWNER_WAITER_H
#define OWNER_OWNER_WAITER_H

#include <signal.h>
#include <stdbool.h>

/*
 * From now on the signals that end it are kept for owner_waiter_wait; *before
 * is the mask to go back to when it does not come to that. To be called first
 * of all: mod_fcgid ends its processes at a graceful restart, one that it has
 * just started for a request too, and the request is lost unless the owner gets
 * the listener all the same.
 */
void owner_waiter_keep_signals(sigset_t *before);

/* Whether one of them came since. */
bool owner_waiter_is_told(void);

/*
 * Wait, in as little memory as there can be, until the owner's end of the
 * socket is closed or a signal says to end (SIGTERM, SIGINT, SIGUSR1). Then the
 * process exits, with status 0: the web server starts a new one.
 */
_Noreturn void owner_waiter_wait(int owner);

#endif
