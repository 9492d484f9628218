/* The calls of the store: each goes to the backend that was opened. */
#include "session/store.h"

#include "base/clock.h"

struct store_now
store_now_at(int64_t mono_ms)
{
	return (struct store_now){ mono_ms,
		mono_ms + clock_wall_offset_at(mono_ms) };
}

struct store_port *
store_join(
    struct store *st, struct loop *loop, store_signal_f *signal, void *arg)
{
	return st->backend->join(st, loop, signal, arg);
}

void
store_part(struct store_port *port)
{
	if (port != NULL)
		port->store->backend->part(port);
}

void
store_create(struct store_port *port, const struct addr *creator,
    struct hold *hold, const struct store_now *now, store_done_f *done,
    void *arg)
{
	port->store->backend->create(port, creator, hold, now, done, arg);
}

void
store_load(struct store_port *port, const struct store_ask *ask,
    store_done_f *done, void *arg)
{
	port->store->backend->load(port, ask, done, arg);
}

void
store_quit(
    struct store_port *port, const struct sid *sid, const struct hold *hold)
{
	if (port->store->backend->quit != NULL)
		port->store->backend->quit(port, sid, hold);
}

void
store_append(struct store_port *port, const struct store_pair *pair,
    store_done_f *done, void *arg)
{
	port->store->backend->append(port, pair, done, arg);
}

void
store_release(struct store_port *port, const struct sid *sid,
    const struct hold *hold, const struct store_now *now, store_done_f *done,
    void *arg)
{
	port->store->backend->release(port, sid, hold, now, done, arg);
}

void
store_delete(struct store_port *port, const struct sid *sid,
    const struct addr *creator, const struct store_now *now, store_done_f *done,
    void *arg)
{
	port->store->backend->remove(port, sid, creator, now, done, arg);
}

void
store_tell(struct store_port *port, const struct store_ask *ask,
    enum store_signal signal, store_done_f *done, void *arg)
{
	if (port->store->backend->tell == NULL)
		done(arg, RC_NOSESSION, NULL);
	else
		port->store->backend->tell(port, ask, signal, done, arg);
}

void
store_count(struct store_port *port, const struct store_now *now,
    store_count_done_f *done, void *arg)
{
	port->store->backend->count(port, now, done, arg);
}

bool
store_is_crowded(struct store *store)
{
	return store->backend->is_crowded != NULL &&
	       store->backend->is_crowded(store);
}

unsigned
store_sweep(struct store *st, const struct store_now *now, unsigned max)
{
	if (st->backend->sweep == NULL)
		return 0;
	return st->backend->sweep(st, now, max);
}

void
store_close(struct store *st)
{
	if (st != NULL)
		st->backend->close(st);
}

/*
 * What only a store in this process does.
 */

enum rc
store_export(struct store *st, uint64_t *place, const struct store_now *now,
    struct store_list *list)
{
	*list = (struct store_list){ 0 };
	if (st->backend->local == NULL)
		return RC_NOSESSION;
	return st->backend->local->export(st, place, now, list);
}

enum rc
store_peek(struct store *st, const struct sid *sid, const struct window *window,
    const struct store_now *now, struct session *out)
{
	*out = (struct session){ 0 };
	if (st->backend->local == NULL)
		return RC_NOSESSION;
	return st->backend->local->peek(st, sid, window, now, out);
}

enum rc
store_adopt(
    struct store *st, struct session *session, const struct store_now *now)
{
	if (st->backend->local == NULL)
		return RC_NOSESSION;
	return st->backend->local->adopt(st, session, now);
}

enum rc
store_return(
    struct store *st, struct session *session, const struct store_now *now)
{
	if (st->backend->local == NULL)
		return RC_NOSESSION;
	return st->backend->local->put_back(st, session, now);
}

void
store_forget(
    struct store *st, const struct sid *sid, const struct store_now *now)
{
	if (st->backend->local != NULL)
		st->backend->local->forget(st, sid, now);
}

void
store_let_go(
    struct store *st, const struct sid *sid, const struct store_now *now)
{
	if (st->backend->local != NULL)
		st->backend->local->let_go(st, sid, now);
}

uint64_t
store_live(struct store *st, const struct store_now *now)
{
	if (st->backend->local == NULL)
		return 0;
	return st->backend->local->live(st, now);
}
