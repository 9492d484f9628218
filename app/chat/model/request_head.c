/* The prompt is long, and each turn would fill it in and quote it anew. */
#include "chat/model/request_head.h"

#include "chat/model/request.h"
#include "chat/model/system_prompt.h"

#define MAX_HEAD  (6 * SYSTEM_PROMPT_FILLED_MAX + 4096) /* quoted */
#define MINUTE_MS 60000

void
request_head_init(struct request_head *head)
{
	buf_init(&head->text, MAX_HEAD);
	head->minute = -1;
}

void
request_head_free(struct request_head *head)
{
	buf_free(&head->text);
}

const struct buf *
request_head_at(struct request_head *head, const struct request_head_conf *conf,
    unsigned quirks, int64_t wall_ms)
{
	struct buf system, *text = &head->text;

	quirks &= QUIRKS_OF_HEAD;
	if (head->minute == wall_ms / MINUTE_MS && head->quirks == quirks &&
	    !text->failed)
		return text;
	buf_init(&system, SYSTEM_PROMPT_FILLED_MAX);
	system_prompt_fill(&system, conf->system, wall_ms);
	buf_clear(text);
	if (buf_string(&system) != NULL)
		request_write_head(
		    text, conf->model, conf->temperature, system.data, quirks);
	else
		text->failed = true;
	buf_free(&system);
	head->minute = wall_ms / MINUTE_MS;
	head->quirks = quirks;
	return text;
}
