/*
 * One thread does what the ports ask for, in the order in which they ask, and
 * mails each answer to the loop it came from. Only that thread knows who holds
 * what.
 */
#include "store_late.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "base/list.h"
#include "loop/loop.h"

#define EXPIRED_MS  60000 /* for so long, before it is removed */
#define SWEEP_BATCH 64
#define MAIL_WAIT   10 /* ms */

struct late_port {
	struct store_port port;
	struct loop *loop;
	store_signal_f *signal;
	void *arg;
	atomic_uint under_way; /* answers and signals */
};

struct late {
	struct store store;
	struct store *inner;
	struct store_port *door; /* to the inner one */
	pthread_t thread;

	/* guarded by mtx */
	pthread_mutex_t mtx;
	pthread_cond_t wake;
	struct list asked;
	bool busy;
	bool stop;

	/* the thread's */
	struct list held;
};

enum late_kind {
	LATE_CREATE,
	LATE_LOAD,
	LATE_QUIT,
	LATE_APPEND,
	LATE_RELEASE,
	LATE_DELETE,
	LATE_TELL,
	LATE_COUNT,
	LATE_PART,
};

/* A call on its way, copied; then its answer. */
struct late_op {
	struct list node;
	struct loop_task task;
	struct late_port *port;
	enum late_kind kind;

	struct sid sid;
	struct addr creator;
	bool has_creator;
	struct window window;
	struct sid key;
	bool has_key;
	struct hold hold;
	struct hold *hold_out;
	struct history pair;
	struct sid pair_key;
	enum store_signal signal;
	struct store_now now;

	store_done_f *done;
	store_count_done_f *counted;
	void *arg;

	enum rc rc;
	bool found;
	struct session session;
	struct store_totals totals;
};

struct late_wait {
	struct list node;
	struct late_port *port;
	struct sid token;
};

/* Who has a session, or is told to take it; and who waits behind. */
struct late_hold {
	struct list node;
	struct sid sid;
	struct late_port *port;
	struct sid token;
	bool taken;
	struct list waiting;
};

struct late_mail {
	struct loop_task task;
	struct late_port *port;
	struct sid sid;
	struct sid token;
	enum store_signal signal;
};

static void *
late_new(size_t size)
{
	void *p = calloc(1, size);

	if (p == NULL)
		abort();
	return p;
}

/*
 * Signals.
 */

static void
mail_open(struct loop_task *task)
{
	struct late_mail *mail = container_of(task, struct late_mail, task);
	struct late_port *port = mail->port;

	port->signal(port->arg, &mail->sid, &mail->token, mail->signal);
	atomic_fetch_sub(&port->under_way, 1);
	free(mail);
}

static void
late_signal(struct late_port *port, const struct sid *sid,
    const struct sid *token, enum store_signal signal)
{
	struct late_mail *mail = late_new(sizeof(*mail));

	*mail = (struct late_mail){
		.task.run = mail_open,
		.port = port,
		.sid = *sid,
		.token = *token,
		.signal = signal,
	};
	atomic_fetch_add(&port->under_way, 1);
	loop_mail(port->loop, &mail->task);
}

/*
 * Holds.
 */

static struct late_hold *
hold_find(struct late *st, const struct sid *sid)
{
	struct list *node, *next;
	struct late_hold *h;

	LIST_EACH(node, next, &st->held) {
		h = container_of(node, struct late_hold, node);
		if (sid_equal(&h->sid, sid))
			return h;
	}
	return NULL;
}

static void
hold_set(struct late *st, struct late_op *op)
{
	struct late_hold *h = hold_find(st, &op->sid);

	if (h == NULL) {
		h = late_new(sizeof(*h));
		h->sid = op->sid;
		list_init(&h->waiting);
		list_add_last(&st->held, &h->node);
	}
	h->port = op->port;
	h->token = op->hold.token;
	h->taken = true;
}

/* Its holder has let go: the next one is told to take it. */
static void
hold_pass(struct late_hold *h)
{
	struct list *first;
	struct late_wait *w;

	if (h == NULL)
		return;
	if ((first = list_take_first(&h->waiting)) == NULL) {
		list_remove(&h->node);
		free(h);
		return;
	}
	w = container_of(first, struct late_wait, node);
	h->port = w->port;
	h->token = w->token;
	h->taken = false;
	late_signal(h->port, &h->sid, &h->token, STORE_GO);
	free(w);
}

