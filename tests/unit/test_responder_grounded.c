/*
 * The responder before two others, which say what the test tells them to. What
 * it tells is written down as a line of "event what|"; and every allocation is
 * counted, and can be made to fail.
 */
#include "chat/grounding/responder_grounded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/container.h"
#include "log/metrics.h"
#include "session/cited.h"
#include "temp_file.h"

#define HEARD_MAX 16384
#define ALLOCS    200 /* more than an answer makes */

#define QUESTION "Un rappel de chargeurs ?"
#define UNKNOWN  "Comment cultiver des orchidées tropicales ?"
#define BOTH     "sources uncited model 1 2|"
#define UNCITED  "cited uncited model|"
#define ARTICLES "cited uncited articles|"

static const char lines[] =
    "{\"title\":\"Rappel de chargeurs\",\"url\":\"https://a.fr/1\","
    "\"date\":\"2026-11-12\",\"text\":\"Un rappel de chargeurs.\"}\n"
    "{\"title\":\"Rappel de batteries et chargeurs\","
    "\"url\":\"https://a.fr/2\",\"date\":\"2026-10-02\","
    "\"text\":\"Un rappel de batteries et de leurs chargeurs.\"}\n"
    "{\"title\":\"Colis perdu\",\"url\":\"https://a.fr/3\","
    "\"date\":\"2026-09-01\",\"text\":\"Si un colis est perdu.\"}\n";

/*
 * Memory that is counted.
 */

static long held;    /* pieces that were not freed */
static long fail_in; /* so many allocations from now; 0: never */

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__real_aligned_alloc(size_t, size_t);
void __real_free(void *);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
void *__wrap_reallocarray(void *, size_t, size_t);
void *__wrap_aligned_alloc(size_t, size_t);
void __wrap_free(void *);

static bool
fails(void)
{
	return fail_in > 0 && --fail_in == 0;
}

static void *
counted(void *p)
{
	held += p != NULL;
	return p;
}

void *
__wrap_malloc(size_t n)
{
	return fails() ? NULL : counted(__real_malloc(n));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : counted(__real_calloc(n, size));
}

void *
__wrap_realloc(void *p, size_t n)
{
	if (fails())
		return NULL;
	if (p == NULL)
		return counted(__real_malloc(n));
	return __real_realloc(p, n);
}

void *
__wrap_reallocarray(void *p, size_t n, size_t size)
{
	assert_true(size == 0 || n <= SIZE_MAX / size);
	return __wrap_realloc(p, n * size);
}

void *
__wrap_aligned_alloc(size_t align, size_t n)
{
	return fails() ? NULL : counted(__real_aligned_alloc(align, n));
}

void
__wrap_free(void *p)
{
	held -= p != NULL;
	__real_free(p);
}

/*
 * A responder that does what it is told, and allocates nothing.
 */

struct answer {
	const struct answer_events *events;
	void *arg;
};

struct fake {
	struct responder responder;
	struct answer answer;
	bool runs;
	int started, cancelled, closed;
	enum rc refuses, ready;
	char question[2048];
	char history[8192]; /* "text|text|" */
	size_t extracts;
	enum prompt_why why;
};

static enum rc
fake_start(struct responder *responder, const struct prompt *prompt,
    const struct answer_events *events, void *arg, struct answer **answer)
{
	struct fake *fake = container_of(responder, struct fake, responder);
	struct message m;
	size_t pos = 0, len = 0;

	assert_false(fake->runs);
	assert_string_equal(prompt->request_id, "req-1");
	assert_int_equal(prompt->lang, LANG_FR);
	assert_non_null(prompt->client);
	if (fake->refuses != RC_OK)
		return fake->refuses;
	snprintf(fake->question, sizeof(fake->question), "%.*s",
	    (int)prompt->len, prompt->question);
	while (history_next(prompt->history, &pos, &m))
		len += (size_t)snprintf(fake->history + len,
		    sizeof(fake->history) - len, "%.*s|", (int)m.len, m.text);
	fake->extracts = prompt->extracts;
	fake->why = prompt->why;
	fake->answer = (struct answer){ events, arg };
	fake->runs = true;
	fake->started++;
	*answer = &fake->answer;
	return RC_OK;
}

