/* Where the settings meet the owner. */
#include "service/run_owner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/build.h"
#include "base/clock.h"
#include "base/container.h"
#include "conf/conf_hash.h"
#include "handover/handover.h"
#include "log/log.h"
#include "owner/owner.h"
#include "owner/owner_call.h"
#include "owner/owner_patience.h"
#include "server/listener.h"
#include "server/server.h"
#include "service/service_life.h"

#define NAP_NS (20 * 1000 * 1000)

static struct wire_hello
hello(const struct conf *cf)
{
	return (struct wire_hello){
		.program = build_id(),
		.conf = conf_hash(cf),
	};
}

bool
run_owner_begin(struct run_owner *own, const struct conf *cf, struct err *err)
{
	struct listener ls;
	enum owner_starter_end end;

	if (!listener_open(&ls, cf->listen, cf->allow_remote, err))
		return false;
	if (!owner_dir_open(&own->dir, cf->owner_dir, OWNER_DIR_MAKE, err)) {
		listener_close(&ls);
		return false;
	}
	own->self = hello(cf);
	end = owner_starter_run(&own->dir, &own->self, ls.fd, &own->birth, err);
	if (end == OWNER_STARTER_OWNER) {
		free(ls.path);
		return true;
	}
	listener_unlink(&ls);
	owner_dir_close(&own->dir);
	return false;
}

/* One that does not exist yet will be made. */
bool
run_owner_check(const struct conf *cf, struct err *err)
{
	struct owner_dir dir;

	if (cf->owner_dir == NULL ||
	    (access(cf->owner_dir, F_OK) == -1 && errno == ENOENT))
		return true;
	if (!owner_dir_open(&dir, cf->owner_dir, OWNER_DIR_ANY, err))
		return false;
	owner_dir_close(&dir);
	return true;
}

/*
 * Being the owner.
 */

struct owning {
	struct service *service;
	struct handover ho;
};

/* The handover is what the owner's callbacks get. */
static const struct service *
owning_service(void *arg)
{
	struct handover *ho = arg;

	return container_of(ho, struct owning, ho)->service;
}

static void
owning_tick(void *arg)
{
	service_tick(owning_service(arg));
}

static void
owning_hangup(void *arg)
{
	service_hangup(owning_service(arg));
}

/* What goes to the next owner. */
static struct owner_app
owning_begin(struct owning *ow, struct service *service)
{
	const struct conf *cf = service->conf;
	const struct handover_env env = {
		.store = service->store,
		.queue = service->queue,
		.limits = service->limits,
		.budget = service->budget,
		.metrics = service->metrics,
		.prompt_growth = (int64_t)(cf->context_bytes +
					   cf->message_max_bytes),
	};
	struct owner_app callbacks = handover_callbacks(&ow->ho);

	ow->service = service;
	handover_init(&ow->ho, &env);
	callbacks.tick = owning_tick;
	callbacks.hangup = owning_hangup;
	return callbacks;
}

/* Be the owner until it is to end. NULL: it could not; that was logged. */
static struct owner *
owning_serve(struct owning *ow, struct run_owner *birth, struct server *server,
    const struct owner_app *callbacks)
{
	bool is_refused = false;
	const struct owner_conf conf = {
		.dir = &birth->dir,
		.self = birth->self,
		.lock = birth->birth.lock,
		.linger_ms = ow->service->conf->owner_linger_ms,
		.server = server,
		.refused = &is_refused,
	};
	struct err err;
	struct owner *owner;

	if ((owner = owner_open(&conf, callbacks, &err)) == NULL) {
		log_error("owner", LOG_STR("failed", err.text));
		if (is_refused)
			fprintf(stderr, "causerie: %s\n", err.text);
		else
			owner_starter_again(&birth->birth);
		return NULL;
	}
	owner_starter_ready(&birth->birth);
	owner_run(owner);
	return owner;
}

bool
run_owner(struct service *service, struct run_owner *birth)
{
	struct owner_app callbacks;
	struct server *server;
	struct owning owning;
	struct owner *owner;

	if ((server = service_start(service, OWNER_FDS)) == NULL)
		return false;
	callbacks = owning_begin(&owning, service);
	service_tell_start(service);
	owner = owning_serve(&owning, birth, server, &callbacks);
	server_drain(server);
	owner_close(owner);
	handover_free(&owning.ho);
	service_tell_end(service);
	return owner != NULL;
}

/*
 * Asking it.
 */

/* False: it went away without an answer, or gave none in time. */
static bool
run_owner_ask(int sock, const struct wire_hello *self, bool stop, int wait_ms,
    int *status)
{
	enum wire_type answer = WIRE_NONE;
	struct buf text;

	buf_init(&text, WIRE_MAX_STATUS);
	if (owner_ask(sock, stop ? WIRE_STOP : WIRE_STATUS, self, -1))
		answer = owner_answer(sock, wait_ms, &text);
	*status = EXIT_FAILURE;
	if (answer == WIRE_REPORT) {
		fwrite(text.data, 1, text.len, stdout);
		*status = EXIT_SUCCESS;
	} else if (answer == WIRE_ACCEPTED &&
		   !owner_await_end(sock, owner_patience(PATIENCE_END))) {
		fputs("causerie: the owner has not ended yet\n", stderr);
	} else if (answer == WIRE_ACCEPTED) {
		puts("causerie: the owner has ended");
		*status = EXIT_SUCCESS;
	}
	buf_free(&text);
	return answer == WIRE_REPORT || answer == WIRE_ACCEPTED;
}

static int
run_owner_find(struct owner_dir *dir, const struct conf *cf, struct err *err)
{
	if (access(cf->owner_dir, F_OK) == -1 && errno == ENOENT)
		return -1;
	if (dir->fd == -1 &&
	    !owner_dir_open(dir, cf->owner_dir, OWNER_DIR_ANY, err))
		return -1;
	return owner_dir_connect(dir, err);
}

/* One that begins to hand over sends everybody away: then the next is asked. */
static int
ask_whoever_owns(
    struct owner_dir *dir, const struct conf *cf, bool stop, struct err *err)
{
	static const struct timespec nap = { .tv_nsec = NAP_NS };
	const struct wire_hello self = hello(cf);
	int64_t end = clock_mono_ms() + owner_patience(PATIENCE_ANSWER), left;
	int sock, status;
	bool answered;

	while ((left = end - clock_mono_ms()) > 0 &&
	       (sock = run_owner_find(dir, cf, err)) != -1) {
		answered = run_owner_ask(sock, &self, stop, (int)left, &status);
		close(sock);
		if (answered)
			return status;
		nanosleep(&nap, NULL);
	}
	if (left > 0)
		return RUN_OWNER_NONE;
	fputs("causerie: the owner does not answer\n", stderr);
	return EXIT_FAILURE;
}

int
run_owner_command(const struct conf *cf, bool stop)
{
	struct owner_dir dir = { .fd = -1 };
	struct err err = { "" };
	int status = ask_whoever_owns(&dir, cf, stop, &err);

	if (err_is_set(&err)) {
		fprintf(stderr, "causerie: %s\n", err.text);
		status = EXIT_FAILURE;
	} else if (status == RUN_OWNER_NONE) {
		puts("causerie: there is no owner");
		status = stop ? EXIT_SUCCESS : RUN_OWNER_NONE;
	}
	owner_dir_close(&dir);
	return status;
}
