/* Where the connections come from: the listening descriptor of the process. */
#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct listener {
	int	 fd;		/* non-blocking, close-on-exec; -1: none */
	char	*path;		/* of a unix socket that we made, or NULL */
	dev_t	 dev;		/* what was made there */
	ino_t	 ino;
};

/*
 * Whether listener_open would understand and allow spec; nothing is opened.
 * False: err says why, for a person.
 */
bool listener_check(const char *spec, bool allow_remote, struct err *err);

/*
 * Listen. spec is "unix:/path" (made with mode 0660; a stale socket there is
 * replaced, one that is served is not), "127.0.0.1:9000" or "[::1]:9000" (an
 * address that is not loopback is refused unless allow_remote), or NULL:
 * descriptor 0 when it is a listening socket, else systemd's descriptor 3
 * (LISTEN_PID, LISTEN_FDS; sd_listen_fds(3)). False: err says why, for a
 * person. To be called before there are threads: it sets the umask for a
 * moment.
 */
bool listener_open(struct listener *, const char *spec, bool allow_remote,
    struct err *err);

/*
 * Whether a descriptor is a listening socket; then it is made non-blocking and
 * close-on-exec.
 */
bool listener_adopt(int fd);

/*
 * Remove the socket that listener_open made, unless another one stands there
 * by now; the descriptor stays open. Whoever comes later is refused at once.
 */
void listener_unlink(struct listener *);

/* Remove the socket as listener_unlink does, and close the descriptor. */
void listener_close(struct listener *);

#endif
