/*
 * What is counted: one list of metrics, and the cells that count them. Each
 * loop has cells of its own, written by its thread only, so that counting costs
 * a request no cache line that others write; a reader sums them. The values of
 * labels are closed sets, so that the cells are fixed.
 */
#ifndef LOG_METRICS_H
#define LOG_METRICS_H

#include <pthread.h>
#include <stdint.h>

#define METRICS_ROUTES 20	/* rows of the route table, and "none" */
#define METRICS_METHODS 6	/* enum method's */

/* The statuses that have a row of their own: X(number) */
#define METRICS_STATUSES(X) \
	X(200) X(204) X(400) X(403) X(404) X(405) X(409) X(410) X(413) X(414) \
	X(415) X(422) X(429) X(431) X(500) X(501) X(502) X(503) X(504)

/* The values of the other labels: X(row, value) */
#define METRICS_LIMITED(X) \
	X(LIMITED_RATE, "rate_limited") \
	X(LIMITED_SESSIONS, "too_many_sessions") \
	X(LIMITED_TURNS, "too_many_turns") \
	X(LIMITED_BUDGET, "budget_exhausted")
#define METRICS_SUSPICIOUS(X) \
	X(SUSPICIOUS_ID, "malformed_id") \
	X(SUSPICIOUS_GUESSING, "guessing") \
	X(SUSPICIOUS_RATE, "rate") \
	X(SUSPICIOUS_ORIGIN, "origin") \
	X(SUSPICIOUS_OVERSIZE, "oversize") \
	X(SUSPICIOUS_JSON, "broken_json")
#define METRICS_OUTCOMES(X) \
	X(OUTCOME_OK, "ok") \
	X(OUTCOME_REJECTED, "rejected")		/* 4xx */ \
	X(OUTCOME_UNAVAILABLE, "unavailable")	/* 408, 409, 429, 5xx */ \
	X(OUTCOME_UNREACHABLE, "unreachable")	/* no connection */ \
	X(OUTCOME_TIMEOUT, "timeout") \
	X(OUTCOME_BROKEN, "broken")		/* nonsense, or broke off */ \
	X(OUTCOME_CANCELLED, "cancelled")	/* by us */
#define METRICS_DIRECTIONS(X) \
	X(TOKENS_IN, "in") \
	X(TOKENS_OUT, "out")
#define METRICS_GROUNDING(X) \
	X(GROUNDING_ROW_CITED, "cited") \
	X(GROUNDING_ROW_UNCITED, "uncited") \
	X(GROUNDING_ROW_NONE, "none") \
	X(GROUNDING_ROW_ARTICLES, "articles")	/* without the model */
#define METRICS_CITATIONS(X) \
	X(CITATION_KNOWN, "known") \
	X(CITATION_UNKNOWN, "unknown")		/* taken out, as the rest */ \
	X(CITATION_LINK, "link") \
	X(CITATION_PICTURE, "picture")

#define METRICS_STATUS_ROW(number) STATUS_ROW_##number,
#define METRICS_ROW(row, value) row,
enum metrics_status { METRICS_STATUSES(METRICS_STATUS_ROW)
	STATUS_ROW_OTHER, STATUS_ROW_ABORTED, ROWS_STATUS };
enum metrics_limited { METRICS_LIMITED(METRICS_ROW) ROWS_LIMITED };
enum metrics_suspicious { METRICS_SUSPICIOUS(METRICS_ROW) ROWS_SUSPICIOUS };
enum metrics_outcome { METRICS_OUTCOMES(METRICS_ROW) ROWS_OUTCOME };
enum metrics_direction { METRICS_DIRECTIONS(METRICS_ROW) ROWS_DIRECTION };
enum metrics_grounding { METRICS_GROUNDING(METRICS_ROW) ROWS_GROUNDING };
enum metrics_citation { METRICS_CITATIONS(METRICS_ROW) ROWS_CITATION };
#undef METRICS_STATUS_ROW
#undef METRICS_ROW

/* How many rows the labels of a metric make, and how many cells a row has. */
enum {
	ROWS_NONE = 1,
	ROWS_VERSION = 1,
	ROWS_ROUTE = METRICS_ROUTES,
	ROWS_REQUEST = METRICS_ROUTES * METRICS_METHODS * ROWS_STATUS,
	METRICS_BOUNDS = 18,		/* of a histogram; above is one more */
	CELLS_COUNTER = 1,
	CELLS_GAUGE = 1,
	CELLS_HISTOGRAM = METRICS_BOUNDS + 2,	/* the last: the sum, in us */
};

