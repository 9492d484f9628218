/* Where the settings meet the owner. */
#include "service/run_owner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/build.h"
#include "conf/conf_hash.h"
#include "handover/handover.h"
#include "log/log.h"
#include "owner/owner.h"
#include "owner/owner_call.h"
#include "server/listener.h"

#define ERR_SIZE  1024
#define ANSWER_MS 30000

static struct wire_hello
hello(const struct conf *cf)
{
	return (struct wire_hello){
		.program = build_id(),
		.conf = conf_hash(cf),
	};
}

bool
run_owner_begin(
    struct run_owner *own, const struct conf *cf, char *err, size_t errsize)
{
	struct listener ls;
	enum owner_starter_end end;

	if (!listener_open(&ls, cf->listen, cf->allow_remote, err, errsize))
		return false;
	if (!owner_dir_open(
		&own->dir, cf->owner_dir, true, false, err, errsize)) {
		listener_close(&ls);
		return false;
	}
	own->self = hello(cf);
	end = owner_starter_run(
	    &own->dir, &own->self, ls.fd, &own->birth, err, errsize);
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
run_owner_check(const struct conf *cf, char *err, size_t errsize)
{
	struct owner_dir dir;

	if (cf->owner_dir == NULL ||
	    (access(cf->owner_dir, F_OK) == -1 && errno == ENOENT))
		return true;
	if (!owner_dir_open(&dir, cf->owner_dir, false, true, err, errsize))
		return false;
	owner_dir_close(&dir);
	return true;
}

/*
 * Being the owner.
 */

struct owner *
run_owner_serve(struct run_owner *own, struct handover *ho,
    struct server *server, const struct owner_app *app)
{
	const struct owner_conf conf = {
		.dir = &own->dir,
		.self = own->self,
		.lock = own->birth.lock,
		.linger_ms = ho->app->conf->owner_linger_ms,
		.server = server,
	};
	char err[ERR_SIZE];
	struct owner *owner;

	if ((owner = owner_open(&conf, app, err, sizeof(err))) == NULL) {
		log_error("owner", LOG_STR("failed", err));
		owner_starter_again(&own->birth);
		return NULL;
	}
	owner_starter_ready(&own->birth);
	owner_run(owner);
	return owner;
}

/*
 * Asking it.
 */

/* Until the owner closes the connection. */
static void
await_end(int sock)
{
	struct buf text;

	buf_init(&text, WIRE_MAX_STATUS);
	owner_answer(sock, -1, &text);
	buf_free(&text);
}

static int
ask(int sock, const struct wire_hello *self, bool stop)
{
	enum wire_type answer = WIRE_NONE;
	int status = EXIT_FAILURE;
	struct buf text;

	buf_init(&text, WIRE_MAX_STATUS);
	if (owner_ask(sock, stop ? WIRE_STOP : WIRE_STATUS, self, -1))
		answer = owner_answer(sock, ANSWER_MS, &text);
	if (answer == WIRE_REPORT) {
		fwrite(text.data, 1, text.len, stdout);
		status = EXIT_SUCCESS;
	} else if (answer == WIRE_ACCEPTED) {
		await_end(sock);
		puts("causerie: the owner has ended");
		status = EXIT_SUCCESS;
	} else {
		fputs("causerie: the owner does not answer\n", stderr);
	}
	buf_free(&text);
	return status;
}

int
run_owner_command(const struct conf *cf, bool stop)
{
	const struct wire_hello self = hello(cf);
	struct owner_dir dir = { .fd = -1 };
	char err[ERR_SIZE] = "";
	int sock = -1, status;

	if (access(cf->owner_dir, F_OK) == 0 || errno != ENOENT) {
		if (owner_dir_open(
			&dir, cf->owner_dir, false, true, err, sizeof(err)))
			sock = owner_dir_connect(&dir, err, sizeof(err));
	}
	if (sock != -1) {
		status = ask(sock, &self, stop);
		close(sock);
	} else if (*err != '\0') {
		fprintf(stderr, "causerie: %s\n", err);
		status = EXIT_FAILURE;
	} else {
		puts("causerie: there is no owner");
		status = stop ? EXIT_SUCCESS : RUN_OWNER_NONE;
	}
	owner_dir_close(&dir);
	return status;
}
