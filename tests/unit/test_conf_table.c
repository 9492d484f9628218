/* Every kind of value: what is read of it, and what is refused. */
#include "conf/conf_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
numbers_are_read_to_the_letter(void **state)
{
	static const struct {
		const char *key, *value;
		bool ok;
		int64_t result;
	} rows[] = {
		{ "threads", "0", true, 0 },
		{ "threads", "256", true, 256 },
		{ "threads", "007", true, 7 },
		{ "threads", "257", false, 0 },
		{ "threads", "-1", false, 0 },
		{ "threads", "+1", false, 0 },
		{ "threads", " 1", false, 0 },
		{ "threads", "1 ", false, 0 },
		{ "threads", "1.0", false, 0 },
		{ "threads", "1K", false, 0 },
		{ "threads", "0x10", false, 0 },
		{ "threads", "18446744073709551617", false, 0 },
		{ "threads", "-18446744073709551615", false, 0 },
		{ "max_sessions", "0", false, 0 },
		{ "max_sessions", "1000000000", true, 1000000000 },
		{ "max_sessions", "99999999999999999999999", false, 0 },
		{ "context_bytes", "0", true, 0 },
		{ "context_bytes", "1000", true, 1000 },
		{ "context_bytes", "1K", true, 1024 },
		{ "context_bytes", "64M", true, 64 << 20 },
		{ "context_bytes", "65M", false, 0 },
		{ "context_bytes", "1k", false, 0 },
		{ "context_bytes", "1KB", false, 0 },
		{ "context_bytes", "K", false, 0 },
		{ "context_bytes", "1.5K", false, 0 },
		{ "context_bytes", "-1K", false, 0 },
		{ "context_bytes", "17179869184G", false, 0 },
		{ "context_bytes", "18446744073709551615G", false, 0 },
		{ "memory_limit", "1024G", true, INT64_C(1) << 40 },
		{ "memory_limit", "1025G", false, 0 },
		{ "turn_wait_seconds", "0", true, 0 },
		{ "turn_wait_seconds", "0.5", true, 500 },
		{ "turn_wait_seconds", "1.2345", true, 1234 },
		{ "turn_wait_seconds", "3600", true, 3600000 },
		{ "turn_wait_seconds", "3600.001", false, 0 },
		{ "turn_wait_seconds", "0.5000000000000000", false, 0 },
		{ "turn_wait_seconds", "0,5", false, 0 },
		{ "turn_wait_seconds", ".5", false, 0 },
		{ "turn_wait_seconds", "5.", false, 0 },
		{ "turn_wait_seconds", "1.2.3", false, 0 },
		{ "turn_wait_seconds", "1e3", false, 0 },
		{ "turn_wait_seconds", "0x1p3", false, 0 },
		{ "turn_wait_seconds", "nan", false, 0 },
		{ "turn_wait_seconds", "inf", false, 0 },
		{ "turn_wait_seconds", "-0", false, 0 },
		{ "turn_wait_seconds", "18446744073709552", false, 0 },
		{ "turn_wait_seconds", "99999999999999999999", false, 0 },
		{ "cleanup_interval_seconds", "0.0009", false, 0 },
		{ "cleanup_interval_seconds", "0.001", true, 1 },
		{ "session_timeout_minutes", "0.001", true, 60 },
		{ "session_timeout_minutes", "1.5", true, 90000 },
		{ "session_timeout_minutes", "0.333333333333", true, 19999 },
		{ "session_timeout_minutes", "525600", true, 31536000000 },
		{ "session_timeout_minutes", "525601", false, 0 },
		{ "session_timeout_minutes", "", false, 0 },
		{ "llm_max_tokens", "1", true, 1 },
		{ "llm_max_tokens", "0", false, 0 },
		{ "llm_max_tokens", "1000001", false, 0 },
		{ "llm_retries", "0", true, 0 },
		{ "llm_retries", "10", true, 10 },
		{ "llm_retries", "11", false, 0 },
		{ "llm_connect_timeout_seconds", "0.25", true, 250 },
		{ "llm_connect_timeout_seconds", "0", false, 0 },
		{ "llm_first_token_seconds", "3600", true, 3600000 },
		{ "llm_first_token_seconds", "3601", false, 0 },
		{ "llm_stall_seconds", "1", true, 1000 },
		{ "llm_stall_seconds", "0", false, 0 },
		{ "llm_timeout_seconds", "2", true, 2000 },
		{ "llm_timeout_seconds", "0", false, 0 },
	};
	const struct conf_setting *st;
	struct conf cf = { 0 };
	int64_t got;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		st = conf_find(rows[i].key);
		assert_non_null(st);
		if (conf_set(&cf, st, rows[i].value) !=
		    (rows[i].ok ? CONF_SET : CONF_REFUSED))
			fail_msg("%s = %s", rows[i].key, rows[i].value);
		memcpy(&got, (char *)&cf + st->offset, sizeof(got));
		if (rows[i].ok && got != rows[i].result)
			fail_msg("%s = %s: %lld", rows[i].key, rows[i].value,
			    (long long)got);
	}
}

