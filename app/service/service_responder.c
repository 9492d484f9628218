/* Alone in its file, so that a test program can be linked with another one. */
#include "articles/articles.h"
#include "chat/model/responder_model.h"
#include "chat/responder.h"
#include "service/service.h"

struct responder *
service_open_responder(const struct service *app, struct loop *loop)
{
	if (app->openai != NULL)
		return responder_model_open(app->openai, loop);
	return responder_local_open(app->articles, loop);
}
