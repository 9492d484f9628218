/* From the client's JSON to a plan, and from a plan to a refusal. */
#include "upstream_call.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

#define MAX_ERROR  4096
#define MAX_ANSWER (1024 * 1024)

/* The text of the last message of the user, or NULL. */
static const char *
last_question(const struct json *request, size_t *n)
{
	const struct json *messages = json_get(request, "messages"), *m;
	const char *role, *text = NULL;
	size_t len;

	for (size_t i = 0; (m = json_at(messages, i)) != NULL; i++) {
		role = json_text(json_get(m, "role"), &len);
		if (role != NULL && strcmp(role, "user") == 0)
			text = json_text(json_get(m, "content"), n);
	}
	return text;
}

/* The faults of a key pass when it has met them often enough. */
static bool
keys_meet(struct call_keys *keys, struct plan *plan)
{
	size_t i = 0;

	if (plan->fail_times <= 0)
		return true;
	while (i < keys->n && strcmp(keys->row[i].key, plan->key) != 0)
		i++;
	if (i == CALL_MAX_KEYS)
		return false;
	if (i == keys->n) {
		memcpy(keys->row[i].key, plan->key, PLAN_WORD);
		keys->row[i].met = 0;
		keys->n++;
	}
	if (keys->row[i].met++ >= plan->fail_times)
		plan_forgive(plan);
	return true;
}

/* Refuse a request that has one of the fields, and no other. */
static void
call_refuse(struct call *call, const struct json *request)
{
	struct plan *plan = &call->stream.plan;
	char *name = plan->refuse_field, *next;

	if (*name == '\0')
		return;
	for (; name != NULL; name = next) {
		if ((next = strchr(name, ',')) != NULL)
			*next++ = '\0';
		if (json_get(request, name) == NULL)
			continue;
		if (plan->status == 0)
			plan->status = 400;
		snprintf(call->problem, sizeof(call->problem),
		    "%s: unsupported parameter '%s'", STREAM_CANARY, name);
		return;
	}
	plan->status = 0;
}

/* What is wrong with the request, or NULL. */
static const char *
call_take(struct call *call, struct call_keys *keys, const struct json *request)
{
	struct stream *s = &call->stream;
	char bad[PLAN_WORD];
	const char *text;
	size_t n;

	if ((text = last_question(request, &n)) == NULL)
		return "no message of the user";
	if (!plan_read(&s->plan, text, n, bad)) {
		snprintf(call->problem, sizeof(call->problem),
		    "no such directive or value: %s", bad);
		return call->problem;
	}
	call->whole = !json_true(json_get(request, "stream"));
	if (call->whole && !s->plan.whole)
		return "stream is not true";
	if (s->plan.document)
		call->whole = true;
	if (!keys_meet(keys, &s->plan))
		return "too many keys";
	s->usage = json_true(
	    json_get(json_get(request, "stream_options"), "include_usage"));
	call_refuse(call, request);
	return NULL;
}

static void
call_spoil(struct call *call, const char *problem)
{
	struct plan *plan = &call->stream.plan;

	plan_forgive(plan);
	call->whole = false;
	plan->status = 400;
	if (problem != call->problem)
		snprintf(call->problem, sizeof(call->problem), "%s", problem);
}

enum call_kind
call_read(struct call *call, const struct plan *usual, struct call_keys *keys,
    struct http_text body)
{
	struct plan *plan = &call->stream.plan;
	const char *problem = "not JSON";
	struct json *request;

	call->stream = (struct stream){ .prompt = body.n };
	call->whole = false;
	memcpy(call->problem, STREAM_CANARY, sizeof(STREAM_CANARY));
	if (!plan_copy(plan, usual))
		problem = "no memory";
	else if (json_parse(body.s, body.n, &request) == RC_OK) {
		problem = call_take(call, keys, request);
		json_free(request);
	}
	if (problem != NULL)
		call_spoil(call, problem);
	if (plan->silent)
		return CALL_SILENCE;
	if (plan->hangup)
		return CALL_HANGUP;
	if (plan->status || plan->html || plan->ndjson ||
	    plan->error_document || plan->redirect)
		return CALL_REPLY;
	return call->whole ? CALL_REPLY : CALL_STREAM;
}

void
call_free(struct call *call)
{
	plan_free(&call->stream.plan);
}

static void
call_answer(const struct call *call, struct buf *out)
{
	struct buf body;

	buf_init(&body, MAX_ANSWER);
	stream_whole(&call->stream, &body);
	http_reply(out, body.failed ? 500 : 200, "application/json", "",
	    body.data, body.len);
	buf_free(&body);
}

void
call_reply(const struct call *call, struct buf *out)
{
	static const char page[] =
	    "<!DOCTYPE html><title>Simulated</title><p>" STREAM_CANARY "\n";
	static const char lines[] =
	    "{\"message\":{\"content\":\"Oui\"},\"done\":false}\n"
	    "{\"done\":true,\"done_reason\":\"" STREAM_CANARY "\"}\n";
	const struct plan *plan = &call->stream.plan;
	char more[64] = "";
	struct buf error;

	if (plan->html) {
		http_reply(out, 200, "text/html", "", page, sizeof(page) - 1);
		return;
	}
	if (plan->ndjson) {
		http_reply(out, 200, "application/x-ndjson", "", lines,
		    sizeof(lines) - 1);
		return;
	}
	if (plan->redirect) {
		http_reply(out, 307, "text/plain",
		    "Location: /elsewhere/chat/completions\r\n", "", 0);
		return;
	}
	if (plan->status == 0 && !plan->error_document) {
		call_answer(call, out);
		return;
	}
	if (plan->retry_after >= 0)
		snprintf(more, sizeof(more), "Retry-After: %lld\r\n",
		    (long long)plan->retry_after);
	buf_init(&error, MAX_ERROR);
	stream_error(plan, &error, call->problem);
	http_reply(out, plan->error_document ? 200 : (int)plan->status,
	    "application/json", more, error.data, error.len);
	buf_free(&error);
}
