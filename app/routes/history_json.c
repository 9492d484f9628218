/*
 * The pieces of a history in JSON. What every message has is added as it stands
 * there, and its text in slices that are quoted one by one.
 */
#include "routes/history_json.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/rc.h"
#include "routes/cited_json.h"

#define SLICE (2 * 1024) /* bytes of text; one can become six in JSON */

void
history_json_init(struct history_json *j, const struct session *s)
{
	*j = (struct history_json){
		.id = s->id,
		.message_count = s->message_count,
	};
	history_share(&j->history, &s->history);
}

void
history_json_free(struct history_json *j)
{
	history_free(&j->history);
}

static void
add_head(struct history_json *j, struct buf *b)
{
	char id[SID_TEXT_SIZE];

	sid_text(id, &j->id);
	buf_adds(b, "{\"session_id\":\"");
	buf_add(b, id, sizeof(id) - 1);
	buf_adds(b, "\",\"message_count\":");
	buf_addn(b, (int64_t)j->message_count);
	buf_adds(b, ",\"messages\":[");
	j->begun = true;
}

/* Up to the text; false: there is no message any more. */
static bool
begin_message(struct history_json *j, struct buf *b)
{
	if (!history_next(&j->history, &j->pos, &j->m))
		return false;
	if (j->listed)
		buf_addc(b, ',');
	buf_adds(b, j->m.role == ROLE_USER
			? "{\"role\":\"user\",\"content\":\""
			: "{\"role\":\"assistant\",\"content\":\"");
	j->done = 0;
	j->inside = j->listed = true;
	return true;
}

static void
end_message(struct history_json *j, struct buf *b)
{
	char created[CLOCK_TEXT_SIZE];

	buf_addc(b, '"');
	clock_text(created, j->m.created_ms);
	json_add_string(b, "created_at", created);
	if (j->m.status == MESSAGE_INTERRUPTED)
		json_add_string(b, "status", "interrupted");
	if (j->m.why != RC_OK)
		json_add_string(b, "code", rc_code(j->m.why));
	cited_json_add(b, j->m.cited, j->m.cited_len);
	json_close(b);
	j->inside = false;
}

static void
add_slice(struct history_json *j, struct buf *b)
{
	size_t n = j->m.len - j->done;

	if (n > SLICE)
		n = SLICE;
	json_add_part(b, j->m.text + j->done, n);
	j->done += n;
	if (j->done == j->m.len)
		end_message(j, b);
}

bool
history_json_next(struct history_json *j, struct buf *b)
{
	if (!j->begun)
		add_head(j, b);
	while (b->len < HISTORY_JSON_PIECE && !b->failed) {
		if (!j->inside && !begin_message(j, b)) {
			buf_adds(b, "]}");
			return false;
		}
		add_slice(j, b);
	}
	return true;
}
