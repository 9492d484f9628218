/*
 * A doubly linked list. Its nodes lie in the structs that are listed, which
 * container_of finds again; the list owns none of them. The list itself is a
 * node: a ring that begins and ends with it.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/container.h"

struct list {
	struct list	*next;
	struct list	*prev;
};

/* An empty list; or a node that is in none. */
static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

/* Also of a node: whether it is in no list. */
static inline bool
list_is_empty(const struct list *l)
{
	return l->next == l;
}

/* Put a node before `at`: before the list itself it becomes the last one. */
static inline void
list_insert(struct list *at, struct list *node)
{
	node->next = at;
	node->prev = at->prev;
	at->prev->next = node;
	at->prev = node;
}

static inline void
list_add_first(struct list *l, struct list *node)
{
	list_insert(l->next, node);
}

static inline void
list_add_last(struct list *l, struct list *node)
{
	list_insert(l, node);
}

/* Take a node out of its list, if it is in one. */
static inline void
list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* Move all nodes to a list that is set anew; `from` is empty then. */
static inline void
list_move(struct list *to, struct list *from)
{
	list_init(to);
	if (list_is_empty(from))
		return;
	*to = *from;
	to->next->prev = to->prev->next = to;
	list_init(from);
}

/* The first node, taken out; NULL: the list is empty. */
static inline struct list *
list_take_first(struct list *l)
{
	struct list *node = l->next;

	if (node == l)
		return NULL;
	list_remove(node);
	return node;
}

/* Go through a list; only `next` outlives a node that is removed meanwhile. */
#define LIST_EACH(node, next_, l)                                              \
	for ((node) = (l)->next, (next_) = (node)->next; (node) != (l);        \
	     (node) = (next_), (next_) = (node)->next)

#endif
