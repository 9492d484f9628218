/* What stands in files that settings name. For conf.c alone. */
#ifndef CONF_CONF_FILES_H
#define CONF_CONF_FILES_H

#include <stdbool.h>

#include "conf/conf_apply.h"

/*
 * Read the secrets: the key, the headers, the proxy's user; and look at the
 * certificates. False: err says what is wrong, and never what stands there.
 */
bool conf_read_files(struct conf_loader *);

#endif