static void
fake_cancel(struct responder *responder, struct answer *a)
{
	struct fake *fake = container_of(responder, struct fake, responder);

	assert_true(fake->runs);
	assert_ptr_equal(a, &fake->answer);
	fake->runs = false;
	fake->cancelled++;
}

static enum rc
fake_ready(
    struct responder *responder, const struct addr *client, int64_t *retry_ms)
{
	struct fake *fake = container_of(responder, struct fake, responder);

	(void)client;
	*retry_ms = 7000;
	return fake->ready;
}

static void
fake_close(struct responder *responder)
{
	struct fake *fake = container_of(responder, struct fake, responder);

	assert_false(fake->runs);
	fake->closed++;
}

static const struct responder_backend fake_backend = {
	.name = "fake",
	.start = fake_start,
	.cancel = fake_cancel,
	.ready = fake_ready,
	.close = fake_close,
};

static void
say(struct fake *fake, const char *text)
{
	assert_true(fake->runs);
	fake->answer.events->delta(fake->answer.arg, text, strlen(text));
}

static void
end(struct fake *fake, enum rc rc)
{
	static const struct usage usage = { 11, 22, 33 };

	assert_true(fake->runs);
	fake->runs = false;
	fake->answer.events->done(fake->answer.arg, rc, &usage);
}

/*
 * The world of a test.
 */

struct world {
	struct articles *articles;
	struct loop *loop;
	struct metrics_all metrics;
	struct fake model, local;
	struct grounded_conf conf;
	struct responder *responder;
	struct history past;
	struct answer *answer;
	char heard[HEARD_MAX];
	size_t len;
	char text[HEARD_MAX]; /* of the deltas */
	size_t text_len;
	int dones;
	enum rc rc;          /* of start, then of the end */
	long held, held_all; /* before the answer, before all */
};

static void
hear(struct world *w, const char *event, const char *what, size_t n)
{
	assert_int_equal(w->dones, 0);
	w->len += (size_t)snprintf(w->heard + w->len, HEARD_MAX - w->len,
	    "%s %.*s|", event, (int)n, what);
	assert_true(w->len < HEARD_MAX);
}

static void
on_delta(void *arg, const char *text, size_t n)
{
	struct world *w = arg;

	assert_true(n > 0);
	hear(w, "delta", text, n);
	memcpy(w->text + w->text_len, text, n);
	w->text_len += n;
}

static void
on_done(void *arg, enum rc rc, const struct usage *usage)
{
	struct world *w = arg;

	assert_int_equal(usage->prompt_tokens, 11);
	hear(w, "done", rc_code(rc) == NULL ? "ok" : rc_code(rc), 32);
	w->dones++;
	w->rc = rc;
}

/* "uncited model 1 2" */
static void
hear_cited(struct world *w, const char *event, const char *bytes, size_t n)
{
	struct cited_source s;
	char what[64];
	size_t pos = 0, len;

	assert_true(cited_valid(bytes, n));
	len = (size_t)snprintf(what, sizeof(what), "%s %s",
	    cited_grounding_name(cited_grounding(bytes, n)),
	    cited_by_name(cited_by(bytes, n)));
	while (cited_next(bytes, n, &pos, &s))
		len += (size_t)snprintf(
		    what + len, sizeof(what) - len, " %u", s.n);
	hear(w, event, what, len);
}

static void
on_sources(void *arg, const char *sources, size_t n)
{
	hear_cited(arg, "sources", sources, n);
}

static void
on_cited(void *arg, const char *cited, size_t n)
{
	hear_cited(arg, "cited", cited, n);
}

static int
setup(void **state)
{
	static const struct articles_conf conf = {
		.limits = { 10, 1 << 24, 1 << 16, NULL },
		.search = { 0.8, 0.3, { 0, 1 }, { 0, 1 } },
	};
	struct articles_conf file = conf;
	struct world *w;
	struct err err;
	long before = held;

	assert_non_null(w = calloc(1, sizeof(*w)));
	w->held_all = before;
	temp_file_write(lines, sizeof(lines) - 1);
	file.path = temp_file_path();
	assert_non_null(w->articles = articles_open(&file, &err));
	assert_non_null(w->loop = loop_new(0));
	metrics_all_init(&w->metrics);
	metrics_join(&w->metrics, loop_metrics(w->loop));
	w->model.responder.backend = w->local.responder.backend = &fake_backend;
	w->conf = (struct grounded_conf){
		.search = true,
		.fallback = true,
		.form = CITE_MARKERS,
		.sources = { 6, 4000 },
		.prompt_bytes = 100000,
	};
	w->responder = responder_grounded_open(&w->conf, w->articles,
	    &w->model.responder, &w->local.responder, w->loop);
	assert_non_null(w->responder);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;
	long before = w->held_all;

	responder_close(w->responder);
	assert_int_equal(w->model.closed, 1);
	assert_int_equal(w->local.closed, 1);
	history_free(&w->past);
	articles_close(w->articles);
	loop_free(w->loop);
	metrics_all_destroy(&w->metrics);
	free(w);
	assert_int_equal(held, before);
	return 0;
}