static void
temperatures_have_two_decimals(void **state)
{
	static const struct {
		const char *value;
		bool ok;
		double result;
	} rows[] = {
		{ "0", true, 0 },
		{ "0.05", true, 0.05 },
		{ "0.7", true, 0.7 },
		{ "1.25", true, 1.25 },
		{ "2", true, 2 },
		{ "2.00", true, 2 },
		{ "2.01", false, 0 },
		{ "0.125", false, 0 },
		{ "0,7", false, 0 },
		{ "-1", false, 0 },
		{ "nan", false, 0 },
		{ "", false, 0 },
	};
	const struct conf_setting *st = conf_find("llm_temperature");
	struct conf cf = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (conf_set(&cf, st, rows[i].value) !=
		    (rows[i].ok ? CONF_SET : CONF_REFUSED))
			fail_msg("%s", rows[i].value);
		if (rows[i].ok && cf.llm_temperature != rows[i].result)
			fail_msg("%s: %f", rows[i].value, cf.llm_temperature);
	}
}

static void
words_are_read_to_the_letter(void **state)
{
	static const struct {
		const char *key, *value;
		int result; /* -1: refused */
	} rows[] = {
		{ "responder", "auto", CONF_RESPONDER_AUTO },
		{ "responder", "local", CONF_RESPONDER_LOCAL },
		{ "responder", "openai", CONF_RESPONDER_OPENAI },
		{ "responder", "OpenAI", -1 },
		{ "responder", "", -1 },
		{ "responder", "openai ", -1 },
		{ "llm_max_tokens_field", "auto", CONF_TOKENS_AUTO },
		{ "llm_max_tokens_field", "max_tokens", CONF_TOKENS_MAX },
		{ "llm_max_tokens_field", "max_completion_tokens",
		    CONF_TOKENS_COMPLETION },
		{ "llm_max_tokens_field", "max_output_tokens", -1 },
		{ "llm_max_tokens_field", "0", -1 },
	};
	const struct conf_setting *st;
	struct conf cf = { 0 };
	int got;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		st = conf_find(rows[i].key);
		if (conf_set(&cf, st, rows[i].value) !=
		    (rows[i].result >= 0 ? CONF_SET : CONF_REFUSED))
			fail_msg("%s = %s", rows[i].key, rows[i].value);
		memcpy(&got, (char *)&cf + st->offset, sizeof(got));
		if (rows[i].result >= 0)
			assert_int_equal(got, rows[i].result);
	}
}

static void
rates_have_a_count_and_a_time(void **state)
{
	static const struct {
		const char *value;
		struct conf_rate rate; /* seconds 0: refused */
	} rows[] = {
		{ "20/60", { 20, 60 } },
		{ "1/1", { 1, 1 } },
		{ "1000000/86400", { 1000000, 86400 } },
		{ "0", { 0, 1 } },
		{ "0/60", { 0, 60 } },
		{ "20", { 0, 0 } },
		{ "20/", { 0, 0 } },
		{ "20/0", { 0, 0 } },
		{ "0/0", { 0, 0 } },
		{ "/60", { 0, 0 } },
		{ "", { 0, 0 } },
		{ "-1/60", { 0, 0 } },
		{ "20/-60", { 0, 0 } },
		{ "+20/60", { 0, 0 } },
		{ " 20/60", { 0, 0 } },
		{ "20/ 60", { 0, 0 } },
		{ "20/60 ", { 0, 0 } },
		{ "20/60s", { 0, 0 } },
		{ "20/60/60", { 0, 0 } },
		{ "20.5/60", { 0, 0 } },
		{ "1000001/60", { 0, 0 } },
		{ "20/86401", { 0, 0 } },
		{ "4294967297/60", { 0, 0 } },
		{ "20/4294967356", { 0, 0 } },
		{ "18446744073709551636/60", { 0, 0 } },
		{ "20/18446744073709551676", { 0, 0 } },
	};
	const struct conf_setting *st = conf_find("rate_new");
	struct conf cf = { .rate_new = { 7, 7 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (conf_set(&cf, st, rows[i].value) !=
		    (rows[i].rate.seconds == 0 ? CONF_REFUSED : CONF_SET))
			fail_msg("%s", rows[i].value);
		if (rows[i].rate.seconds == 0)
			continue;
		assert_int_equal(cf.rate_new.count, rows[i].rate.count);
		assert_int_equal(cf.rate_new.seconds, rows[i].rate.seconds);
	}
}

static void
addresses_are_a_list(void **state)
{
	static const struct {
		const char *value;
		enum conf_result result;
	} rows[] = {
		{ "10.0.0.0/8, 2001:db8::/32", CONF_SET },
		{ "192.0.2.1", CONF_SET },
		{ "", CONF_SET },
		{ "10.0.0.1/8", CONF_REFUSED },
		{ "10.0.0.0/8;10.1.0.0/16", CONF_REFUSED },
		{ "proxy.example", CONF_REFUSED },
	};
	const struct conf_setting *st = conf_find("trusted_proxies");
	struct conf cf = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (conf_set(&cf, st, rows[i].value) != rows[i].result)
			fail_msg("%s", rows[i].value);
	}
	assert_null(cf.trusted_proxies);
	conf_free(&cf);
}

