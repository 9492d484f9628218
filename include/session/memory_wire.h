/* How sessions leave the memory of one process, and enter another's. */
#ifndef SESSION_MEMORY_WIRE_H
#define SESSION_MEMORY_WIRE_H

#include "session/store.h"

/* Of a store in memory, or of one that begins with its struct. */
extern const struct store_local memory_local;

#endif