/* Forget what was before, and ask. */
static enum rc
ask(struct world *w, const char *question)
{
	static const struct answer_events events = {
		.delta = on_delta,
		.done = on_done,
		.sources = on_sources,
		.cited = on_cited,
	};
	static const struct addr client = { 0 };
	char copy[64];
	const struct prompt prompt = {
		.history = &w->past,
		.question = copy,
		.len = strlen(question),
		.lang = LANG_FR,
		.request_id = "req-1",
		.client = &client,
	};

	memcpy(copy, question, prompt.len);
	w->model.started = w->model.cancelled = 0;
	w->local.started = w->local.cancelled = 0;
	w->heard[0] = '\0';
	w->len = w->text_len = 0;
	w->dones = 0;
	w->held = held;
	w->rc = responder_start(w->responder, &prompt, &events, w, &w->answer);
	memset(copy, 'x', sizeof(copy));
	assert_int_equal(w->len, 0);
	return w->rc;
}

/* The answer is gone, with all that it had. */
static void
assert_gone(struct world *w)
{
	size_t len = w->len;

	loop_turn(w->loop, 0);
	assert_int_equal(w->len, len);
	assert_false(w->model.runs || w->local.runs);
	assert_int_equal(held, w->held);
}

static void
assert_heard(struct world *w, const char *heard)
{
	assert_string_equal(w->heard, heard);
	if (w->dones > 0)
		assert_gone(w);
}

static void
add_pair(struct world *w, const char *question, const char *answer)
{
	const char cited[] = { GROUNDING_CITED, BY_MODEL };
	const struct message q = {
		.role = ROLE_USER, .text = question, .len = strlen(question)
	};
	const struct message a = { .role = ROLE_ASSISTANT,
		.text = answer,
		.len = strlen(answer),
		.cited = cited,
		.cited_len = sizeof(cited) };

	assert_int_equal(history_add(&w->past, &q, &a, &WINDOW_ALL), RC_OK);
}

static uint64_t
count_of(struct world *w, int cell)
{
	static struct metrics_sum sum;

	metrics_sum(&w->metrics, &sum);
	return sum.cell[cell];
}

/*
 * What the model is asked.
 */

static void
test_the_question_stands_behind_its_sources(void **state)
{
	static const char tail[] = "\n\nQuestion : " QUESTION;
	struct world *w = *state;
	const char *asked = w->model.question;

	add_pair(w, "Bonjour", "Voir [1].");
	assert_int_equal(ask(w, QUESTION), RC_OK);
	assert_memory_equal(asked, "EXTRAITS ", 9);
	assert_non_null(strstr(asked, "[1] Rappel de chargeurs | 2026-11-12"));
	assert_non_null(strstr(asked, "[2] Rappel de batteries"));
	assert_null(strstr(asked, "Colis"));
	assert_string_equal(asked + strlen(asked) - strlen(tail), tail);
	assert_int_equal(w->model.extracts, strlen(asked) - strlen(QUESTION));
	assert_string_equal(w->model.history, "Bonjour|Voir.|");
	end(&w->model, RC_UPSTREAM);
	assert_string_equal(w->local.question, QUESTION);
	assert_string_equal(w->local.history, "Bonjour|Voir [1].|");
	assert_int_equal(w->local.extracts, 0);
	end(&w->local, RC_OK);
	assert_gone(w);
}

static void
test_no_room_for_sources(void **state)
{
	struct world *w = *state;

	w->conf.prompt_bytes = strlen(QUESTION) + 10;
	assert_int_equal(ask(w, QUESTION), RC_OK);
	assert_string_equal(w->model.question, QUESTION);
	assert_int_equal(w->model.extracts, 0);
	say(&w->model, "Oui [1].");
	end(&w->model, RC_OK);
	assert_heard(w, "cited none model|delta Oui.|done ok|");
}

