/*
 * A store for the tests that does what one elsewhere would: it answers later,
 * from another thread, gives a session to one turn at a time and keeps places
 * for others, and expires by itself. The sessions are those of a store in
 * memory behind it.
 */
#ifndef TESTS_CONTRACT_STORE_LATE_H
#define TESTS_CONTRACT_STORE_LATE_H

#include "session/store.h"

store_open_f	store_late_open;

/* Wait until it has done all that was asked; the answers are mailed then. */
void store_late_await(struct store *);

#endif