/* All metrics: X(metric, type, labels, name without causerie_, help) */
#define METRICS_LIST(X) \
	X(METRIC_SESSIONS, GAUGE, NONE, "sessions", "Live sessions.") \
	X(METRIC_SESSION_BYTES, GAUGE, NONE, "session_bytes", \
	    "Memory that the sessions take, expired ones until swept.") \
	X(METRIC_TURNS, GAUGE, NONE, "turns_in_flight", \
	    "Turns that have begun and not ended, waiting ones included.") \
	X(METRIC_TURNS_WAITING, GAUGE, NONE, "turns_waiting", \
	    "Turns that wait in the line before their session.") \
	X(METRIC_REQUESTS, COUNTER, REQUEST, "http_requests_total", \
	    "Requests by route, method and status; aborted: left unanswered.") \
	X(METRIC_REQUEST_SECONDS, HISTOGRAM, ROUTE, \
	    "http_request_duration_seconds", \
	    "From a whole request to the end of its reply.") \
	X(METRIC_LIMITED, COUNTER, LIMITED, "limited_total", \
	    "Requests refused by a limit.") \
	X(METRIC_SUSPICIOUS, COUNTER, SUSPICIOUS, "suspicious_total", \
	    "Suspicious requests.") \
	X(METRIC_UPSTREAM, COUNTER, OUTCOME, "upstream_requests_total", \
	    "Tries to get an answer from the language model.") \
	X(METRIC_UPSTREAM_RETRIES, COUNTER, NONE, "upstream_retries_total", \
	    "Tries that followed a failed one.") \
	X(METRIC_BREAKER_OPEN, GAUGE, NONE, "upstream_breaker_open", \
	    "1 while the language model is not asked because it failed.") \
	X(METRIC_FIRST_TOKEN, HISTOGRAM, NONE, \
	    "upstream_first_token_seconds", \
	    "From a try's start to the first text of its answer.") \
	X(METRIC_TOKENS, COUNTER, DIRECTION, "tokens_total", \
	    "Tokens that the language model reported.") \
	X(METRIC_ARTICLES, GAUGE, NONE, "articles", \
	    "Articles that are searched.") \
	X(METRIC_ARTICLES_AGE, GAUGE, NONE, "articles_age_seconds", \
	    "Since the file of the articles was written; 0: the samples.") \
	X(METRIC_SEARCH_SECONDS, HISTOGRAM, NONE, "search_seconds", \
	    "A search in the articles.") \
	X(METRIC_ANSWERS, COUNTER, GROUNDING, "answers_total", \
	    "Answers by what they go by, of chats that are grounded; " \
	    "articles: answered without the language model.") \
	X(METRIC_CITATIONS, COUNTER, CITATION, "citations_total", \
	    "What a language model cited or linked to: known sources; " \
	    "unknown ones, foreign links and pictures, taken out.") \
	X(METRIC_LOOP_LAG, HISTOGRAM, NONE, "loop_lag_seconds", \
	    "How late timers fire, sampled every 100 ms while a loop works.") \
	X(METRIC_BUILD, GAUGE, VERSION, "build_info", "The version that runs.")

/* A metric is the number of its first cell. */
#define METRICS_ENUM(metric, type, labels, name, help) \
	metric, metric##_LAST = metric + ROWS_##labels * CELLS_##type - 1,
enum metric { METRICS_LIST(METRICS_ENUM) METRICS_CELLS };
#undef METRICS_ENUM

/* The upper bounds of a histogram's cells, in microseconds, ascending. */
extern const int64_t metrics_bounds[METRICS_BOUNDS];

/* The cells of one thread; only it counts in them. */
struct metrics;

/* All at zero. NULL without memory. */
struct metrics *metrics_new(void);
void metrics_free(struct metrics *);	/* NULL is allowed */

/* One more, in the row of a label's value; 0 if there is no label. */
void metrics_count(struct metrics *, enum metric, unsigned row);

/* So many more; of a gauge also fewer. */
void metrics_add(struct metrics *, enum metric, unsigned row, int64_t n);

/* A duration for a histogram, in microseconds; below 0 counts as 0. */
void metrics_observe(struct metrics *, enum metric, unsigned row, int64_t us);

/*
 * A request that has ended: route is its index in the route table plus 1, 0
 * when none matched; method is enum method's; status 0: never answered.
 */
void metrics_request(struct metrics *, unsigned route, unsigned method,
    int status, int64_t us);

/* The threads' cells together. */
struct metrics_all {
	/* guarded by mtx; the cells are atomic */
	pthread_mutex_t	 mtx;
	struct metrics	*first;
};

void metrics_all_init(struct metrics_all *);
void metrics_all_destroy(struct metrics_all *);	/* all have left */

/* Metrics that have joined are read by other threads until they leave. */
void metrics_join(struct metrics_all *, struct metrics *);
void metrics_leave(struct metrics_all *, struct metrics *);

/* The cells' sums, from any thread. */
struct metrics_sum {
	uint64_t	cell[METRICS_CELLS];
};
void metrics_sum(struct metrics_all *, struct metrics_sum *);

#endif
