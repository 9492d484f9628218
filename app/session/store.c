/* The calls of the store: each goes to the backend that was opened. */
#include "session/store.h"

void
store_create(struct store *st, const struct addr *creator, bool hold,
    int64_t now, store_done_f *done, void *arg)
{
	st->backend->create(st, creator, hold, now, done, arg);
}

void
store_load(struct store *st, const struct sid *sid, const struct addr *creator,
    bool hold, const struct window *window, int64_t now, store_done_f *done,
    void *arg)
{
	st->backend->load(st, sid, creator, hold, window, now, done, arg);
}

void
store_append(struct store *st, const struct sid *sid,
    const struct message *question, const struct message *answer, int64_t now,
    store_done_f *done, void *arg)
{
	st->backend->append(st, sid, question, answer, now, done, arg);
}

void
store_release(struct store *st, const struct sid *sid, int64_t now,
    store_done_f *done, void *arg)
{
	st->backend->release(st, sid, now, done, arg);
}

void
store_delete(struct store *st, const struct sid *sid,
    const struct addr *creator, int64_t now, store_done_f *done, void *arg)
{
	st->backend->remove(st, sid, creator, now, done, arg);
}

void
store_count(struct store *st, int64_t now, store_count_done_f *done, void *arg)
{
	st->backend->count(st, now, done, arg);
}

bool
store_is_crowded(struct store *store)
{
	return store->backend->is_crowded != NULL &&
	       store->backend->is_crowded(store);
}

unsigned
store_sweep(struct store *st, int64_t now, unsigned max)
{
	if (st->backend->sweep == NULL)
		return 0;
	return st->backend->sweep(st, now, max);
}

enum rc
store_export(
    struct store *st, uint64_t *place, int64_t now, struct store_list *list)
{
	*list = (struct store_list){ 0 };
	if (st->backend->export == NULL)
		return RC_NOSESSION;
	return st->backend->export(st, place, now, list);
}

enum rc
store_adopt(struct store *st, struct session *session, int64_t now)
{
	if (st->backend->adopt == NULL)
		return RC_NOSESSION;
	return st->backend->adopt(st, session, now);
}

enum rc
store_return(struct store *st, struct session *session, int64_t now)
{
	if (st->backend->put_back == NULL)
		return RC_NOSESSION;
	return st->backend->put_back(st, session, now);
}

void
store_close(struct store *st)
{
	if (st != NULL)
		st->backend->close(st);
}