static void
urls_are_plain(void **state)
{
	static const struct {
		const char *value;
		const char *result; /* NULL: refused */
	} rows[] = {
		{ "https://api.openai.com/v1", "https://api.openai.com/v1" },
		{ "https://api.groq.com/openai/v1/",
		    "https://api.groq.com/openai/v1" },
		{ "http://127.0.0.1:11434/v1", "http://127.0.0.1:11434/v1" },
		{ "http://localhost", "http://localhost" },
		{ "http://localhost/", "http://localhost" },
		{ "http://localhost:65535//", "http://localhost:65535" },
		{ "http://[::1]:8080/v1", "http://[::1]:8080/v1" },
		{ "http://[::1]", "http://[::1]" },
		{ "https://h/accounts/a%20b/@cf/v1",
		    "https://h/accounts/a%20b/@cf/v1" },
		{ "api.openai.com/v1", NULL },
		{ "ftp://localhost/v1", NULL },
		{ "file:///etc/passwd", NULL },
		{ "HTTPS://h/V1", "https://h/V1" },
		{ "Http://localhost", "http://localhost" },
		{ "http://h/v1/completions.d", "http://h/v1/completions.d" },
		{ "http://h/v1/chat/completions", NULL },
		{ "http://h/v1/chat/completions//", NULL },
		{ "http://h/v1/Chat/Completions", NULL },
		{ "http://h/v1/completions", NULL },
		{ "\"http://h/v1\"", NULL },
		{ "http:/localhost", NULL },
		{ "http://", NULL },
		{ "http:///v1", NULL },
		{ "http://:80/v1", NULL },
		{ "http://user@localhost/v1", NULL },
		{ "http://user:word@localhost/v1", NULL },
		{ "http://h/v1?v=2024-10-21", "http://h/v1?v=2024-10-21" },
		{ "http://h/v1/?a=/b?c&d", "http://h/v1/?a=/b?c&d" },
		{ "http://h?key=k", "http://h?key=k" },
		{ "http://h/v1?a=b#top", NULL },
		{ "http://h/v1?a b", NULL },
		{ "http://?a=b", NULL },
		{ "http://h/v1/chat/completions?a=b", NULL },
		{ "http://localhost/v1#top", NULL },
		{ "http://localhost#top", NULL },
		{ "http://localhost:", NULL },
		{ "http://localhost:0/v1", NULL },
		{ "http://localhost:65536/v1", NULL },
		{ "http://localhost:123456/v1", NULL },
		{ "http://localhost:18446744073709551617/v1", NULL },
		{ "http://localhost:80a/v1", NULL },
		{ "http://[::1", NULL },
		{ "http://[]/v1", NULL },
		{ "http://[::1]x/v1", NULL },
		{ "http://[v6]/v1", NULL },
		{ "http://local host/v1", NULL },
		{ "http://localhost/a b", NULL },
		{ "http://localhost/{id}", NULL },
		{ "http://localhost\\@evil/", NULL },
		{ "http://caf\xc3\xa9/v1", NULL },
		{ "http://localhost/\r\nX: y", NULL },
	};
	const struct conf_setting *st = conf_find("llm_base_url");
	struct conf cf = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (conf_set(&cf, st, rows[i].value) !=
		    (rows[i].result != NULL ? CONF_SET : CONF_REFUSED))
			fail_msg("%s", rows[i].value);
		if (rows[i].result != NULL)
			assert_string_equal(cf.llm_base_url, rows[i].result);
	}
	assert_int_equal(conf_set(&cf, st, ""), CONF_SET);
	assert_null(cf.llm_base_url);
	conf_free(&cf);
}

