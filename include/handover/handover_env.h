/* What a hand-over works on: the parts of the process that it carries over. */
#ifndef HANDOVER_HANDOVER_ENV_H
#define HANDOVER_HANDOVER_ENV_H

#include <stdint.h>

#include "chat/turn_queue.h"
#include "limits/budget.h"
#include "limits/limit.h"
#include "log/metrics.h"
#include "session/store.h"

struct handover_env {
	struct store		*store;
	struct turn_queue	*queue;
	struct limits		*limits;
	struct budget		*budget;
	struct metrics_all	*metrics;	/* which turns run */

	/* bytes that a message which waits may have more in its prompt than
	 * any before it */
	int64_t			 prompt_growth;
};

#endif
