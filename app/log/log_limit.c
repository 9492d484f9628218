/* A short list, looked through one by one: there are few events. */
#include "log/log_limit.h"

#include <string.h>

static struct log_limit_event *
event_find(struct log_limit *limit, const char *name, int64_t now_ms)
{
	struct log_limit_event *e = limit->event;
	size_t i;

	for (i = 0; i < limit->count; i++, e++) {
		if (e->name == name || strcmp(e->name, name) == 0)
			return e;
	}
	if (limit->count == LOG_LIMIT_EVENTS)
		return e - 1;
	limit->count++;
	*e = (struct log_limit_event){ .name = name, .since_ms = now_ms };
	return e;
}

/* When its minute is over, what it has hidden must be reported. */
static bool
event_end(struct log_limit_event *e, int64_t now_ms)
{
	if (now_ms - e->since_ms < LOG_LIMIT_MS)
		return false;
	e->due += e->hidden;
	e->hidden = 0;
	return true;
}

bool
log_limit_take(
    struct log_limit *limit, const char *event, unsigned most, int64_t now_ms)
{
	struct log_limit_event *e = event_find(limit, event, now_ms);

	if (event_end(e, now_ms)) {
		e->since_ms = now_ms;
		e->shown = 0;
	}
	if (e->shown < most) {
		e->shown++;
		return true;
	}
	e->hidden++;
	return false;
}

int64_t
log_limit_told(struct log_limit *limit, const char **event, int64_t now_ms)
{
	struct log_limit_event *e = limit->event;
	int64_t due;

	for (size_t i = 0; i < limit->count; i++, e++) {
		event_end(e, now_ms);
		if ((due = e->due) == 0)
			continue;
		e->due = 0;
		*event = e->name;
		return due;
	}
	return 0;
}
