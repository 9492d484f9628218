/*
 * Whether a process is the program: whoever follows an owner gets all
 * conversations, and the user of the program may have other processes, too.
 *
 * Only a process that may look into another one sees what it executes; ours
 * hide from their own user (PR_SET_DUMPABLE), so one that must be recognized
 * shows itself for the moment.
 */
#ifndef OWNER_OWNER_IDENTITY_H
#define OWNER_OWNER_IDENTITY_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * NULL: the process executes the file that this one executes, or the one that
 * has been installed in its place; *pidfd is open then (pidfd_open(2)) and
 * stands for that process, whatever becomes of its number. Else why not.
 */
const char *owner_identity_check(pid_t, int *pidfd);

/* Whether that process still is there. */
bool owner_identity_lives(int pidfd);

/* End it at once; false: it is still there after a second. */
bool owner_identity_end(int pidfd);

/* Show this process to its user; what hiding it again needs. */
int owner_identity_show(void);
void owner_identity_hide(int shown);

#endif
