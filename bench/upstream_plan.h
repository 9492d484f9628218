/*
 * What the simulated model does with one call. The directives stand in the
 * call's last user message: "Bonjour [[nonce=a7 tokens=20 pace=50 cut=5]]".
 */
#ifndef BENCH_UPSTREAM_PLAN_H
#define BENCH_UPSTREAM_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PLAN_WORD 64	/* bytes of a word, its NUL included */

/*
 * Each member is a directive of the same name, explained by plan_help. A
 * number below zero: it does not happen.
 */
struct plan {
	/* the answer */
	char		*text;		/* or NULL */
	char		 nonce[PLAN_WORD];
	int64_t		 tokens;
	int64_t		 empty;
	int64_t		 endless;
	int64_t		 usage;
	int64_t		 whole;
	char		 finish[PLAN_WORD];
	int64_t		 think;
	char		 think_as[PLAN_WORD];
	int64_t		 tools;

	/* its pace, in ms */
	int64_t		 first;
	int64_t		 pace;

	/* its form */
	int64_t		 split;
	int64_t		 crlf;
	int64_t		 comments;
	int64_t		 until_close;
	int64_t		 bom;
	int64_t		 cr;
	int64_t		 nospace;
	int64_t		 blanks;
	int64_t		 multiline;
	int64_t		 fields;
	int64_t		 beats;
	int64_t		 refusal;
	int64_t		 parts;
	int64_t		 object;
	int64_t		 choices;
	int64_t		 message;
	int64_t		 filter_first;
	int64_t		 usage_late;
	int64_t		 document;

	/* signs of life before a token, at the same pace */
	int64_t		 life;
	int64_t		 life_at;
	char		 life_as[PLAN_WORD];

	/* deltas with odd contents, after so many tokens */
	int64_t		 nul;
	int64_t		 rawnul;
	int64_t		 badutf8;
	int64_t		 surrogate;
	int64_t		 halves;
	int64_t		 inject;
	int64_t		 garbage;
	int64_t		 large_event;	/* bytes of a delta */

	/* how it ends too early, after so many tokens */
	int64_t		 stall;
	int64_t		 cut;
	int64_t		 reset;
	int64_t		 error_event;
	int64_t		 error_named;
	int64_t		 error_field;
	char		 error_code[PLAN_WORD];

	/* how it ends wrongly */
	int64_t		 nodone;
	int64_t		 nofinish;
	int64_t		 onlyfinish;
	int64_t		 linger;

	/* what comes in place of an answer */
	int64_t		 status;
	int64_t		 retry_after;	/* s */
	char		 error[PLAN_WORD];
	char		 refuse_field[PLAN_WORD];
	int64_t		 silent;
	int64_t		 hangup;
	int64_t		 html;
	int64_t		 ndjson;
	int64_t		 error_document;
	int64_t		 redirect;
	int64_t		 endless_header;
	int64_t		 bomb;

	/* faults that pass */
	int64_t		 fail_times;
	char		 key[PLAN_WORD];
};

/* A plan without directives; to be freed with plan_free. */
void plan_init(struct plan *);
void plan_free(struct plan *);

/* False without memory. */
bool plan_copy(struct plan *to, const struct plan *from);

/*
 * Read the directives in a message. False: bad names the one that is unknown
 * or has a wrong value.
 */
bool plan_read(struct plan *, const char *, size_t, char bad[PLAN_WORD]);

/* Take all faults out of a plan. */
void plan_forgive(struct plan *);

/* A table of all directives. */
void plan_help(FILE *);

#endif
