/*
 * One turn at a time in a session, across the loops. A list holds the tickets
 * whose ids fall there, in order of arrival: the first with an id runs, the
 * later ones with it wait. So nothing is allocated, and entering cannot fail.
 *
 * A mail is posted after the shard is unlocked, since no thread holds two
 * locks. It cannot meet a freed ticket: `mailed` was set under the lock, so
 * from then on turn_queue_leave answers false, and only opening that very mail
 * gives the ticket back. While it is under way, further signals are added to
 * it.
 */
#include "chat/turn_queue.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/container.h"
#include "base/must.h"

#define SHARDS 16
#define LISTS  256 /* per shard */
#define PLACES (1 + TURN_QUEUE_MAX_WAITING)

struct shard {
	/* guarded by mtx, with the tickets that stand in it */
	pthread_mutex_t mtx;
	bool keeps; /* those that end */
	struct ticket *lists[LISTS];
};

struct turn_queue {
	struct shard shards[SHARDS];
};

static struct shard *
turn_queue_shard(struct turn_queue *line, const struct sid *sid)
{
	return &line->shards[sid_key(sid) % SHARDS];
}

static struct ticket **
shard_list(struct shard *shard, const struct sid *sid)
{
	return &shard->lists[sid_key(sid) / SHARDS % LISTS];
}

/* The first ticket from here on that has this id. */
static struct ticket *
find_locked(struct ticket *ticket, const struct sid *sid)
{
	while (ticket != NULL && !sid_equal(&ticket->sid, sid))
		ticket = ticket->next;
	return ticket;
}

/* True: the caller has to mail it after unlocking. */
static bool
signal_locked(struct ticket *ticket, enum turn_queue_signal signal)
{
	bool first = !ticket->mailed;

	ticket->signals |= signal;
	ticket->mailed = true;
	if (signal == TURN_QUEUE_OVER)
		ticket->kept = false;
	return first;
}

static void
ticket_open(struct loop_task *mail)
{
	struct ticket *ticket = container_of(mail, struct ticket, mail);
	struct shard *shard = turn_queue_shard(ticket->line, &ticket->sid);
	unsigned signals;
	bool left;

	pthread_mutex_lock(&shard->mtx);
	signals = ticket->signals;
	ticket->signals = 0;
	ticket->mailed = false;
	left = ticket->left;
	pthread_mutex_unlock(&shard->mtx);

	if (left)
		ticket->events->release(ticket);
	else
		ticket->events->signal(ticket, signals);
}

struct turn_queue *
turn_queue_new(void)
{
	struct turn_queue *line;
	size_t i;

	if ((line = calloc(1, sizeof(*line))) == NULL)
		return NULL;
	for (i = 0; i < SHARDS; i++)
		pthread_mutex_init(&line->shards[i].mtx, NULL);
	return line;
}

void
turn_queue_free(struct turn_queue *line)
{
	size_t i;

	if (line == NULL)
		return;
	for (i = 0; i < SHARDS; i++)
		pthread_mutex_destroy(&line->shards[i].mtx);
	free(line);
}

/* How many stand before it; at PLACES it was not let in. */
static size_t
enter_locked(struct shard *shard, struct ticket *ticket)
{
	struct ticket **end = shard_list(shard, &ticket->sid);
	size_t ahead = 0;

	for (; *end != NULL; end = &(*end)->next) {
		if (sid_equal(&(*end)->sid, &ticket->sid))
			ahead++;
	}
	if (ahead < PLACES)
		*end = ticket;
	return ahead;
}

enum rc
turn_queue_enter(struct turn_queue *line, struct ticket *ticket,
    struct loop *loop, const struct sid *sid,
    const struct ticket_events *events, bool *waits)
{
	struct shard *shard = turn_queue_shard(line, sid);
	size_t ahead;

	*ticket = (struct ticket){
		.loop = loop,
		.sid = *sid,
		.events = events,
		.mail.run = ticket_open,
		.line = line,
	};
	pthread_mutex_lock(&shard->mtx);
	ahead = enter_locked(shard, ticket);
	pthread_mutex_unlock(&shard->mtx);

	*waits = ahead > 0 && ahead < PLACES;
	return ahead < PLACES ? RC_OK : RC_BUSY;
}

