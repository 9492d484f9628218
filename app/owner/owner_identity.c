/*
 * The file is compared, not its path: in a name space of his own a user may
 * have anything at any path.
 */
#include "owner/owner_identity.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SELF    "/proc/self/exe"
#define DELETED " (deleted)"
#define END_MS  1000

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* What stands now where this program was started from. */
static bool
installed(struct stat *st)
{
	char path[PATH_MAX];
	ssize_t n = readlink(SELF, path, sizeof(path) - 1);
	size_t len, tail = sizeof(DELETED) - 1;

	if (n <= 0)
		return false;
	len = (size_t)n;
	path[len] = '\0';
	if (len > tail && strcmp(path + len - tail, DELETED) == 0)
		path[len - tail] = '\0';
	return stat(path, st) == 0;
}

static const char *
compare(pid_t pid)
{
	struct stat peer, own;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld/exe", (long)pid);
	if (stat(path, &peer) == -1)
		return "it does not show what program it is";
	if ((stat(SELF, &own) == 0 && is_same(&peer, &own)) ||
	    (installed(&own) && is_same(&peer, &own)))
		return NULL;
	return "it is another program";
}

const char *
owner_identity_check(pid_t pid, int *pidfd)
{
	const char *why;

	*pidfd = pid > 0 ? pidfd_open(pid, 0) : -1;
	if (*pidfd == -1)
		return "its process cannot be seen";
	why = compare(pid);
	if (why == NULL && !owner_identity_lives(*pidfd))
		why = "its process is gone";
	if (why != NULL) {
		close(*pidfd);
		*pidfd = -1;
	}
	return why;
}

static bool
is_over(int pidfd, int wait_ms)
{
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };
	int n;

	do {
		n = poll(&pfd, 1, wait_ms);
	} while (n == -1 && errno == EINTR);
	return n == 1;
}

bool
owner_identity_lives(int pidfd)
{
	return !is_over(pidfd, 0);
}

bool
owner_identity_end(int pidfd)
{
	pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	return is_over(pidfd, END_MS);
}

int
owner_identity_show(void)
{
	int shown = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);

	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	return shown;
}

void
owner_identity_hide(int shown)
{
	if (shown != 1)
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
