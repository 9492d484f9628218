/*
 * Whatever stands in the owner's directory may have been put there by somebody
 * else, so nothing is followed, replaced or trusted that is not our own.
 */
#include "owner/owner_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "owner/owner_patience.h"

#define BACKLOG 4096

static struct err_place
place_of(const struct owner_dir *od)
{
	return (struct err_place){ "owner_dir", od->path, 0 };
}

static bool
check(struct owner_dir *od, bool any, struct err *err)
{
	struct stat st;
	uid_t me = geteuid();

	if (fstat(od->fd, &st) == -1)
		return err_put(err, place_of(od), "%s", strerror(errno));
	od->uid = st.st_uid;
	if (st.st_uid != me && !(any && me == 0))
		return err_put(err, place_of(od),
		    "belongs to user %u, not to user %u, who runs "
		    "this program",
		    (unsigned)st.st_uid, (unsigned)me);
	if ((st.st_mode & ALLPERMS) != S_IRWXU)
		return err_put(err, place_of(od),
		    "has mode %04o; it must have 0700 (chmod 700)",
		    (unsigned)(st.st_mode & ALLPERMS));
	return true;
}

bool
owner_dir_open(
    struct owner_dir *od, const char *path, unsigned flags, struct err *err)
{
	*od = (struct owner_dir){ .path = path, .fd = -1 };
	if (flags & OWNER_DIR_MAKE && mkdir(path, S_IRWXU) == -1 &&
	    errno != EEXIST)
		return err_put(err, place_of(od), "cannot be created: %s",
		    strerror(errno));
	od->fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (od->fd == -1 && (errno == ENOTDIR || errno == ELOOP))
		return err_put(err, place_of(od),
		    "is not a directory, or is a symbolic link");
	if (od->fd == -1)
		return err_put(
		    err, place_of(od), "cannot be opened: %s", strerror(errno));
	if (check(od, flags & OWNER_DIR_ANY, err))
		return true;
	owner_dir_close(od);
	return false;
}

void
owner_dir_close(struct owner_dir *od)
{
	if (od->fd != -1)
		close(od->fd);
	od->fd = -1;
}

static bool
is_own_file(int fd, const struct owner_dir *od)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_uid == od->uid && st.st_nlink == 1;
}

enum owner_lock
owner_dir_lock(
    const struct owner_dir *od, const char *name, int *fd, struct err *err)
{
	enum owner_lock result = OWNER_REFUSED;

	*fd = openat(od->fd, name,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
	    S_IRUSR | S_IWUSR);
	if (*fd == -1) {
		err_put(err, place_of(od), "%s: %s", name,
		    errno == ELOOP ? "is a symbolic link" : strerror(errno));
		return OWNER_REFUSED;
	}
	if (!is_own_file(*fd, od))
		err_put(err, place_of(od),
		    "%s: is not a file of the directory's user", name);
	else if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return OWNER_LOCKED;
	else if (errno == EWOULDBLOCK)
		result = OWNER_TAKEN;
	else
		err_put(err, place_of(od), "%s: %s", name, strerror(errno));
	close(*fd);
	*fd = -1;
	return result;
}

/* Over the open directory, so that the path's length does not matter. */
static void
address(struct sockaddr_un *sun, const struct owner_dir *od)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	snprintf(sun->sun_path, sizeof(sun->sun_path),
	    "/proc/self/fd/%d/" OWNER_SOCKET, od->fd);
}

/* Whether what stands there is nothing, or a socket of the user. */
static bool
socket_check(const struct owner_dir *od, bool *there, struct err *err)
{
	struct stat st;

	*there = fstatat(od->fd, OWNER_SOCKET, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (!*there)
		return errno == ENOENT ||
		       err_put(err, place_of(od), OWNER_SOCKET ": %s",
			   strerror(errno));
	return (S_ISSOCK(st.st_mode) && st.st_uid == od->uid) ||
	       err_put(err, place_of(od),
		   OWNER_SOCKET ": is not a socket of the directory's "
				"user");
}

int
owner_dir_listen(const struct owner_dir *od, struct err *err)
{
	struct sockaddr_un sun;
	bool there;
	int fd;

	if (!socket_check(od, &there, err))
		return -1;
	if (there)
		unlinkat(od->fd, OWNER_SOCKET, 0);
	address(&sun, od);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd != -1 && bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	err_put(err, place_of(od), OWNER_SOCKET ": %s", strerror(errno));
	if (fd != -1)
		close(fd);
	return -1;
}

bool
owner_cred(int fd, struct owner_cred *cred)
{
	struct ucred uc;
	socklen_t len = sizeof(uc);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &uc, &len) == -1)
		return false;
	*cred = (struct owner_cred){ uc.pid, uc.uid };
	return true;
}

/* Where too many wait already, connecting waits, and so does sending. */
static bool
set_patience(int fd)
{
	int ms = owner_patience(PATIENCE_ANSWER);
	const struct timeval time = { ms / 1000, ms % 1000 * 1000 };

	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time)) ==
	       0;
}

int
owner_dir_connect(const struct owner_dir *od, struct err *err)
{
	struct owner_cred cred;
	struct sockaddr_un sun;
	bool there;
	int fd;

	err_clear(err);
	if (!socket_check(od, &there, err) || !there)
		return -1;
	address(&sun, od);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 || !set_patience(fd) ||
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1) {
		if (errno == EAGAIN)
			err_put(err, place_of(od),
			    OWNER_SOCKET ": nobody is let in");
		else if (errno != ECONNREFUSED && errno != ENOENT)
			err_put(err, place_of(od), OWNER_SOCKET ": %s",
			    strerror(errno));
	} else if (!owner_cred(fd, &cred)) {
		err_put(
		    err, place_of(od), OWNER_SOCKET ": %s", strerror(errno));
	} else if (cred.uid != od->uid) {
		err_put(err, place_of(od),
		    OWNER_SOCKET ": is served by user %u", (unsigned)cred.uid);
	} else {
		return fd;
	}
	if (fd != -1)
		close(fd);
	return -1;
}
