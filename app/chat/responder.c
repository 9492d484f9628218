/*
 * The calls of a responder: each goes to its backend.
 */
#include "chat/responder.h"

enum rc
responder_start(struct responder *responder, const struct prompt *prompt,
    const struct answer_events *events, void *arg, struct answer **answer)
{
	return responder->backend->start(
	    responder, prompt, events, arg, answer);
}

void
responder_cancel(struct responder *responder, struct answer *answer)
{
	responder->backend->cancel(responder, answer);
}

enum rc
responder_ready(
    struct responder *responder, const struct addr *client, int64_t *retry_ms)
{
	*retry_ms = 0;
	if (responder->backend->ready == NULL)
		return RC_OK;
	return responder->backend->ready(responder, client, retry_ms);
}

void
responder_close(struct responder *responder)
{
	if (responder != NULL)
		responder->backend->close(responder);
}
