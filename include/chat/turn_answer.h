/*
 * A turn whose session is open: it asks the responder, or gives again what a
 * key was answered before, and hands the outcome to the store.
 */
#ifndef CHAT_TURN_ANSWER_H
#define CHAT_TURN_ANSWER_H

#include "base/rc.h"
#include "chat/turn_state.h"
#include "session/store.h"

/*
 * Answer in this session, which has what the turn's key was answered with, or
 * the prompt's window. The turn may be gone when this returns.
 */
void turn_answer(struct turn *, const struct session *);

/* Whether the responder may be asked; what it was answered needs no asking. */
enum rc turn_ready(const struct turn *);

#endif
