/* Why a model's answer ended, as a finish_reason says in its dialects. */
#ifndef CHAT_MODEL_FINISH_H
#define CHAT_MODEL_FINISH_H

#include <stddef.h>

enum finish {
	FINISH_NONE,		/* it has not */
	FINISH_STOP,		/* it is whole */
	FINISH_LENGTH,		/* the limit of tokens was reached */
	FINISH_FILTER,		/* it held what may not be said */
	FINISH_ERROR,		/* it failed */
};

/* What a reason means that is not empty; FINISH_STOP when it is unknown. */
enum finish finish_read(const char *reason, size_t);

#endif
