/*
 * The system prompt: what a language model is told before every conversation.
 * It is a template, so that the model knows the day.
 */
#ifndef CHAT_MODEL_SYSTEM_PROMPT_H
#define CHAT_MODEL_SYSTEM_PROMPT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define SYSTEM_PROMPT_MAX (64 * 1024)		/* bytes of a template */
#define SYSTEM_PROMPT_FILLED_MAX (320 * 1024)	/* bytes of a filled one */

/*
 * The template in a file: UTF-8 without NUL, at most SYSTEM_PROMPT_MAX, not
 * blank. path NULL: the built-in one, in French. The caller frees it. NULL: err
 * says why, for a person.
 */
char *system_prompt_load(const char *path, struct err *err);

/*
 * Add a template with {date} as "lundi 23 novembre 2026" (the first of a month
 * is "1er") and {time} as "14 h 05", both in the process's local time. Anything
 * else in braces stays as it is.
 */
void system_prompt_fill(struct buf *, const char *template, int64_t wall_ms);

#endif