static enum rc
hold_wait(struct late_hold *h, const struct late_op *op)
{
	struct list *node, *next;
	struct late_wait *w;
	unsigned n = 0;

	LIST_EACH(node, next, &h->waiting)
		n++;
	if (n == STORE_MAX_WAITING)
		return RC_BUSY;
	w = late_new(sizeof(*w));
	w->port = op->port;
	w->token = op->hold.token;
	list_add_last(&h->waiting, &w->node);
	return RC_HELD;
}

static bool
is_anothers(const struct late_hold *h, const struct late_op *op)
{
	return h != NULL && !sid_equal(&h->token, &op->hold.token);
}

/* Of a session that is gone: all are told. */
static void
hold_end(struct late_hold *h)
{
	struct list *first;
	struct late_wait *w;

	if (h == NULL)
		return;
	late_signal(h->port, &h->sid, &h->token, STORE_DELETED);
	while ((first = list_take_first(&h->waiting)) != NULL) {
		w = container_of(first, struct late_wait, node);
		late_signal(w->port, &h->sid, &w->token, STORE_DELETED);
		free(w);
	}
	list_remove(&h->node);
	free(h);
}

static void
hold_quit(struct late_hold *h, const struct late_op *op)
{
	struct list *node, *next;
	struct late_wait *w;

	if (h == NULL)
		return;
	if (!h->taken && !is_anothers(h, op)) {
		hold_pass(h);
		return;
	}
	LIST_EACH(node, next, &h->waiting) {
		w = container_of(node, struct late_wait, node);
		if (sid_equal(&w->token, &op->hold.token)) {
			list_remove(node);
			free(w);
		}
	}
}

/*
 * The thread.
 */

static void
op_answered(void *arg, enum rc rc, struct session *s)
{
	struct late_op *op = arg;

	op->rc = rc;
	op->found = s != NULL;
	if (s == NULL)
		return;
	op->session = *s;
	s->history = s->replay = (struct history){ 0 };
}

static void
op_counted(void *arg, enum rc rc, const struct store_totals *totals)
{
	struct late_op *op = arg;

	op->rc = rc;
	op->totals = *totals;
}

static void
late_load_inner(struct late *st, struct late_op *op, bool hold)
{
	const struct store_ask ask = {
		.sid = &op->sid,
		.creator = op->has_creator ? &op->creator : NULL,
		.window = &op->window,
		.key = op->has_key ? &op->key : NULL,
		.hold = hold ? &op->hold : NULL,
		.now = op->now,
	};

	store_load(st->door, &ask, op_answered, op);
}

static void
late_load_held(struct late *st, struct late_op *op)
{
	struct late_hold *h = hold_find(st, &op->sid);

	if (!is_anothers(h, op)) {
		late_load_inner(st, op, true);
		if (op->rc == RC_OK)
			hold_set(st, op);
		else
			hold_pass(h);
		return;
	}
	op->window = WINDOW_NONE;
	late_load_inner(st, op, false);
	history_free(&op->session.replay);
	op->found = false;
	if (op->rc == RC_OK)
		op->rc = hold_wait(h, op);
}

static void
late_append_inner(struct late *st, struct late_op *op)
{
	struct message question, answer;
	size_t pos = 0;
	const struct store_pair pair = { &op->sid, &op->hold, &question,
		&answer, op->now };

	history_next(&op->pair, &pos, &question);
	history_next(&op->pair, &pos, &answer);
	store_append(st->door, &pair, op_answered, op);
}

static void
late_settle(struct late *st, struct late_op *op)
{
	struct late_hold *h = hold_find(st, &op->sid);

	if (is_anothers(h, op)) {
		op->rc = RC_LOST;
		return;
	}
	if (op->kind == LATE_APPEND)
		late_append_inner(st, op);
	else
		store_release(
		    st->door, &op->sid, &op->hold, &op->now, op_answered, op);
	hold_pass(h);
}

static void
late_tell(struct late *st, struct late_op *op)
{
	struct late_hold *h = hold_find(st, &op->sid);

	op->window = WINDOW_NONE;
	late_load_inner(st, op, false);
	op->found = false;
	if (op->rc != RC_OK || h == NULL || !h->taken)
		op->rc = RC_NOSESSION;
	else
		late_signal(h->port, &h->sid, &h->token, op->signal);
}

static void
hold_forget(struct late_hold *h, const struct late_port *port)
{
	struct list *node, *next;
	struct late_wait *w;

	LIST_EACH(node, next, &h->waiting) {
		w = container_of(node, struct late_wait, node);
		if (w->port == port) {
			list_remove(node);
			free(w);
		}
	}
	if (h->port == port)
		hold_pass(h);
}

static void
late_forget(struct late *st, const struct late_port *port)
{
	struct list *node, *next;

	LIST_EACH(node, next, &st->held)
		hold_forget(container_of(node, struct late_hold, node), port);
}

