/*
 * A table of fixed size: a hash table whose rows are also a list, the one that
 * was idle longest first. Rows are named by their index.
 */
#include "limits/suspicion.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "log/log.h"

#define NOBODY (-1)

struct row {
	struct suspicion s; /* count: not told yet */
	int64_t told_ms;    /* when the last line was due */
	bool used;
	int chain;        /* the next in the bucket */
	int older, newer; /* in the list */
};

struct suspicions {
	/* immutable after suspicions_open() */
	struct siphash_key key;

	/* guarded by mtx */
	pthread_mutex_t mtx;
	int bucket[SUSPICIONS_MAX];
	int oldest, newest;
	int unused; /* the first in a chain */
	struct row row[SUSPICIONS_MAX];
};

enum metrics_suspicious
suspicion_of(enum rc rc)
{
	switch (rc) {
	case RC_SESSION_ID:
		return SUSPICIOUS_ID;
	case RC_NOSESSION:
		return SUSPICIOUS_GUESSING;
	case RC_RATE:
	case RC_TOO_MANY_SESSIONS:
	case RC_TOO_MANY_TURNS:
		return SUSPICIOUS_RATE;
	case RC_ORIGIN:
		return SUSPICIOUS_ORIGIN;
	case RC_BODY_SIZE:
	case RC_MESSAGE_SIZE:
		return SUSPICIOUS_OVERSIZE;
	case RC_JSON:
	case RC_UTF8:
		return SUSPICIOUS_JSON;
	default:
		return ROWS_SUSPICIOUS;
	}
}

struct suspicions *
suspicions_open(void)
{
	struct suspicions *all;

	if ((all = calloc(1, sizeof(*all))) == NULL)
		return NULL;
	if (!siphash_key_make(&all->key)) {
		free(all);
		return NULL;
	}
	for (int i = 0; i < SUSPICIONS_MAX; i++) {
		all->bucket[i] = NOBODY;
		all->row[i].chain = i + 1;
	}
	all->row[SUSPICIONS_MAX - 1].chain = NOBODY;
	all->oldest = NOBODY;
	all->newest = NOBODY;
	pthread_mutex_init(&all->mtx, NULL);
	return all;
}

void
suspicions_close(struct suspicions *all)
{
	if (all == NULL)
		return;
	pthread_mutex_destroy(&all->mtx);
	free(all);
}

/* The place that names the row of a client and a kind, or ends its bucket. */
static int *
slot_locked(struct suspicions *all, const struct addr *client,
    enum metrics_suspicious kind)
{
	uint8_t name[sizeof(client->b) + 1];
	int *slot;

	memcpy(name, client->b, sizeof(client->b));
	name[sizeof(client->b)] = (uint8_t)kind;
	slot = &all->bucket[siphash(&all->key, name, sizeof(name)) %
			    SUSPICIONS_MAX];
	while (*slot != NOBODY &&
	       (all->row[*slot].s.kind != kind ||
		   !addr_equal(&all->row[*slot].s.client, client)))
		slot = &all->row[*slot].chain;
	return slot;
}

static void
unlink_locked(struct suspicions *all, int i)
{
	const struct row *r = &all->row[i];

	*(r->older != NOBODY ? &all->row[r->older].newer
			     : &all->oldest) = r->newer;
	*(r->newer != NOBODY ? &all->row[r->newer].older
			     : &all->newest) = r->older;
}

static void
link_newest_locked(struct suspicions *all, int i)
{
	struct row *r = &all->row[i];

	r->older = all->newest;
	r->newer = NOBODY;
	*(all->newest != NOBODY ? &all->row[all->newest].newer
				: &all->oldest) = i;
	all->newest = i;
}

static void
forget_locked(struct suspicions *all, int i)
{
	struct row *r = &all->row[i];

	*slot_locked(all, &r->s.client, r->s.kind) = r->chain;
	unlink_locked(all, i);
	r->used = false;
	r->chain = all->unused;
	all->unused = i;
}

