/* The list of the header as a table. */
#include "conf/conf_kind.h"

#include "conf/conf.h"

#define NUMBER(name, type, reader, storer, words) \
	[name] = { .noun = words, \
		.size = sizeof(type), \
		.number = reader, \
		.store = storer },
#define TEXT(name, check, bits, words) \
	[name] = { .noun = words, \
		.size = sizeof(char *), \
		.fault = check, \
		.flags = bits },

const struct conf_kind_rule conf_kinds[CONF_KINDS] = { CONF_KIND_LIST(
    NUMBER, TEXT) };