/*
 * What is told.
 */

static void
test_sources_come_at_once(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, QUESTION), RC_OK);
	loop_turn(w->loop, 0);
	assert_heard(w, BOTH);
	say(&w->model, "Oui. ");
	end(&w->model, RC_OK);
	assert_heard(w, BOTH UNCITED "delta Oui.|delta  |done ok|");
}

static void
test_sources_come_before_text(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, QUESTION), RC_OK);
	say(&w->model, "Oui");
	assert_heard(w, BOTH UNCITED "delta Oui|");
	loop_turn(w->loop, 0);
	end(&w->model, RC_OK);
	assert_heard(w, BOTH UNCITED "delta Oui|done ok|");
}

static void
test_text_is_filtered(void **state)
{
	static const char want[] = "Un rappel [1], voir et ici [2].";
	struct world *w = *state;

	assert_int_equal(ask(w, QUESTION), RC_OK);
	say(&w->model, "Un rappel [");
	assert_heard(w, BOTH UNCITED "delta Un rappel|");
	say(&w->model, "1], voir [9] et [ici](https://evil.inv");
	say(&w->model, "alid/x) [2].");
	end(&w->model, RC_OK);
	assert_int_equal(w->text_len, strlen(want));
	assert_memory_equal(w->text, want, strlen(want));
	assert_non_null(strstr(w->heard, "rappel|cited cited model 1|delta "));
	assert_non_null(strstr(w->heard, "|cited cited model 1 2|delta "));
	assert_gone(w);
	assert_int_equal(
	    count_of(w, METRIC_ANSWERS + (int)GROUNDING_ROW_CITED), 1);
	assert_int_equal(
	    count_of(w, METRIC_CITATIONS + (int)CITATION_KNOWN), 2);
	assert_int_equal(
	    count_of(w, METRIC_CITATIONS + (int)CITATION_UNKNOWN), 1);
	assert_int_equal(count_of(w, METRIC_CITATIONS + (int)CITATION_LINK), 1);
}

/* What is held back when an answer breaks off is given, too. */
static void
test_a_broken_answer_is_given_whole(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, QUESTION), RC_OK);
	say(&w->model, "Oui [1");
	end(&w->model, RC_UPSTREAM);
	assert_int_equal(w->rc, RC_UPSTREAM);
	assert_memory_equal(w->text, "Oui [1", 6);
	assert_int_equal(w->local.started, 0);
	assert_gone(w);
}

static void
test_without_search_nothing_is_filtered(void **state)
{
	struct world *w = *state;

	w->conf.search = false;
	assert_int_equal(ask(w, QUESTION), RC_OK);
	assert_string_equal(w->model.question, QUESTION);
	say(&w->model, "Oui [9].");
	end(&w->model, RC_OK);
	assert_memory_equal(w->text, "Oui [9].", 8);
	assert_null(strstr(w->heard, "sources"));
	assert_gone(w);
}

/*
 * Who is asked.
 */

static void
test_only_what_is_found(void **state)
{
	struct world *w = *state;

	w->conf.only = true;
	assert_int_equal(ask(w, UNKNOWN), RC_OK);
	assert_int_equal(w->model.started, 0);
	assert_int_equal(w->local.why, PROMPT_NOT_FOUND);
	loop_turn(w->loop, 0);
	say(&w->local, "Rien [9].");
	end(&w->local, RC_OK);
	assert_heard(w, "cited none articles|delta Rien [9].|done ok|");
	assert_int_equal(ask(w, QUESTION), RC_OK);
	assert_int_equal(w->model.started, 1);
	end(&w->model, RC_NOMEM);
	assert_int_equal(ask(w, "Bonjour !"), RC_OK);
	assert_int_equal(w->model.started, 1);
	end(&w->model, RC_NOMEM);
	w->conf.only = false;
	assert_int_equal(ask(w, UNKNOWN), RC_OK);
	assert_int_equal(w->model.started, 1);
	end(&w->model, RC_NOMEM);
	assert_gone(w);
}

static const enum rc failures[] = { RC_UPSTREAM, RC_UPSTREAM_DOWN,
	RC_UPSTREAM_TIMEOUT, RC_BUDGET, RC_OK /* but empty */ };
