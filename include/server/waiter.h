/* The rest of the life of a process whose listener the owner has. */
#ifndef SERVER_WAITER_H
#define SERVER_WAITER_H

#include <signal.h>

/*
 * From now on the signals that end it are kept for waiter_wait; *before is the
 * mask to go back to when it does not come to that.
 */
void waiter_keep_signals(sigset_t *before);

/*
 * Wait, in as little memory as there can be, until the owner's end of the
 * socket is closed or a signal says to end (SIGTERM, SIGINT, SIGUSR1). Then the
 * process exits, with status 0: the web server starts a new one.
 */
_Noreturn void waiter_wait(int owner);

#endif