static void
late_do(struct late *st, struct late_op *op)
{
	switch (op->kind) {
	case LATE_CREATE:
		store_create(st->door, &op->creator,
		    op->hold_out != NULL ? &op->hold : NULL, &op->now,
		    op_answered, op);
		op->sid = op->session.id;
		if (op->rc == RC_OK && op->hold_out != NULL)
			hold_set(st, op);
		break;
	case LATE_LOAD:
		if (op->hold_out != NULL)
			late_load_held(st, op);
		else
			late_load_inner(st, op, false);
		break;
	case LATE_QUIT:
		hold_quit(hold_find(st, &op->sid), op);
		break;
	case LATE_APPEND:
	case LATE_RELEASE:
		late_settle(st, op);
		break;
	case LATE_DELETE:
		store_delete(st->door, &op->sid,
		    op->has_creator ? &op->creator : NULL, &op->now,
		    op_answered, op);
		if (op->rc == RC_OK)
			hold_end(hold_find(st, &op->sid));
		break;
	case LATE_TELL:
		late_tell(st, op);
		break;
	case LATE_COUNT:
		store_count(st->door, &op->now, op_counted, op);
		break;
	case LATE_PART:
		late_forget(st, op->port);
		break;
	}
}

static void
late_expire(struct late *st, const struct late_op *op)
{
	struct store_now then = op->now;

	then.mono_ms -= EXPIRED_MS;
	if (op->kind != LATE_PART && op->kind != LATE_QUIT)
		store_sweep(st->inner, &then, SWEEP_BATCH);
}

static struct late_op *
late_next(struct late *st)
{
	struct list *node;

	pthread_mutex_lock(&st->mtx);
	st->busy = false;
	while ((node = list_take_first(&st->asked)) == NULL && !st->stop) {
		pthread_cond_broadcast(&st->wake);
		pthread_cond_wait(&st->wake, &st->mtx);
	}
	st->busy = true;
	pthread_mutex_unlock(&st->mtx);
	return node == NULL ? NULL : container_of(node, struct late_op, node);
}

static void *
late_main(void *arg)
{
	struct late *st = arg;
	struct late_op *op;

	while ((op = late_next(st)) != NULL) {
		late_do(st, op);
		late_expire(st, op);
		loop_mail(op->port->loop, &op->task);
	}
	return NULL;
}

/*
 * The loops.
 */

static void
op_free(struct late_op *op)
{
	history_free(&op->pair);
	history_free(&op->session.history);
	history_free(&op->session.replay);
	free(op);
}

static void
op_answer(struct loop_task *task)
{
	struct late_op *op = container_of(task, struct late_op, task);
	struct late_port *port = op->port;

	if (op->hold_out != NULL && op->rc == RC_OK)
		op->hold_out->count = op->hold.count;
	if (op->counted != NULL)
		op->counted(op->arg, op->rc, &op->totals);
	else if (op->done != NULL)
		op->done(op->arg, op->rc, op->found ? &op->session : NULL);
	op_free(op);
	atomic_fetch_sub(&port->under_way, 1);
}

static struct late_op *
op_new(struct store_port *port, enum late_kind kind, const struct sid *sid)
{
	struct late_op *op = late_new(sizeof(*op));

	op->task.run = op_answer;
	op->port = container_of(port, struct late_port, port);
	op->kind = kind;
	if (sid != NULL)
		op->sid = *sid;
	return op;
}

static void
op_send(struct late_op *op, store_done_f *done, void *arg)
{
	struct late *st = container_of(
	    op->port->port.store, struct late, store);

	op->done = done;
	op->arg = arg;
	atomic_fetch_add(&op->port->under_way, 1);
	pthread_mutex_lock(&st->mtx);
	list_add_last(&st->asked, &op->node);
	pthread_cond_broadcast(&st->wake);
	pthread_mutex_unlock(&st->mtx);
}

static void
op_creator(struct late_op *op, const struct addr *creator)
{
	op->has_creator = creator != NULL;
	if (creator != NULL)
		op->creator = *creator;
}

static void
late_create(struct store_port *port, const struct addr *creator,
    struct hold *hold, const struct store_now *now, store_done_f *done,
    void *arg)
{
	struct late_op *op = op_new(port, LATE_CREATE, NULL);

	op_creator(op, creator);
	op->hold_out = hold;
	if (hold != NULL)
		op->hold = *hold;
	op->now = *now;
	op_send(op, done, arg);
}

