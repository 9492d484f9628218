/*
 * The table of stores. Alone in its file, so that a test program can be linked
 * with another one.
 */
#include "session/store.h"

const struct store_kind store_kinds[] = {
	{ "memory", store_memory_open },
};
const size_t store_kinds_count = sizeof(store_kinds) / sizeof(store_kinds[0]);
