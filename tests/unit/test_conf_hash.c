/* Which configurations are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/build.h"
#include "conf/conf_hash.h"

static uint64_t
hash_with(const char *setting)
{
	char name[] = "causerie", option[] = "-s", value[128] = "";
	char *argv[] = { name, option, value, NULL }, *none[] = { NULL };
	struct conf cf;
	struct err err;
	uint64_t hash;

	if (setting != NULL)
		snprintf(value, sizeof(value), "%s", setting);
	assert_int_equal(
	    conf_load(&cf, setting == NULL ? 1 : 3, argv, none, &err),
	    CONF_RUN);
	hash = conf_hash(&cf);
	conf_free(&cf);
	return hash;
}

static void
every_kind_of_setting_counts(void **state)
{
	static const char *const settings[] = { "session_timeout_minutes=31",
		"cleanup_interval_seconds=1", "max_sessions=7",
		"memory_limit=1M", "base_path=/x", "allowed_origins=*",
		"session_cookie=x", "responder=local", "llm_temperature=1",
		"llm_max_tokens_field=max_tokens", "rate_new=1/2",
		"rate_new=2/1", "trusted_proxies=::1", "allow_remote=yes",
		"threads=1", "log_level=warn", "log_format=json",
		"log_target=/x", "log_client=none" };
	size_t n = sizeof(settings) / sizeof(settings[0]);
	uint64_t plain = hash_with(NULL), one;

	(void)state;
	assert_true(plain == hash_with("threads=0"));
	for (size_t i = 0; i < n; i++) {
		one = hash_with(settings[i]);
		assert_true(one != plain);
		assert_true(one == hash_with(settings[i]));
	}
}

static void
places_do_not_count(void **state)
{
	(void)state;
	assert_true(hash_with("listen=unix:/x") == hash_with(NULL));
	assert_true(hash_with("owner_dir=/x") == hash_with(NULL));
}

static void
a_changed_file_counts(void **state)
{
	char path[] = "/tmp/causerie-test-XXXXXX", setting[64];
	int fd = mkstemp(path);
	uint64_t before;

	(void)state;
	assert_int_not_equal(fd, -1);
	snprintf(setting, sizeof(setting), "system_prompt_file=%s", path);
	before = hash_with(setting);
	assert_true(before == hash_with(setting));
	assert_int_equal(write(fd, "x", 1), 1);
	assert_true(before != hash_with(setting));

	/* this one is taken over by whoever runs */
	snprintf(setting, sizeof(setting), "articles=%s", path);
	before = hash_with(setting);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_true(before == hash_with(setting));
	close(fd);
	unlink(path);
}

static void
a_program_has_one_id(void **state)
{
	(void)state;
	assert_true(build_id() == build_id());
	assert_true(build_id() != 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_setting_counts),
		cmocka_unit_test(places_do_not_count),
		cmocka_unit_test(a_changed_file_counts),
		cmocka_unit_test(a_program_has_one_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
