/*
 * To be preloaded: getaddrinfo as a name server that says nothing about
 * *.silent until the file that NAMES_TOLD names is there; every name is
 * 127.0.0.1 then, and at once otherwise; before it, *.many is ::1 and addresses
 * where nobody is. NAMES_ASKED, a file, gets a byte for
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

static struct addrinfo *
address_new(const char *text, const char *port, struct addrinfo *next)
{
	struct both {
		struct addrinfo ai;
		struct sockaddr_in6 sa;
	} *b = calloc(1, sizeof(*b));
	struct sockaddr_in *v4;

	if (b == NULL)
		abort();
	v4 = (struct sockaddr_in *)(void *)&b->sa;
	b->ai.ai_next = next;
	b->ai.ai_socktype = SOCK_STREAM;
	b->ai.ai_addr = (struct sockaddr *)&b->sa;
	b->sa.sin6_port = htons(
	    (uint16_t)(port != NULL ? strtol(port, NULL, 10) : 0));
	if (inet_pton(AF_INET6, text, &b->sa.sin6_addr) == 1) {
		b->ai.ai_family = b->sa.sin6_family = AF_INET6;
		b->ai.ai_addrlen = sizeof(b->sa);
		return &b->ai;
	}
	b->ai.ai_family = v4->sin_family = AF_INET;
	b->ai.ai_addrlen = sizeof(*v4);
	if (inet_pton(AF_INET, text, &v4->sin_addr) != 1)
		abort();
	return &b->ai;
}

static int
ends_in(const char *host, const char *end)
{
	size_t n = strlen(host), e = strlen(end);

	return n > e && strcmp(host + n - e, end) == 0;
}

int
getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
    struct addrinfo **found)
{
	(void)hints;
	note_question();
	if (ends_in(host, ".silent"))
		wait_until_told();
	*found = address_new("127.0.0.1", service, NULL);
	if (ends_in(host, ".many")) {
		*found = address_new("127.255.0.2", service, *found);
		*found = address_new("127.255.0.1", service, *found);
		*found = address_new("::1", service, *found);
	}
	return 0;
}

void
freeaddrinfo(struct addrinfo *ai)
{
	struct addrinfo *next;

	for (; ai != NULL; ai = next) {
		next = ai->ai_next;
		free(ai);
	}
}
