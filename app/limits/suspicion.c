/*
 * A fixed number of rows: those in use stand in a table and in a list, the one
 * that was idle longest first; the others in a list of their own.
 */
#include "limits/suspicion.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/siphash.h"
#include "base/table.h"
#include "log/log.h"

struct row {
	struct suspicion s; /* count: not told yet */
	int64_t told_ms;    /* when the last line was due */
	bool used;
	struct table_item item;
	struct list node;
};

struct suspicions {
	/* immutable after suspicions_open() */
	struct siphash_key key;

	/* guarded by mtx */
	pthread_mutex_t mtx;
	struct table used;
	struct list idle; /* longest first */
	struct list unused;
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

static uint64_t
hash_of(const struct suspicions *all, const struct addr *client,
    enum metrics_suspicious kind)
{
	uint8_t name[sizeof(client->b) + 1];

	memcpy(name, client->b, sizeof(client->b));
	name[sizeof(client->b)] = (uint8_t)kind;
	return siphash(&all->key, name, sizeof(name));
}

static uint64_t
row_hash(struct table_item *item, const void *arg)
{
	const struct row *r = container_of(item, struct row, item);

	return hash_of(arg, &r->s.client, r->s.kind);
}

struct suspicions *
suspicions_open(void)
{
	struct suspicions *all;

	if ((all = calloc(1, sizeof(*all))) == NULL)
		return NULL;
	if (!siphash_key_make(&all->key) ||
	    !table_open(&all->used, SUSPICIONS_MAX, row_hash, all)) {
		free(all);
		return NULL;
	}
	list_init(&all->idle);
	list_init(&all->unused);
	for (int i = 0; i < SUSPICIONS_MAX; i++)
		list_add_last(&all->unused, &all->row[i].node);
	pthread_mutex_init(&all->mtx, NULL);
	return all;
}

void
suspicions_close(struct suspicions *all)
{
	if (all == NULL)
		return;
	table_close(&all->used);
	pthread_mutex_destroy(&all->mtx);
	free(all);
}

/* The row of a client and a kind; NULL: there is none. */
static struct row *
find_locked(const struct suspicions *all, const struct addr *client,
    enum metrics_suspicious kind)
{
	struct table_item *item = table_first(
	    &all->used, hash_of(all, client, kind));
	struct row *r;

	for (; item != NULL; item = item->next) {
		r = container_of(item, struct row, item);
		if (r->s.kind == kind && addr_equal(&r->s.client, client))
			return r;
	}
	return NULL;
}

static void
forget_locked(struct suspicions *all, struct row *r)
{
	table_remove(&all->used, &r->item, row_hash(&r->item, all));
	r->used = false;
	list_remove(&r->node);
	list_add_first(&all->unused, &r->node);
}

/* A row for somebody who has none, in no list. */
static struct row *
add_locked(struct suspicions *all, const struct addr *client,
    enum metrics_suspicious kind, int64_t now)
{
	struct row *r;

	if (list_is_empty(&all->unused))
		forget_locked(
		    all, container_of(all->idle.next, struct row, node));
	r = container_of(list_take_first(&all->unused), struct row, node);
	*r = (struct row){
		.s = { .client = *client, .kind = kind },
		.told_ms = now - SUSPICION_MS,
		.used = true,
	};
	table_add(&all->used, &r->item, row_hash(&r->item, all));
	return r;
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

	pthread_mutex_lock(&all->mtx);
	if ((r = find_locked(all, &key, kind)) == NULL)
		r = add_locked(all, &key, kind, now);
	else
		list_remove(&r->node);
	list_add_last(&all->idle, &r->node);
	r->s.count++;
	if (is_over(r, now))
		count = take_count(r, now);
	pthread_mutex_unlock(&all->mtx);
	return count;
}

/* A client that has done nothing for a minute is forgotten. */
static bool
due_locked(
    struct suspicions *all, struct row *r, int64_t now, struct suspicion *due)
{
	if (!r->used || !is_over(r, now))
		return false;
	if (r->s.count == 0) {
		forget_locked(all, r);
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
	while (!found && *at < SUSPICIONS_MAX && !list_is_empty(&all->idle))
		found = due_locked(all, &all->row[(*at)++], now, due);
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
