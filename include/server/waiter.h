/* The rest of the life of a process whose listener the owner has. */
#ifndef SERVER_WAITER_H
#define SERVER_WAITER_H

/*
 * Wait, in as little memory as there can be, until the owner's end of the
 * socket is closed or a signal says to end (SIGTERM, SIGINT, SIGUSR1). Then the
 * process exits, with status 0: the web server starts a new one.
 */
_Noreturn void waiter_wait(int owner);

#endif