#define FAILURES (sizeof(failures) / sizeof(failures[0]))

static void
test_fallback_before_any_text(void **state)
{
	struct world *w = *state;
	uint64_t n;

	for (size_t i = 0; i < FAILURES; i++) {
		assert_int_equal(ask(w, QUESTION), RC_OK);
		loop_turn(w->loop, 0);
		if (failures[i] != RC_OK)
			say(&w->model, "["); /* held, not given */
		end(&w->model, failures[i]);
		assert_heard(w, BOTH);
		assert_int_equal(w->local.started, 1);
		assert_int_equal(w->local.why, PROMPT_DEGRADED);
		say(&w->local, "Voici [9].");
		end(&w->local, RC_OK);
		assert_heard(w, BOTH ARTICLES "delta Voici [9].|done ok|");
		n = count_of(w, METRIC_ANSWERS + (int)GROUNDING_ROW_ARTICLES);
		assert_int_equal(n, i + 1);
	}
}

static void
test_fallback_when_refused(void **state)
{
	struct world *w = *state;

	w->model.refuses = RC_BUDGET;
	assert_int_equal(ask(w, QUESTION), RC_OK);
	assert_int_equal(w->local.why, PROMPT_DEGRADED);
	end(&w->local, RC_OK);
	assert_heard(w, "done ok|");
	w->conf.fallback = false;
	assert_int_equal(ask(w, QUESTION), RC_BUDGET);
	assert_gone(w);
}

static void
test_no_fallback_after_text(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < FAILURES; i++) {
		assert_int_equal(ask(w, QUESTION), RC_OK);
		say(&w->model, "Oui");
		end(&w->model, failures[i]);
		assert_int_equal(w->rc, failures[i]);
		assert_int_equal(w->local.started, 0);
		assert_gone(w);
	}
}

static void
test_no_fallback_when_off_or_for_other_reasons(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, QUESTION), RC_OK);
	end(&w->model, RC_NOMEM);
	assert_heard(w, "done unavailable|");
	w->conf.fallback = false;
	for (size_t i = 0; i < FAILURES; i++) {
		assert_int_equal(ask(w, QUESTION), RC_OK);
		end(&w->model, failures[i]);
		assert_int_equal(w->rc, failures[i]);
		assert_int_equal(w->local.started, 0);
		assert_gone(w);
	}
}

/* The articles' failure is told, whoever should have answered. */
static void
test_fallback_fails(void **state)
{
	struct world *w = *state;

	w->local.refuses = RC_NOMEM;
	for (size_t i = 0; i < FAILURES; i++) {
		assert_int_equal(ask(w, QUESTION), RC_OK);
		end(&w->model, failures[i]);
		assert_heard(w, "done unavailable|");
	}
	w->model.refuses = RC_BUDGET;
	assert_int_equal(ask(w, QUESTION), RC_NOMEM);
	assert_gone(w);
}

static void
test_ready(void **state)
{
	struct world *w = *state;
	int64_t retry_ms;

	w->model.ready = RC_UPSTREAM_DOWN;
	assert_int_equal(responder_ready(w->responder, NULL, &retry_ms), RC_OK);
	w->conf.fallback = false;
	assert_int_equal(
	    responder_ready(w->responder, NULL, &retry_ms), RC_UPSTREAM_DOWN);
	assert_int_equal(retry_ms, 7000);
}

/*
 * Giving up.
 */

enum phase {
	ASKED,
	OFFERED,
	HELD,
	GIVEN,
	FELL_BACK,
	GIVEN_LOCALLY,
	PHASES,
};

static void
proceed(struct world *w, enum phase to)
{
	assert_int_equal(ask(w, QUESTION), RC_OK);
	if (to >= OFFERED)
		loop_turn(w->loop, 0);
	if (to >= HELD)
		say(&w->model, "[");
	if (to == GIVEN)
		say(&w->model, "1] est un rappel");
	if (to >= FELL_BACK)
		end(&w->model, RC_UPSTREAM);
	if (to >= GIVEN_LOCALLY)
		say(&w->local, "Voici");
}

static void
assert_cancelled(struct world *w, const struct fake *by)
{
	size_t len = w->len;

	responder_cancel(w->responder, w->answer);
	assert_gone(w);
	assert_int_equal(w->len, len);
	assert_int_equal(w->model.cancelled, by == &w->model);
	assert_int_equal(w->local.cancelled, by == &w->local);
}

