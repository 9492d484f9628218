/* One process, one listener: from the start of its loops to their end. */
#include "service/run_alone.h"

#include <signal.h>
#include <time.h>

#include "log/log.h"
#include "server/acceptor.h"
#include "service/service_life.h"

/*
 * Wait for the end; until then SIGHUP means that the log was moved away, and
 * that the articles may be others.
 */
static int
signals_wait(const struct service *service)
{
	static const struct timespec second = { .tv_sec = 1 };
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGHUP);
	do {
		service_tick(service);
		sig = sigtimedwait(&set, NULL, &second);
		if (sig == SIGHUP)
			service_hangup(service);
	} while (sig == -1 || sig == SIGHUP);
	return sig;
}

bool
run_alone(struct service *service, struct listener *ls)
{
	struct server *server;
	struct acceptor *acceptor;

	if ((server = service_start(service, 0)) == NULL)
		return false;
	if ((acceptor = acceptor_open(server, ls->fd)) != NULL) {
		ls->fd = -1;
		service_tell_start(service);
		log_notice("drain", LOG_INT("signal", signals_wait(service)));
	}
	listener_unlink(ls);
	server_drain(server);
	acceptor_free(acceptor);
	service_tell_end(service);
	return acceptor != NULL;
}
