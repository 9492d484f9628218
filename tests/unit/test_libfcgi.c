/*
 * What libfcgi makes of lengths that do not fit, when nobody has checked them:
 * why params_pick must. Not linked with server/fcgi_parse.c, whose OS_Read
 * would take the place of the library's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/resource.h>
#include <sys/wait.h>

#include <fcgiapp.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "server/fcgi_records.h"
#include "server/params.h"

struct params {
	const char *bytes;
	size_t len;
};

/* In a process of its own: let libfcgi read a request with such parameters. */
static void
read_request(const struct params *p)
{
	static const struct rlimit none = { 0, 0 };
	int fds[2], null = open("/dev/null", O_WRONLY);
	FCGX_Request req;
	struct buf b;

	setrlimit(RLIMIT_CORE, &none);
	dup2(null, STDERR_FILENO);
	buf_init(&b, 4096);
	fcgi_add_request(&b, &(struct fcgi_request){ .id = 1,
				 .keep = true,
				 .params = p->bytes,
				 .params_len = p->len });
	if (FCGX_Init() != 0 || pipe(fds) == -1 ||
	    write(fds[1], b.data, b.len) != (ssize_t)b.len)
		_exit(0);
	FCGX_InitRequest(&req, -1, FCGI_FAIL_ACCEPT_ON_INTR);
	req.ipcFd = fds[0];
	req.keepConnection = 1;
	req.detached = 1;
	FCGX_Accept_r(&req);
	_exit(0);
}

static bool
survives(const struct params *p)
{
	int status = 0;
	pid_t pid = fork();

	assert_int_not_equal(pid, -1);
	if (pid == 0)
		read_request(p);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void
libfcgi_would_abort(void **state)
{
	static const struct params deadly[] = {
		{ "\xff\xff\xff\xfe\x01", 5 },
		{ "\x01\xff\xff\xff\xfe", 5 },
		{ "\xff\xff\xff\xfe\xff\xff\xff\xfe", 8 },
		{ "\x01\x01"
		  "ab\xff\xff\xff\xfe\x01",
		    9 },
	};
	static const struct params_name name = { "REQUEST_URI", 11 };
	const struct params good = { "\x01\x01"
				     "ab",
		4 };
	struct params_names names;
	struct buf out;
	size_t i;

	(void)state;
	assert_true(survives(&good));
	params_names_init(&names, &name, 1);
	buf_init(&out, 100);
	for (i = 0; i < sizeof(deadly) / sizeof(*deadly); i++) {
		if (survives(&deadly[i]))
			fail_msg("%zu does no harm", i);
		assert_false(
		    params_pick(&out, deadly[i].bytes, deadly[i].len, &names));
	}
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libfcgi_would_abort),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
