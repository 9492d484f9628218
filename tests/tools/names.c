/*
 * To be preloaded: getaddrinfo as a name server that says nothing about
 * *.silent until the file that NAMES_TOLD names is there; every name is
 * 127.0.0.1 then, and at once otherwise. NAMES_ASKED, a file, gets a byte for
 * each question.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void
note_question(void)
{
	const char *path = getenv("NAMES_ASKED");
	int fd = path != NULL ? open(path, O_WRONLY | O_APPEND | O_CREAT, 0600)
	                      : -1;

	if (fd == -1)
		return;
	if (write(fd, "?", 1) == -1)
		abort();
	close(fd);
}

static void
wait_until_told(void)
{
	static const struct timespec pause = { .tv_nsec = 5000000 };
	const char *path = getenv("NAMES_TOLD");

	while (path != NULL && access(path, F_OK) == -1)
		nanosleep(&pause, NULL);
}

int
getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
    struct addrinfo **found)
{
	struct both {
		struct addrinfo ai;
		struct sockaddr_in sa;
	} * b;
	size_t n = strlen(host);

	note_question();
	if (n > 7 && strcmp(host + n - 7, ".silent") == 0)
		wait_until_told();
	if ((b = calloc(1, sizeof(*b))) == NULL)
		return EAI_MEMORY;
	b->sa.sin_family = AF_INET;
	b->sa.sin_port = htons(
	    (uint16_t)(service != NULL ? strtol(service, NULL, 10) : 0));
	b->sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	b->ai.ai_family = AF_INET;
	b->ai.ai_socktype = hints != NULL ? hints->ai_socktype : SOCK_STREAM;
	b->ai.ai_addrlen = sizeof(b->sa);
	b->ai.ai_addr = (struct sockaddr *)&b->sa;
	*found = &b->ai;
	return 0;
}

void
freeaddrinfo(struct addrinfo *ai)
{
	free(ai);
}
