/*
 * OpenAI has named a few reasons; everybody else has added some, of the same
 * few words.
 */
#include "chat/model/finish.h"

#include <stdbool.h>
#include <string.h>

#define MAX_REASON 63 /* bytes that are looked at */

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/*
 * The words, in lower case.
 */

static const char *const failed[] = { "abort", "aborted", "cancel", "cancelled",
	"canceled", "timeout", "time", "timed", "insufficient", "overload",
	"overloaded", "malformed", "interrupted", "disconnected", "shutdown",
	"preempted", "killed", "exception", "unavailable" };

static const char *const filtered[] = { "filter", "filtered", "safety",
	"blocked", "blocklist", "prohibited", "moderation", "moderated",
	"sensitive", "guardrail", "guardrails", "policy", "violation",
	"flagged", "refusal", "recitation", "spii", "armor", "language" };

static const char *const cut[] = { "length", "max", "maxtokens", "limit",
	"window", "incomplete" };

/*
 * A reason.
 */

static bool
is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool
is_letter(char c)
{
	return is_upper(c) || (c >= 'a' && c <= 'z');
}

/* In lower case, a blank between its words: max_tokens, maxTokens alike. */
static void
part_words(char *words, const char *reason, size_t n)
{
	bool lower = false;

	for (size_t i = 0; i < n; i++) {
		if (lower && is_upper(reason[i]))
			*words++ = ' ';
		lower = is_letter(reason[i]) && !is_upper(reason[i]);
		*words++ = is_letter(reason[i]) ? (char)(reason[i] | 0x20)
		                                : ' ';
	}
	*words = '\0';
}

static bool
has_word(const char *words, const char *const table[], size_t rows)
{
	size_t n;

	for (; *words != '\0'; words += n + (words[n] != '\0')) {
		n = strcspn(words, " ");
		for (size_t i = 0; i < rows; i++)
			if (strlen(table[i]) == n &&
			    memcmp(table[i], words, n) == 0)
				return true;
	}
	return false;
}

enum finish
finish_read(const char *reason, size_t n)
{
	char words[2 * MAX_REASON + 1];

	part_words(words, reason, n < MAX_REASON ? n : MAX_REASON);
	if (strstr(words, "error") != NULL || strstr(words, "fail") != NULL ||
	    has_word(words, failed, COUNT(failed)))
		return FINISH_ERROR;
	if (has_word(words, filtered, COUNT(filtered)))
		return FINISH_FILTER;
	if (has_word(words, cut, COUNT(cut)))
		return FINISH_LENGTH;
	return FINISH_STOP;
}