/* The one whose turn it is now and who has to be mailed, or NULL. */
static struct ticket *
leave_locked(struct shard *shard, struct ticket *ticket)
{
	struct ticket **list = shard_list(shard, &ticket->sid);
	struct ticket **at = list, *next = NULL;

	if (find_locked(*list, &ticket->sid) == ticket)
		next = find_locked(ticket->next, &ticket->sid);
	must(!ticket->left);
	while (*at != ticket)
		at = &(*at)->next;
	*at = ticket->next;
	ticket->next = NULL;
	ticket->left = true;
	return next != NULL && signal_locked(next, TURN_QUEUE_GO) ? next : NULL;
}

bool
turn_queue_leave(struct turn_queue *line, struct ticket *ticket)
{
	struct shard *shard = turn_queue_shard(line, &ticket->sid);
	struct ticket *next;
	bool mailed;

	pthread_mutex_lock(&shard->mtx);
	next = leave_locked(shard, ticket);
	mailed = ticket->mailed;
	pthread_mutex_unlock(&shard->mtx);

	if (next != NULL)
		loop_mail(next->loop, &next->mail);
	return !mailed;
}

bool
turn_queue_end(struct turn_queue *line, struct ticket *ticket)
{
	struct shard *shard = turn_queue_shard(line, &ticket->sid);
	bool kept;

	pthread_mutex_lock(&shard->mtx);
	must(!ticket->ended && !ticket->left);
	ticket->ended = true;
	kept = ticket->kept = shard->keeps;
	pthread_mutex_unlock(&shard->mtx);
	return kept;
}

static struct ticket *
kept_locked(struct ticket *ticket)
{
	while (ticket != NULL && !ticket->kept)
		ticket = ticket->next;
	return ticket;
}

/* Tell the next one of a list that is kept; false: there is none. */
static bool
list_over(struct shard *shard, struct ticket **list)
{
	struct ticket *ticket;
	bool mail = false;

	pthread_mutex_lock(&shard->mtx);
	if ((ticket = kept_locked(*list)) != NULL)
		mail = signal_locked(ticket, TURN_QUEUE_OVER);
	pthread_mutex_unlock(&shard->mtx);
	if (mail)
		loop_mail(ticket->loop, &ticket->mail);
	return ticket != NULL;
}

void
turn_queue_part(struct turn_queue *line, bool keep)
{
	struct shard *shard;
	size_t i, j;

	for (i = 0; i < SHARDS; i++) {
		shard = &line->shards[i];
		pthread_mutex_lock(&shard->mtx);
		shard->keeps = keep;
		pthread_mutex_unlock(&shard->mtx);
		for (j = 0; j < LISTS && !keep; j++)
			while (list_over(shard, &shard->lists[j]))
				;
	}
}

struct turn_queue_view
turn_queue_view(struct turn_queue *line, const struct sid *sid)
{
	struct shard *shard = turn_queue_shard(line, sid);
	struct turn_queue_view view = { false };
	const struct ticket *first;

	pthread_mutex_lock(&shard->mtx);
	first = find_locked(*shard_list(shard, sid), sid);
	if (first != NULL) {
		view.runs = !first->ended;
		view.kept = first->kept;
		view.waits = find_locked(first->next, sid) != NULL;
	}
	pthread_mutex_unlock(&shard->mtx);
	return view;
}

bool
turn_queue_tell(struct turn_queue *line, const struct sid *sid,
    enum turn_queue_signal signal)
{
	struct shard *shard = turn_queue_shard(line, sid);
	struct ticket *ticket, *mailed[PLACES];
	size_t count = 0;
	bool found;

	pthread_mutex_lock(&shard->mtx);
	ticket = find_locked(*shard_list(shard, sid), sid);
	if (ticket != NULL && signal == TURN_QUEUE_OVER && !ticket->kept)
		ticket = NULL;
	found = ticket != NULL;
	while (ticket != NULL) {
		if (signal_locked(ticket, signal))
			mailed[count++] = ticket;
		ticket = signal == TURN_QUEUE_DELETED
		             ? find_locked(ticket->next, sid)
		             : NULL;
	}
	pthread_mutex_unlock(&shard->mtx);

	while (count > 0) {
		count--;
		loop_mail(mailed[count]->loop, &mailed[count]->mail);
	}
	return found;
}
