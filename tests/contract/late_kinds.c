/* The table of stores of a program whose sessions are in the late one. */
#include "store_late.h"

const struct store_kind store_kinds[] = {
	{ "memory", store_late_open },
};
const size_t store_kinds_count = sizeof(store_kinds) / sizeof(store_kinds[0]);
