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
 * Answer in this session, whose history is the whole one of a turn with a key,
 * else the prompt's window. The turn may be gone when this returns.
 */
void turn_answer(struct turn *, const struct session *);

/*
 * Nothing answers any more: keep what is to be kept and let go of the session.
 * RC_OK: the answer is whole, else why it is not. The turn may be gone when
 * this returns.
 */
void turn_finish(struct turn *, enum rc why);

#endif
