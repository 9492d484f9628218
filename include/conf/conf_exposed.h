/* Whether a secret of the configuration travels where others can read it. */
#ifndef CONF_CONF_EXPOSED_H
#define CONF_CONF_EXPOSED_H

#include <stdbool.h>

/*
 * Whether a URL leads over plain HTTP to another machine: its host is none of
 * localhost, 127.0.0.0/8 and ::1. Whatever else a name may stand for, it is not
 * asked here.
 */
bool conf_is_exposed(const char *url);

#endif
