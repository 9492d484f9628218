/* Alone in its file, so that a test program can be linked with another one. */
#include "chat/articles.h"
#include "chat/responder.h"
#include "routes/app.h"

struct responder *
app_open_responder(const struct app *app, struct loop *loop)
{
	return responder_local_open(app->articles, loop);
}
