/*
 * A turn between its steps, as the parts of the turn's code see it, and nobody
 * else: turn.c (its beginning, its session, its end), turn_answer.c (what is
 * answered, and kept), turns.c (all of a loop).
 */
#ifndef CHAT_TURN_STATE_H
#define CHAT_TURN_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/rc.h"
#include "base/sid.h"
#include "chat/responder.h"
#include "chat/turn.h"
#include "chat/turn_queue.h"
#include "loop/loop.h"

enum turn_state {
	TURN_BEGINS,
	TURN_WAITS,
	TURN_OPENS,		/* the store is asked for the session */
	TURN_ANSWERS,
	TURN_CLOSES,		/* the store is given the outcome */
	TURN_ENDS,		/* another process is given it, too */
};

/* A place in line outlives its turn while a mail to it is under way. */
struct place {
	struct ticket	 ticket;	/* first */
	struct turns	*turns;
	struct turn	*turn;
};

struct turn {
	struct turns			*turns;
	struct turn			*next;
	struct turn			*prev;
	struct place			*place;
	struct loop_task		 task;
	struct timer			 patience;
	const struct turn_events	*events;
	void				*arg;

	struct addr			 creator;
	struct sid			 sid;
	struct sid			 key;
	enum turn_state			 state;
	enum rc				 why;	/* it ends; RC_OK: goes on */
	enum lang			 lang;
	bool				 has_sid;
	bool				 own;
	bool				 keep_partial;
	bool				 left;
	bool				 keyed;
	bool				 replayed;

	struct answer			*answer;
	struct buf			 text;
	int64_t				 asked_ms;
	struct turn_end			 end;

	const char			*request_id;
	size_t				 len;
	char				 message[];
};

struct turns {
	struct loop		*loop;
	struct turns_conf	 conf;
	struct turn		*first;
	size_t			 places;
	bool			 draining;
	struct timer		 grace;
};

/* Whether the responder may be asked; what it was answered needs no asking. */
enum rc turn_ready(const struct turn *);

/* The end: tells it, and frees the turn. */
void turn_over(struct turn *);

/* Likewise, when the store has the outcome and the line lets it go. */
void turn_ended(struct turn *);

/*
 * End it for this reason as soon as its step allows: at once, or when the store
 * has answered. The first reason counts, but RC_DELETED counts more.
 */
void turn_interrupt(struct turn *, enum rc why);

#endif
