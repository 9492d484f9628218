/*
 * What Causerie's speed is measured against: the ordinary program with libfcgi,
 * a thread per connection, that does nothing but answer a constant. Headers and
 * lengths are those of Causerie's replies.
 */
#include <fcgiapp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define THREADS 8
#define BACKLOG 128

#define HEAD \
	"Status: 200 OK\r\n" \
	"Content-Type: application/json\r\n" \
	"Cache-Control: no-store\r\n" \
	"X-Content-Type-Options: nosniff\r\n" \
	"X-Request-Id: 0123456789abcdef0123456789abcdef\r\n"
#define ID "550e8400-e29b-41d4-a716-446655440000"
#define BODY_NEW \
	"{\"session_id\":\"" ID "\",\"message\":\"Session créée avec succès\"}"
#define BODY_INFO \
	"{\"session_id\":\"" ID \
	"\",\"message_count\":0,\"created_at\":\"2025-11-08T14:30:00\"," \
	"\"last_activity\":\"2025-11-08T14:30:00\",\"expires_in_minutes\":30}"

static const char reply_new[] = HEAD "Content-Length: 94\r\n\r\n" BODY_NEW;
static const char reply_info[] = HEAD "Content-Length: 168\r\n\r\n" BODY_INFO;

_Static_assert(sizeof(BODY_NEW) == 94 + 1, "Content-Length");
_Static_assert(sizeof(BODY_INFO) == 168 + 1, "Content-Length");

static void
answer(FCGX_Request *r)
{
	const char *method = FCGX_GetParam("REQUEST_METHOD", r->envp);
	const char *uri = FCGX_GetParam("REQUEST_URI", r->envp);
	char body[1024];

	while (FCGX_GetStr(body, sizeof(body), r->in) > 0)
		;
	if (method == NULL || uri == NULL)
		FCGX_PutS("Status: 400 Bad Request\r\n\r\n", r->out);
	else if (strcmp(method, "POST") == 0)
		FCGX_PutStr(reply_new, sizeof(reply_new) - 1, r->out);
	else
		FCGX_PutStr(reply_info, sizeof(reply_info) - 1, r->out);
}

static void *
serve(void *arg)
{
	const int *fd = arg;
	FCGX_Request r;

	FCGX_InitRequest(&r, *fd, 0);
	while (FCGX_Accept_r(&r) >= 0) {
		answer(&r);
		FCGX_Finish_r(&r);
	}
	return NULL;
}

int
main(int argc, char *argv[])
{
	pthread_t threads[THREADS];
	int fd, i;

	if (argc != 2) {
		fprintf(stderr, "usage: ordinary SOCKET\n");
		return 2;
	}
	if (FCGX_Init() != 0 || (fd = FCGX_OpenSocket(argv[1], BACKLOG)) < 0) {
		fprintf(stderr, "ordinary: cannot listen on %s\n", argv[1]);
		return 1;
	}
	/* libfcgi waits for a next request before it heeds it */
	signal(SIGTERM, SIG_DFL);
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, serve, &fd) != 0)
			return 1;
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
