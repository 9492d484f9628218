/* The first frame of who comes: to wait, to ask, to end it, to follow. */
#include "owner/owner_greet.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log/log.h"
#include "owner/owner_link.h"
#include "owner/owner_prove.h"
#include "owner/owner_report.h"
#include "owner/owner_serve.h"
#include "server/listener.h"

static void
refuse(struct owner_link *link, int fd)
{
	const struct owner *ow = link->owner;
	char text[WIRE_MAX_TEXT] = "descriptor 0 is not a listening socket";

	close(fd);
	if (ow->listeners >= ow->max_listeners)
		snprintf(text, sizeof(text),
		    "the owner has %u listeners and not enough descriptors for "
		    "more (LimitNOFILE, ulimit -n)",
		    ow->listeners);
	if (ow->listeners >= OWNER_MAX_LISTENERS)
		snprintf(text, sizeof(text),
		    "the owner has %u listeners, the most that it may have",
		    ow->listeners);
	owner_link_answer(link, WIRE_REFUSED, text, strlen(text));
}

static bool
hello_listen(struct owner_link *link, int fd)
{
	struct owner *ow = link->owner;

	if (ow->listeners >= ow->max_listeners || !listener_adopt(fd) ||
	    (link->acceptor = acceptor_open(ow->conf.server, fd)) == NULL) {
		refuse(link, fd);
		return true;
	}
	owner_waiter_add(link);
	log_info("listener", LOG_INT("pid", link->cred.pid),
	    LOG_INT("listeners", ow->listeners));
	if (!peer_send(&link->peer, WIRE_ACCEPTED, NULL, 0, NULL))
		owner_link_drop(link);
	return true;
}

static void
hello_status(struct owner_link *link)
{
	struct buf text;

	buf_init(&text, WIRE_MAX_STATUS);
	owner_report(&text, link->owner);
	if (text.failed)
		owner_link_drop(link);
	else
		owner_link_answer(link, WIRE_REPORT, text.data, text.len);
	buf_free(&text);
}

static bool
is_same(const struct owner *ow, const struct wire_hello *hello)
{
	return hello->program == ow->conf.self.program &&
	       hello->conf == ow->conf.self.conf;
}

static bool
hello_take(struct owner_link *link, const struct wire_frame *frame, int fd)
{
	struct owner *ow = link->owner;
	struct wire_hello hello;

	if (!wire_hello_get(&hello, frame->data, frame->len))
		return false;
	switch (frame->type) {
	case WIRE_LISTEN:
		if (is_same(ow, &hello))
			return hello_listen(link, fd);
		close(fd);
		owner_link_answer(link, WIRE_DIFFERS, NULL, 0);
		return true;
	case WIRE_STATUS:
		hello_status(link);
		return true;
	case WIRE_STOP:
		peer_send(&link->peer, WIRE_ACCEPTED, NULL, 0, NULL);
		owner_end(ow, "stop");
		return true;
	case WIRE_FOLLOW:
		owner_prove_begin(link);
		return true;
	default:
		return false;
	}
}

static bool
hello_frame(
    struct owner_link *link, const struct wire_frame *frame, const int *fds)
{
	loop_untimer(link->owner->loop, &link->patience);
	return hello_take(link, frame, fds[0]);
}

const struct link_role owner_newcomer = {
	.frame = hello_frame,
	.late = owner_link_drop,
};
