/* Who talks to the owner: a link, whose role says what for. For owner/ only. */
#ifndef OWNER_OWNER_LINK_H
#define OWNER_OWNER_LINK_H

#include "owner/owner_state.h"

/* A link on a connected socket, which is then its own; NULL: closed. */
struct owner_link *owner_link_add(
    struct owner *, int fd, const struct link_role *);

/* Close it, as when it closes from there; it is freed later. */
void owner_link_drop(struct owner_link *);

/* Drop those of a role. */
void owner_links_drop(struct owner *, const struct link_role *);

/* Free those that were dropped. */
void owner_links_bury(struct owner *);

/* Send a short answer, after which the link is closed. */
void owner_link_answer(
    struct owner_link *, enum wire_type, const void *, size_t);

#endif
