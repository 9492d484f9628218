/*
 * How a turn ends: it closes its session with what is to be kept, settles its
 * place in line, and concludes by telling its client. Below what begins it and
 * what answers.
 */
#ifndef CHAT_TURN_END_H
#define CHAT_TURN_END_H

#include "base/rc.h"
#include "chat/turn_state.h"

/*
 * Nothing answers any more: keep what is to be kept and let go of the session.
 * RC_OK: the answer is whole, else why it is not. The turn may be gone when
 * this returns.
 */
void turn_close(struct turn *, enum rc why);

/* Tell the client how it ended, and free the turn. */
void turn_conclude(struct turn *);

/* The same with nothing answered. */
void turn_refuse(struct turn *, enum rc);

/*
 * End it for this reason as soon as its step allows: at once, or when the store
 * has answered. The first reason counts, but RC_DELETED and RC_LOST count
 * more.
 */
void turn_interrupt(struct turn *, enum rc why);

/* Leave the line; nothing happens when it is in none. */
void turn_leave_line(struct turn *);

#endif
