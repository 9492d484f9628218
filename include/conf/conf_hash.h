/* Whether two processes were started with the same configuration. */
#ifndef CONF_CONF_HASH_H
#define CONF_CONF_HASH_H

#include <stdint.h>

#include "conf/conf.h"

/*
 * A hash of all settings but listen and owner_dir, and of the state of the
 * files that they name (which file, its size and its time of change), but for
 * articles, whose file is reloaded when it changes.
 */
uint64_t conf_hash(const struct conf *);

#endif