static void
late_load(struct store_port *port, const struct store_ask *ask,
    store_done_f *done, void *arg)
{
	struct late_op *op = op_new(port, LATE_LOAD, ask->sid);

	op_creator(op, ask->creator);
	op->window = *ask->window;
	op->has_key = ask->key != NULL;
	if (ask->key != NULL)
		op->key = *ask->key;
	op->hold_out = ask->hold;
	if (ask->hold != NULL)
		op->hold = *ask->hold;
	op->now = ask->now;
	op_send(op, done, arg);
}

static void
late_quit(
    struct store_port *port, const struct sid *sid, const struct hold *hold)
{
	struct late_op *op = op_new(port, LATE_QUIT, sid);

	op->hold = *hold;
	op_send(op, NULL, NULL);
}

static void
late_append(struct store_port *port, const struct store_pair *pair,
    store_done_f *done, void *arg)
{
	const struct window all = WINDOW_ALL;
	struct late_op *op = op_new(port, LATE_APPEND, pair->sid);

	op->hold = *pair->hold;
	op->now = pair->now;
	if (history_add(&op->pair, pair->question, pair->answer, &all) != RC_OK)
		abort();
	op_send(op, done, arg);
}

static void
late_release(struct store_port *port, const struct sid *sid,
    const struct hold *hold, const struct store_now *now, store_done_f *done,
    void *arg)
{
	struct late_op *op = op_new(port, LATE_RELEASE, sid);

	op->hold = *hold;
	op->now = *now;
	op_send(op, done, arg);
}

static void
late_remove(struct store_port *port, const struct sid *sid,
    const struct addr *creator, const struct store_now *now, store_done_f *done,
    void *arg)
{
	struct late_op *op = op_new(port, LATE_DELETE, sid);

	op_creator(op, creator);
	op->now = *now;
	op_send(op, done, arg);
}

static void
late_tell_holder(struct store_port *port, const struct store_ask *ask,
    enum store_signal signal, store_done_f *done, void *arg)
{
	struct late_op *op = op_new(port, LATE_TELL, ask->sid);

	op_creator(op, ask->creator);
	op->signal = signal;
	op->now = ask->now;
	op_send(op, done, arg);
}

static void
late_count(struct store_port *port, const struct store_now *now,
    store_count_done_f *done, void *arg)
{
	struct late_op *op = op_new(port, LATE_COUNT, NULL);

	op->now = *now;
	op->counted = done;
	op_send(op, NULL, arg);
}

void
store_late_await(struct store *store)
{
	struct late *st = container_of(store, struct late, store);

	pthread_mutex_lock(&st->mtx);
	while (st->busy || !list_is_empty(&st->asked))
		pthread_cond_wait(&st->wake, &st->mtx);
	pthread_mutex_unlock(&st->mtx);
}

static struct store_port *
late_join(
    struct store *store, struct loop *loop, store_signal_f *signal, void *arg)
{
	struct late_port *port = late_new(sizeof(*port));

	port->port.store = store;
	port->loop = loop;
	port->signal = signal;
	port->arg = arg;
	return &port->port;
}

static void
late_part(struct store_port *p)
{
	struct late_port *port = container_of(p, struct late_port, port);

	op_send(op_new(p, LATE_PART, NULL), NULL, NULL);
	while (atomic_load(&port->under_way) > 0)
		loop_turn(port->loop, MAIL_WAIT);
	free(port);
}

static void
late_close(struct store *store)
{
	struct late *st = container_of(store, struct late, store);

	pthread_mutex_lock(&st->mtx);
	st->stop = true;
	pthread_cond_broadcast(&st->wake);
	pthread_mutex_unlock(&st->mtx);
	pthread_join(st->thread, NULL);
	store_part(st->door);
	store_close(st->inner);
	pthread_cond_destroy(&st->wake);
	pthread_mutex_destroy(&st->mtx);
	free(st);
}

static const struct store_backend store_late = {
	.name = "late",
	.join = late_join,
	.part = late_part,
	.create = late_create,
	.load = late_load,
	.quit = late_quit,
	.append = late_append,
	.release = late_release,
	.remove = late_remove,
	.tell = late_tell_holder,
	.count = late_count,
	.close = late_close,
};

struct store *
store_late_open(const struct store_limits *limits)
{
	struct late *st = late_new(sizeof(*st));

	st->store.backend = &store_late;
	if ((st->inner = store_memory_open(limits)) == NULL ||
	    (st->door = store_join(st->inner, NULL, NULL, NULL)) == NULL)
		abort();
	list_init(&st->asked);
	list_init(&st->held);
	st->busy = true;
	pthread_mutex_init(&st->mtx, NULL);
	pthread_cond_init(&st->wake, NULL);
	if (pthread_create(&st->thread, NULL, late_main, st) != 0)
		abort();
	return &st->store;
}