/* A row for somebody who has none. */
static int
add_locked(struct suspicions *all, const struct addr *client,
    enum metrics_suspicious kind, int64_t now)
{
	int i, *slot;

	if (all->unused == NOBODY)
		forget_locked(all, all->oldest);
	i = all->unused;
	all->unused = all->row[i].chain;
	all->row[i] = (struct row){
		.s = { .client = *client, .kind = kind },
		.told_ms = now - SUSPICION_MS,
		.used = true,
		.chain = NOBODY,
	};
	slot = slot_locked(all, client, kind);
	*slot = i;
	link_newest_locked(all, i);
	return i;
}

static bool
is_over(const struct row *r, int64_t now)
{
	return now >= r->told_ms + SUSPICION_MS;
}

/* How many a line tells of; they are told then. */
static int64_t
take_count(struct row *r, int64_t now)
{
	int64_t count = r->s.count;

	r->s.count = 0;
	r->told_ms = now;
	return count;
}

int64_t
suspicions_note(struct suspicions *all, const struct addr *client,
    enum metrics_suspicious kind, int64_t now)
{
	struct addr key = addr_key(client);
	int64_t count = 0;
	struct row *r;
	int i;

	pthread_mutex_lock(&all->mtx);
	if ((i = *slot_locked(all, &key, kind)) == NOBODY) {
		i = add_locked(all, &key, kind, now);
	} else {
		unlink_locked(all, i);
		link_newest_locked(all, i);
	}
	r = &all->row[i];
	r->s.count++;
	if (is_over(r, now))
		count = take_count(r, now);
	pthread_mutex_unlock(&all->mtx);
	return count;
}

/* Who has done nothing for a minute is forgotten. */
static bool
due_locked(struct suspicions *all, int i, int64_t now, struct suspicion *due)
{
	struct row *r = &all->row[i];

	if (!r->used || !is_over(r, now))
		return false;
	if (r->s.count == 0) {
		forget_locked(all, i);
		return false;
	}
	*due = r->s;
	due->count = take_count(r, now);
	return true;
}

bool
suspicions_due(
    struct suspicions *all, size_t *at, int64_t now, struct suspicion *due)
{
	bool found = false;

	pthread_mutex_lock(&all->mtx);
	while (!found && *at < SUSPICIONS_MAX && all->oldest != NOBODY)
		found = due_locked(all, (int)(*at)++, now, due);
	pthread_mutex_unlock(&all->mtx);
	return found;
}

static void
suspicion_log(const struct suspicion *s, const char *id, enum addr_shown shown)
{
#define SUSPICION_NAME(row, name) [row] = name,
	static const char *const names[ROWS_SUSPICIOUS] = { METRICS_SUSPICIOUS(
	    SUSPICION_NAME) };
#undef SUSPICION_NAME
	char client[ADDR_TEXT_SIZE];

	if (!log_allows(LOG_LEVEL_NOTICE, "suspicious", SUSPICION_LINES))
		return;
	log_notice("suspicious", LOG_BARE("kind", names[s->kind]),
	    LOG_BARE("client", addr_show(client, &s->client, shown)),
	    LOG_INT("count", s->count), LOG_BARE("id", id));
}

bool
suspicions_log(struct suspicions *all, const struct addr *client,
    enum metrics_suspicious kind, int64_t now, const char *id,
    enum addr_shown shown)
{
	struct suspicion s = { addr_key(client), kind, 0 };

	s.count = suspicions_note(all, client, kind, now);
	if (s.count == 0)
		return false;
	suspicion_log(&s, id, shown);
	return true;
}

void
suspicions_tell(struct suspicions *all, int64_t now, enum addr_shown shown)
{
	struct suspicion due;
	size_t at = 0;

	while (suspicions_due(all, &at, now, &due))
		suspicion_log(&due, NULL, shown);
}
