/* Why an answer ended, in the words of several servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "chat/model/finish.h"

#define TEN(s) s s s s s s s s s s

static void
a_reason_is_read(void **state)
{
	static const struct {
		const char *reason;
		enum finish finish;
	} rows[] = {
		{ "stop", FINISH_STOP },
		{ "end_turn", FINISH_STOP },
		{ "eos", FINISH_STOP },
		{ "tool_calls", FINISH_STOP },
		{ "?", FINISH_STOP },
		{ "lengthy", FINISH_STOP },
		{ "length", FINISH_LENGTH },
		{ "LENGTH", FINISH_LENGTH },
		{ "MAX_TOKENS", FINISH_LENGTH },
		{ "model_length", FINISH_LENGTH },
		{ "content_filter", FINISH_FILTER },
		{ "SAFETY", FINISH_FILTER },
		{ "sensitive", FINISH_FILTER },
		{ "error", FINISH_ERROR },
		{ "network_error", FINISH_ERROR },
		{ "internal_server_error", FINISH_ERROR },
		{ "Failed", FINISH_ERROR },
		{ "abort", FINISH_ERROR },
		{ "insufficient_system_resource", FINISH_ERROR },
		{ "eos_token", FINISH_STOP },
		{ "FINISH_REASON_STOP", FINISH_STOP },
		{ "", FINISH_STOP },
		{ "_ _", FINISH_STOP },
		{ "token_limit", FINISH_LENGTH },
		{ "max_length", FINISH_LENGTH },
		{ "maxTokens", FINISH_LENGTH },
		{ "FINISH_REASON_MAX_TOKENS", FINISH_LENGTH },
		{ "context_length_exceeded", FINISH_LENGTH },
		{ "model_context_window_exceeded", FINISH_LENGTH },
		{ "incomplete", FINISH_LENGTH },
		{ "contentFilter", FINISH_FILTER },
		{ "content-filter", FINISH_FILTER },
		{ "content_filtered", FINISH_FILTER },
		{ "guardrail_intervened", FINISH_FILTER },
		{ "IMAGE_SAFETY", FINISH_FILTER },
		{ "content_policy_violation", FINISH_FILTER },
		{ "BLOCKED", FINISH_FILTER },
		{ "USER_CANCEL", FINISH_ERROR },
		{ "time_limit", FINISH_ERROR },
		{ "MALFORMED_FUNCTION_CALL", FINISH_ERROR },
		{ "ERROR_LIMIT", FINISH_ERROR },
		{ TEN(TEN("stop")), FINISH_STOP },
	};
	char *copy;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = strlen(rows[i].reason);

		assert_non_null(copy = malloc(n));
		memcpy(copy, rows[i].reason, n);
		if (finish_read(copy, n) != rows[i].finish)
			fail_msg("%s", rows[i].reason);
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reason_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
