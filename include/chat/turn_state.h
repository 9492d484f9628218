/*
 * A turn between its steps, as the parts of the turn's code see it, and nobody
 * else: turn.c (its beginning, its session), turn_answer.c (what is answered),
 * turn_end.c (what is kept, and told), turns.c (all of a loop).
 */
#ifndef CHAT_TURN_STATE_H
#define CHAT_TURN_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/rc.h"
#include "base/sid.h"
#include "chat/responder.h"
#include "chat/turn.h"
#include "chat/turn_queue.h"
#include "loop/loop.h"
#include "session/store.h"

/*
 * The steps of a turn, in their order: some are left out. turn_state.c has the
 * table of what may follow what.
 */
enum turn_state {
	TURN_NEW,
	TURN_BEGINS,
	TURN_WAITS,		/* in this process */
	TURN_OPENS,		/* the store is asked for the session */
	TURN_HELD,		/* waits for a turn elsewhere */
	TURN_ANSWERS,
	TURN_CLOSES,		/* the store is given the outcome */
	TURN_SETTLES,		/* another process is given it, too */
	TURN_GONE,
};

/* A place in line outlives its turn while a mail to it is under way. */
struct place {
	struct ticket	 ticket;
	struct turns	*turns;
	struct turn	*turn;
};

struct turn {
	struct turns			*turns;
	struct list			 node;		/* of turns */
	struct place			*place;
	struct loop_task		 task;
	struct timer			 patience;
	const struct turn_events	*events;
	void				*arg;

	struct addr			 creator;
	struct sid			 sid;
	struct sid			 key;
	struct hold			 hold;
	enum turn_state			 state;
	enum rc				 why;	/* it ends; RC_OK: goes on */
	enum lang			 lang;
	bool				 has_sid;
	bool				 own;
	bool				 keep_partial;
	bool				 left;
	bool				 keyed;
	bool				 replayed;
	bool				 waits_told;

	struct answer			*answer;
	struct buf			 text;
	struct buf			 cited;	/* what it goes by */
	struct store_now		 asked;
	int64_t				 patient_ms;	/* until then */
	struct turn_end			 end;

	const char			*request_id;
	size_t				 len;
	char				 message[];
};

struct turns {
	struct loop		*loop;
	struct turns_conf	 conf;
	struct store_port	*port;
	struct list		 running;
	size_t			 places;
	bool			 draining;
	struct timer		 grace;
};

/* This moment. */
struct store_now turn_now(const struct turn *);

/* The only setter of a turn's state: it must be a step that may follow. */
void turn_to(struct turn *, enum turn_state);

/* What the store tells a turn, which may be gone when this returns. */
void turn_signal(struct turn *, enum store_signal);

/* Its place in line is free, and no mail to it is under way. */
void place_free(struct ticket *);

#endif
