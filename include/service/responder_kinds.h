/*
 * What can answer: the table that the setting `responder` chooses from. A third
 * one is a row here and a word in conf/conf.h.
 */
#ifndef SERVICE_RESPONDER_KINDS_H
#define SERVICE_RESPONDER_KINDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chat/responder.h"
#include "conf/conf.h"
#include "loop/loop.h"
#include "service/service.h"

struct responder_kind {
	enum conf_responder	 setting;	/* its value */
	const char		*part;		/* what failed, when open did */

	/* Whether auto means it. The last row is not asked. */
	bool	(*is_wanted)(const struct conf *);

	/* What all loops share, as service->shared; open NULL: nothing. The
	 * system prompt outlives it. NULL: it failed, with errno. */
	void	*(*open)(const struct service *, const char *system);
	void	(*close)(void *shared);

	/* On one loop; NULL: what failed was logged. */
	struct responder *(*open_loop)(const struct service *, struct loop *);

	/* Whether it refuses all now (monotonic ms); NULL: never. From any
	 * thread. */
	bool	(*is_shut)(void *shared, int64_t now);

	/* Descriptors: for each connection's answer, and each loop. */
	unsigned	 conn_fds, loop_fds;
};

extern const struct responder_kind responder_kinds[];
extern const size_t responder_kinds_count;

#endif
