/*
 * The parts of the program that all loops share, as the settings want them.
 */
#ifndef SERVICE_SERVICE_PARTS_H
#define SERVICE_SERVICE_PARTS_H

#include "articles/articles.h"
#include "service/service.h"

/* What the settings say of the articles; their path is the configuration's. */
struct articles_conf service_articles_conf(const struct conf *);

/*
 * Open those that service->conf asks for; system is the system prompt, which
 * must outlive them, as service->budget. NULL; or the name of what failed, with
 * errno, and what was opened must be closed.
 */
const char *service_parts_open(struct service *, const char *system);

/* Close those that are open; no loop runs any more. */
void service_parts_close(struct service *);

#endif
