/* A host's addresses, from a name server that is silent until it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "chat/model/resolver.h"
#include "log/metrics.h"

/* The name server. */
static struct {
	pthread_mutex_t mtx;
	pthread_cond_t changed;
	unsigned asked, told;
	const char *addresses[RESOLVER_MAX + 2];
} names = { .mtx = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER };

static struct addrinfo *
addrinfo_new(const char *text, struct addrinfo *next)
{
	struct both {
		struct addrinfo ai;
		struct sockaddr_in6 sa;
	} *b = calloc(1, sizeof(*b));
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&b->sa;

	assert_non_null(b);
	b->ai.ai_next = next;
	b->ai.ai_addr = (struct sockaddr *)&b->sa;
	b->ai.ai_family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	if (b->ai.ai_family == AF_INET6)
		inet_pton(AF_INET6, text, &b->sa.sin6_addr);
	else
		inet_pton(AF_INET, text, &v4->sin_addr);
	return &b->ai;
}

/* In the place of the C library's. */
int
getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
    struct addrinfo **found)
{
	unsigned mine, n = 0;

	assert_string_equal(host, "model.test");
	assert_null(service);
	assert_int_equal(hints->ai_socktype, SOCK_STREAM);
	pthread_mutex_lock(&names.mtx);
	mine = ++names.asked;
	pthread_cond_broadcast(&names.changed);
	while (names.told < mine)
		pthread_cond_wait(&names.changed, &names.mtx);
	*found = NULL;
	while (names.addresses[n] != NULL)
		n++;
	while (n > 0)
		*found = addrinfo_new(names.addresses[--n], *found);
	pthread_mutex_unlock(&names.mtx);
	return *found == NULL ? EAI_AGAIN : 0;
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

/* Let all that are asked so far be answered with these addresses. */
static void
tell(unsigned asked, const char *const *addresses, unsigned n)
{
	pthread_mutex_lock(&names.mtx);
	while (names.asked < asked)
		pthread_cond_wait(&names.changed, &names.mtx);
	memset(names.addresses, 0, sizeof(names.addresses));
	for (unsigned i = 0; i < n; i++)
		names.addresses[i] = addresses[i];
	names.told = asked;
	pthread_cond_broadcast(&names.changed);
	pthread_mutex_unlock(&names.mtx);
}

struct world {
	struct loop *loop;
	struct resolver r;
	unsigned done, ok;
};

static void
on_done(void *arg, bool ok)
{
	struct world *w = arg;

	w->done++;
	w->ok += ok;
}

static int
begin(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	names.asked = names.told = 0;
	assert_non_null(w);
	assert_non_null(w->loop = loop_new(0));
	resolver_init(&w->r, w->loop, "model.test", on_done, w);
	*state = w;
	return 0;
}

static int
end(void **state)
{
	struct world *w = *state;

	resolver_close(&w->r);
	loop_free(w->loop);
	free(w);
	return 0;
}

static void
await(struct world *w, unsigned done)
{
	while (w->done < done)
		loop_turn(w->loop, 1000);
	assert_int_equal(w->done, done);
}

static void
all_wait_for_one_lookup(void **state)
{
	static const char *const found[] = { "192.0.2.1", "2001:db8::1" };
	struct world *w = *state;

	for (int i = 0; i < 100; i++)
		assert_true(resolver_ask(&w->r));
	assert_int_equal(w->r.version, 0);
	tell(1, found, 2);
	await(w, 1);
	assert_int_equal(w->ok, 1);
	assert_int_equal(w->r.version, 1);
	assert_string_equal(w->r.addresses, "192.0.2.1,2001:db8::1");
	assert_true(resolver_ask(&w->r));
	assert_null(w->r.lookup);
	assert_int_equal(names.asked, 1);
}

static void
what_is_known_serves_on(void **state)
{
	static const char *const found[] = { "192.0.2.1", "192.0.2.2" };
	struct world *w = *state;

	assert_true(resolver_ask(&w->r));
	tell(1, found, 1);
	await(w, 1);
	w->r.fresh_until = 0;
	assert_true(resolver_ask(&w->r));
	assert_int_equal(w->r.version, 1);
	tell(2, found, 0);
	await(w, 2);
	assert_int_equal(w->ok, 2); /* although it failed */
	assert_int_equal(w->r.version, 1);
	assert_string_equal(w->r.addresses, "192.0.2.1");
	w->r.fresh_until = 0;
	assert_true(resolver_ask(&w->r));
	tell(3, found + 1, 1);
	await(w, 3);
	assert_int_equal(w->r.version, 2);
	assert_string_equal(w->r.addresses, "192.0.2.2");
}

static void
a_failure_is_told_and_the_next_may_ask_again(void **state)
{
	static const char *const found[] = { "192.0.2.1" };
	struct world *w = *state;

	assert_true(resolver_ask(&w->r));
	tell(1, NULL, 0);
	await(w, 1);
	assert_int_equal(w->ok, 0);
	assert_int_equal(w->r.version, 0);
	assert_true(resolver_ask(&w->r));
	tell(2, found, 1);
	await(w, 2);
	assert_int_equal(w->ok, 1);
}

static void
a_host_with_many_addresses_has_some(void **state)
{
	const char *found[RESOLVER_MAX + 1];
	struct world *w = *state;
	unsigned commas = 0;

	for (unsigned i = 0; i <= RESOLVER_MAX; i++)
		found[i] = "2001:db8:1111:2222:3333:4444:5555:6666";
	assert_true(resolver_ask(&w->r));
	tell(1, found, RESOLVER_MAX + 1);
	await(w, 1);
	assert_int_equal(w->ok, 1);
	for (const char *p = w->r.addresses; *p != '\0'; p++)
		commas += *p == ',';
	assert_int_equal(commas, RESOLVER_MAX - 1);
}

/* The thread ends later, and frees what it has. */
static void
nobody_waits_for_a_silent_one(void **state)
{
	struct world *w = *state;

	assert_true(resolver_ask(&w->r));
	resolver_close(&w->r);
	resolver_close(&w->r);
	loop_turn(w->loop, 0);
	assert_int_equal(w->done, 0);
	tell(1, NULL, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    all_wait_for_one_lookup, begin, end),
		cmocka_unit_test_setup_teardown(
		    what_is_known_serves_on, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_failure_is_told_and_the_next_may_ask_again, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_host_with_many_addresses_has_some, begin, end),
		cmocka_unit_test_setup_teardown(
		    nobody_waits_for_a_silent_one, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