static void
base_paths_are_plain(void **state)
{
	static const struct {
		const char *value;
		bool ok;
	} rows[] = {
		{ "", true },
		{ "/api", true },
		{ "/api/chatbot", true },
		{ "/A-z/0.9_~", true },
		{ "/", false },
		{ "/api/", false },
		{ "//api", false },
		{ "/api//chatbot", false },
		{ "api", false },
		{ "/a b", false },
		{ "/a%20b", false },
		{ "/a?b", false },
		{ "/{id}", false },
		{ "/\xc3\xa9", false },
		{ "/a/../b", false },
		{ "/.", false },
	};
	struct conf cf = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (conf_set(&cf, conf_find("base_path"), rows[i].value) !=
		    (rows[i].ok ? CONF_SET : CONF_REFUSED))
			fail_msg("base_path = %s", rows[i].value);
	conf_free(&cf);
	assert_null(cf.base_path);
}

static void
texts_have_a_length(void **state)
{
	static const struct {
		const char *key;
		char first;
		size_t max;
	} rows[] = { { "base_path", '/', 200 }, { "articles", 'x', 4000 } };
	static char value[4002];
	struct conf cf = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(value, 'x', sizeof(value));
		value[0] = rows[i].first;
		value[rows[i].max + 1] = '\0';
		assert_int_equal(
		    conf_set(&cf, conf_find(rows[i].key), value), CONF_REFUSED);
		value[rows[i].max] = '\0';
		assert_int_equal(
		    conf_set(&cf, conf_find(rows[i].key), value), CONF_SET);
	}
	assert_int_equal(
	    conf_set(&cf, conf_find("articles"), "a\177"), CONF_REFUSED);
	conf_free(&cf);
}

/* A kind has all its parts, and a setting a member that its kind may write. */
static void
every_setting_fits_its_kind(void **state)
{
	const struct conf_setting *st = conf_settings;
	const struct conf_kind_rule *kind;

	(void)state;
	for (size_t i = 0; i < CONF_KINDS; i++) {
		kind = &conf_kinds[i];
		assert_non_null(kind->noun);
		assert_true((kind->number == NULL) != (kind->fault == NULL));
		assert_true((kind->number == NULL) == (kind->store == NULL));
	}
	for (size_t i = 0; i < conf_settings_count; i++, st++) {
		if (st->size != conf_kinds[st->kind].size)
			fail_msg("%s", st->key);
		assert_null(conf_fault(st, st->def));
	}
}

static void
proxies_have_a_port(void **state)
{
	static const struct {
		const char *value;
		bool good;
	} rows[] = {
		{ "http://proxy:3128", true },
		{ "http://proxy:3128/", true },
		{ "https://10.0.0.1:443", true },
		{ "SOCKS5H://[::1]:1080", true },
		{ "http://proxy", false },
		{ "http://[::1]", false },
		{ "http://proxy:0", false },
		{ "http://proxy:3128/path", false },
		{ "http://proxy:3128?a", false },
		{ "http://a:b@proxy:3128", false },
		{ "socks5://proxy:1080", false },
		{ "socks4a://proxy:1080", false },
		{ "proxy:3128", false },
		{ "http://", false },
		{ "ftp://proxy:21", false },
		{ "http://pro xy:3128", false },
	};
	const struct conf_setting *st = conf_find("llm_proxy");
	struct conf cf = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if ((conf_set(&cf, st, rows[i].value) == CONF_SET) !=
		    rows[i].good)
			fail_msg("%s", rows[i].value);
		if (rows[i].good)
			assert_string_equal(cf.llm_proxy, rows[i].value);
	}
	conf_free(&cf);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_to_the_letter),
		cmocka_unit_test(temperatures_have_two_decimals),
		cmocka_unit_test(words_are_read_to_the_letter),
		cmocka_unit_test(rates_have_a_count_and_a_time),
		cmocka_unit_test(addresses_are_a_list),
		cmocka_unit_test(urls_are_plain),
		cmocka_unit_test(proxies_have_a_port),
		cmocka_unit_test(base_paths_are_plain),
		cmocka_unit_test(texts_have_a_length),
		cmocka_unit_test(every_setting_fits_its_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
