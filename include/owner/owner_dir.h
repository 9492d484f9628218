/*
 * Where the owner of the sessions can be found: a directory that nobody else
 * may enter, with lock files and a unix socket. Who holds the lock "owner" is
 * the owner; the lock goes with the open file, so it is inherited over fork and
 * passed over a socket, and ends with the last process that has it.
 *
 * Every function that can be refused writes one line for a person into err.
 */
#ifndef OWNER_OWNER_DIR_H
#define OWNER_OWNER_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

#define OWNER_LOCK "owner.lock"		/* the owner's, as long as it lives */
#define OWNER_NEXT "next.lock"		/* the right to follow a living owner */
#define OWNER_SOCKET "owner.sock"

struct owner_dir {
	const char	*path;		/* the caller's */
	int		 fd;
	uid_t		 uid;		/* whose it is */
};

enum owner_dir_flag {
	OWNER_DIR_MAKE = 1,	/* it is made when its parent exists */
	OWNER_DIR_ANY = 2,	/* root may look into anybody's */
};

/*
 * Open the directory: no symbolic link, mode 0700, our own. flags: a set of
 * enum owner_dir_flag.
 */
bool owner_dir_open(struct owner_dir *, const char *path, unsigned flags,
    struct err *err);
void owner_dir_close(struct owner_dir *);

enum owner_lock {
	OWNER_LOCKED,
	OWNER_TAKEN,		/* by another process */
	OWNER_REFUSED,		/* it is not a file of ours: err */
};

/* Try to take a lock; *fd holds it. */
enum owner_lock owner_dir_lock(const struct owner_dir *, const char *name,
    int *fd, struct err *err);

/* For the holder of the lock: a listening, non-blocking socket; -1: err. */
int owner_dir_listen(const struct owner_dir *, struct err *err);

/*
 * Connect to the owner, whose process must be of the directory's user. The
 * descriptor; -1 with an empty err: nobody listens; -1: err.
 */
int owner_dir_connect(const struct owner_dir *, struct err *err);

struct owner_cred {
	pid_t	pid;
	uid_t	uid;
};

/* Who is at the other end of a unix socket. False: errno says why. */
bool owner_cred(int fd, struct owner_cred *);

#endif