static void
test_cancel_in_every_phase(void **state)
{
	struct world *w = *state;

	for (enum phase to = ASKED; to < PHASES; to++) {
		proceed(w, to);
		assert_cancelled(w, to < FELL_BACK ? &w->model : &w->local);
	}
	w->conf.only = true;
	assert_int_equal(ask(w, UNKNOWN), RC_OK);
	assert_cancelled(w, &w->local);
	w->model.refuses = RC_BUDGET;
	assert_int_equal(ask(w, QUESTION), RC_OK);
	assert_cancelled(w, &w->local);
}

/*
 * Without memory.
 */

static const char *
long_text(void)
{
	static char text[4096];

	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = "abcde "[i % 6];
	return text;
}

/* An answer of a model, or after it one of the articles, to its end. */
static void
converse(struct world *w, bool falls_back)
{
	if (ask(w, QUESTION) != RC_OK)
		return;
	loop_turn(w->loop, 0);
	if (falls_back) {
		end(&w->model, RC_UPSTREAM_DOWN);
		if (w->dones == 0) {
			say(&w->local, "Voici");
			end(&w->local, RC_OK);
		}
		return;
	}
	say(&w->model, "Oui [1] ");
	say(&w->model, long_text());
	say(&w->model, "(fin) [");
	say(&w->model, "2]");
	end(&w->model, RC_OK);
}

/* Each allocation in turn fails, until there is none any more. */
static void
fail_each(struct world *w, bool falls_back)
{
	static char whole[HEARD_MAX];
	size_t len;
	long n;

	converse(w, falls_back);
	assert_int_equal(w->rc, RC_OK);
	memcpy(whole, w->text, len = w->text_len);
	for (n = 1; n < ALLOCS; n++) {
		fail_in = n;
		converse(w, falls_back);
		if (fail_in > 0)
			break;
		assert_int_equal(w->rc, RC_NOMEM);
		assert_true(w->text_len <= len);
		assert_memory_equal(w->text, whole, w->text_len);
		assert_gone(w);
	}
	fail_in = 0;
	assert_in_range(n, 5, ALLOCS - 1);
	assert_int_equal(w->rc, RC_OK);
	assert_int_equal(w->text_len, len);
	assert_gone(w);
}

static void
test_no_memory_for_an_answer(void **state)
{
	struct world *w = *state;

	add_pair(w, "Bonjour", "Voir [1].");
	fail_each(w, false);
}

static void
test_no_memory_for_a_fallback(void **state)
{
	struct world *w = *state;

	add_pair(w, "Bonjour", "Voir [1].");
	fail_each(w, true);
}

/* The two responders are closed when there is none before them. */
static void
test_no_memory_to_open(void **state)
{
	struct world *w = *state;
	long before = held;

	fail_in = 1;
	assert_null(responder_grounded_open(&w->conf, w->articles,
	    &w->model.responder, &w->local.responder, w->loop));
	assert_int_equal(held, before);
	assert_int_equal(w->model.closed, 1);
	assert_int_equal(w->local.closed, 1);
	assert_null(responder_grounded_open(
	    &w->conf, w->articles, NULL, &w->local.responder, w->loop));
	assert_int_equal(w->local.closed, 2);
	w->model.closed = w->local.closed = 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_the_question_stands_behind_its_sources),
		CASE(test_no_room_for_sources),
		CASE(test_sources_come_at_once),
		CASE(test_sources_come_before_text),
		CASE(test_text_is_filtered),
		CASE(test_a_broken_answer_is_given_whole),
		CASE(test_without_search_nothing_is_filtered),
		CASE(test_only_what_is_found),
		CASE(test_fallback_before_any_text),
		CASE(test_fallback_when_refused),
		CASE(test_no_fallback_after_text),
		CASE(test_no_fallback_when_off_or_for_other_reasons),
		CASE(test_fallback_fails),
		CASE(test_ready),
		CASE(test_cancel_in_every_phase),
		CASE(test_no_memory_for_an_answer),
		CASE(test_no_memory_for_a_fallback),
		CASE(test_no_memory_to_open),
	};

	return cmocka_run_group_tests(
	    tests, temp_file_setup, temp_file_teardown);
}
