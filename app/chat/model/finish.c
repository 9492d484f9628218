/* OpenAI has named a few reasons; everybody else has added some. */
#include "chat/model/finish.h"

#include <string.h>

#include "base/text.h"

#define MAX_REASON 63 /* bytes that are looked at */

static const struct {
	const char *reason;
	enum finish finish;
} rows[] = {
	{ "length", FINISH_LENGTH },
	{ "max_tokens", FINISH_LENGTH },
	{ "max_output_tokens", FINISH_LENGTH },
	{ "model_length", FINISH_LENGTH },
	{ "model_context_window_exceeded", FINISH_LENGTH },
	{ "content_filter", FINISH_FILTER },
	{ "content_filtered", FINISH_FILTER },
	{ "guardrail_intervened", FINISH_FILTER },
	{ "sensitive", FINISH_FILTER },
	{ "safety", FINISH_FILTER },
	{ "recitation", FINISH_FILTER },
	{ "blocklist", FINISH_FILTER },
	{ "prohibited_content", FINISH_FILTER },
	{ "spii", FINISH_FILTER },
	{ "refusal", FINISH_FILTER },
	{ "abort", FINISH_ERROR },
	{ "aborted", FINISH_ERROR },
	{ "cancelled", FINISH_ERROR },
	{ "canceled", FINISH_ERROR },
	{ "timeout", FINISH_ERROR },
	{ "insufficient_system_resource", FINISH_ERROR },
	{ "overloaded", FINISH_ERROR },
};

enum finish
finish_read(const char *reason, size_t n)
{
	char word[MAX_REASON + 1];

	n = n < MAX_REASON ? n : MAX_REASON;
	memcpy(word, reason, n);
	word[n] = '\0';
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (text_equal_nocase(word, rows[i].reason))
			return rows[i].finish;
	if (strcasestr(word, "error") != NULL ||
	    strcasestr(word, "fail") != NULL)
		return FINISH_ERROR;
	return FINISH_STOP;
}
