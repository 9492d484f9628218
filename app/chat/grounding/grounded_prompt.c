/* The model reads what was found before the question, in the same message. */
#include "chat/grounding/grounded_prompt.h"

#include <sys/random.h>

#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"
#include "chat/grounding/past.h"
#include "chat/grounding/unanswered.h"
#include "chat/topic.h"
#include "log/log.h"

#define DAY_MS     (24 * 60 * 60 * 1000)
#define PROMPT_MAX (2 * 1024 * 1024)
#define WORDS_MAX  1024

/*
 * Searching.
 */

static void
log_unanswered(const struct prompt *asked, const struct index *ix)
{
	struct buf words;
	int unknown;

	buf_init(&words, WORDS_MAX);
	unknown = unanswered_words(&words, ix, asked->question, asked->len);
	if ((words.len > 0 || unknown > 0) && !words.failed)
		log_notice("unanswered",
		    LOG_STR("words", words.len > 0 ? buf_string(&words) : ""),
		    LOG_INT("unknown", unknown));
	buf_free(&words);
}

static enum rc
search_timed(struct search_result *found, struct index *ix,
    const struct search_conf *conf, const struct search_ask *ask,
    struct metrics *metrics)
{
	int64_t begun = clock_mono_us();
	enum rc rc = search_run(found, ix, conf, ask);

	metrics_observe(
	    metrics, METRIC_SEARCH_SECONDS, 0, clock_mono_us() - begun);
	return rc;
}

enum rc
grounded_prompt_search(struct sources *sources, bool *is_found,
    const struct prompt *asked, struct articles *articles,
    const struct grounded_conf *conf, struct metrics *metrics)
{
	struct search_result found = { .index = NULL };
	struct message topic = { .text = NULL };
	struct index *ix = articles_index(articles);
	struct search_ask ask = {
		.message = { asked->question, asked->len },
		.max = conf->sources.max,
		.today = (uint32_t)(clock_wall_ms() / DAY_MS),
	};
	enum rc rc;

	if (topic_find(asked->history, &topic))
		ask.before = (struct query_text){ topic.text, topic.len };
	rc = search_timed(&found, ix, articles_search(articles), &ask, metrics);
	*is_found = rc == RC_OK && found.relevant;
	if (*is_found)
		sources_take(sources, &found, &conf->sources);
	else if (rc == RC_OK && conf->log_words)
		log_unanswered(asked, ix);
	search_free(&found);
	index_unref(ix);
	return rc;
}

/*
 * Writing.
 */

static size_t
less(size_t from, size_t n)
{
	return from > n ? from - n : 0;
}

/*
 * What there is room for: of the past, the newest, but the last pair in any
 * case; then of the sources, the first.
 */
static enum rc
prompt_fit(struct grounded_prompt *made, const struct prompt *asked,
    struct sources *sources, const struct grounded_conf *conf)
{
	size_t room = less(conf->prompt_bytes, conf->system_bytes + asked->len);
	enum rc rc;

	rc = past_make(
	    &made->past, asked->history, less(room, sources_size(sources)));
	if (rc == RC_OK)
		sources_fit(sources, less(room, past_size(&made->past)));
	return rc;
}

static bool
boundary_make(char boundary[SOURCES_BOUNDARY_SIZE])
{
	uint32_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return false;
	snprintf(boundary, SOURCES_BOUNDARY_SIZE, "%08x", (unsigned)random);
	return true;
}

/* Write the sources into the message. */
static enum rc
prompt_write(struct grounded_prompt *made, const struct sources *sources)
{
	struct prompt *prompt = &made->prompt;
	char boundary[SOURCES_BOUNDARY_SIZE];
	size_t len = prompt->len;

	if (!boundary_make(boundary))
		return RC_ENTROPY;
	sources_write(&made->text, sources, boundary, prompt->question, len);
	if (made->text.failed)
		return RC_NOMEM;
	prompt->question = made->text.data;
	prompt->len = made->text.len;
	prompt->extracts = made->text.len - len;
	return RC_OK;
}

enum rc
grounded_prompt_make(struct grounded_prompt *made, const struct prompt *asked,
    struct sources *sources, const struct grounded_conf *conf)
{
	enum rc rc;

	*made = (struct grounded_prompt){ .prompt = *asked };
	made->prompt.history = &made->past;
	buf_init(&made->text, PROMPT_MAX);
	buf_guard(&made->text);
	rc = prompt_fit(made, asked, sources, conf);
	if (rc == RC_OK && sources->count > 0)
		rc = prompt_write(made, sources);
	return rc;
}

void
grounded_prompt_free(struct grounded_prompt *made)
{
	history_free(&made->past);
	buf_wipe(&made->text);
}
