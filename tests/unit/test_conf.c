/* The configuration: every source, every kind of value, every refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/conf.h"
#include "base/conf_doc.h"
#include "base/conf_table.h"
#include "capture.h"
#include "temp_file.h"

#define MAX_ARGS 16

/* What the sources hold; NULL: nothing. */
struct sources {
	const char *file; /* its content */
	size_t file_len;  /* 0: up to its NUL */
	const char *env[MAX_ARGS];
	const char *args[MAX_ARGS];
};

static char err[512];

static enum conf_action
load(struct conf *cf, const struct sources *src)
{
	char *argv[MAX_ARGS + 4], *envp[MAX_ARGS + 1];
	enum conf_action action;
	int argc = 0, i, n = 0;

	argv[argc++] = strdup("causerie");
	if (src->file != NULL) {
		temp_file_write(src->file,
		    src->file_len > 0 ? src->file_len : strlen(src->file));
		argv[argc++] = strdup("-f");
		argv[argc++] = strdup(temp_file_path());
	}
	for (i = 0; i < MAX_ARGS && src->args[i] != NULL; i++)
		argv[argc++] = strdup(src->args[i]);
	argv[argc] = NULL;
	for (; n < MAX_ARGS && src->env[n] != NULL; n++)
		envp[n] = strdup(src->env[n]);
	envp[n] = NULL;
	err[0] = '\0';
	action = conf_load(cf, argc, argv, envp, err, sizeof(err));
	while (argc > 0)
		free(argv[--argc]);
	while (n > 0)
		free(envp[--n]);
	return action;
}

static void
defaults_are_the_documented_ones(void **state)
{
	struct conf cf;

	(void)state;
	assert_int_equal(load(&cf, &(struct sources){ 0 }), CONF_RUN);
	assert_int_equal(cf.session_timeout_ms, 30 * 60 * 1000);
	assert_int_equal(cf.cleanup_interval_ms, 300 * 1000);
	assert_int_equal(cf.max_sessions, 1000000);
	assert_int_equal(cf.memory_limit, 512 << 20);
	assert_int_equal(cf.session_max_messages, 200);
	assert_int_equal(cf.session_max_bytes, 256 << 10);
	assert_int_equal(cf.message_max_bytes, 16 << 10);
	assert_int_equal(cf.request_max_bytes, 64 << 10);
	assert_string_equal(cf.base_path, "");
	assert_int_equal(cf.context_messages, 40);
	assert_int_equal(cf.context_bytes, 32 << 10);
	assert_int_equal(cf.turn_wait_ms, 60 * 1000);
	assert_null(cf.articles);
	assert_int_equal(cf.responder, CONF_RESPONDER_AUTO);
	assert_null(cf.system_prompt_file);
	assert_null(cf.llm_base_url);
	assert_null(cf.llm_model);
	assert_null(cf.llm_api_key);
	assert_null(cf.llm_api_key_file);
	assert_true(cf.llm_temperature == 0.7);
	assert_int_equal(cf.llm_max_tokens, 1024);
	assert_int_equal(cf.llm_max_tokens_field, CONF_TOKENS_AUTO);
	assert_int_equal(cf.llm_connect_ms, 5 * 1000);
	assert_int_equal(cf.llm_first_token_ms, 30 * 1000);
	assert_int_equal(cf.llm_stall_ms, 30 * 1000);
	assert_int_equal(cf.llm_whole_ms, 120 * 1000);
	assert_int_equal(cf.llm_retries, 2);
	assert_null(cf.trusted_proxies);
	assert_null(cf.listen);
	assert_false(cf.allow_remote);
	assert_int_equal(cf.threads, 0);
	assert_int_equal(cf.log_level, LOG_LEVEL_INFO);
	conf_free(&cf);
}

static void
earlier_sources_win(void **state)
{
	static const struct {
		struct sources src;
		uint64_t threads;
	} rows[] = {
		{ { .file = "threads = 3" }, 3 },
		{ { .file = "threads = 3", .env = { "CAUSERIE_THREADS=4" } },
		    4 },
		{ { .file = "threads = 3",
		      .env = { "CAUSERIE_THREADS=4" },
		      .args = { "-s", "threads=5" } },
		    5 },
		{ { .args = { "-s", "threads=5", "-s", "threads=6" } }, 6 },
		{ { .env = { "CAUSERIE_THREADS=4", "THREADS=9" } }, 4 },
	};
	struct conf cf;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(load(&cf, &rows[i].src), CONF_RUN);
		assert_int_equal(cf.threads, rows[i].threads);
		conf_free(&cf);
	}
}

static void
files_may_hold_comments_and_blanks(void **state)
{
	static const struct sources src = {
		.file = "# a comment\n"
			"\n"
			"   \t\n"
			"  # another = one\n"
			"threads=2\r\n"
			"\tbase_path\t=  /api/chatbot  \n"
			"articles = /a b#c=d.jsonl\n"
			"allow_remote = yes\n"
			"log_level = warn\n"
			"listen = unix:/run/c.sock",
	};
	struct conf cf;

	(void)state;
	assert_int_equal(load(&cf, &src), CONF_RUN);
	assert_int_equal(cf.threads, 2);
	assert_string_equal(cf.base_path, "/api/chatbot");
	assert_string_equal(cf.articles, "/a b#c=d.jsonl");
	assert_true(cf.allow_remote);
	assert_int_equal(cf.log_level, LOG_LEVEL_WARN);
	assert_string_equal(cf.listen, "unix:/run/c.sock");
	conf_free(&cf);
}

static void
broken_files_are_refused_with_their_line(void **state)
{
	static const struct {
		const char *content;
		const char *where; /* behind the path */
		const char *says;
	} rows[] = {
		{ "threads", ":1: ", "key = value" },
		{ "= 4", ":1: ", "key = value" },
		{ "Threads = 4", ":1: ", "key = value" },
		{ "\n\nthr\033eads = 4", ":3: ", "key = value" },
		{ "\nthread = 4", ":2: ", "thread: there is no such" },
		{ "threads = 1\n\nthreads = 1", ":3: threads: ", "line 1" },
		{ "threads = 257", ":1: threads: ", "0 to 256" },
		{ "threads =", ":1: threads: ", "0 to 256" },
		{ "threads = 2 # two", ":1: threads: ", "0 to 256" },
		{ "log_level = loud", ":1: log_level: ", "notice" },
		{ "allow_remote = 1", ":1: allow_remote: ", "yes or no" },
		{ "articles = a\033b", ":1: articles: ", "a file" },
	};
	struct conf cf;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sources src = { .file = rows[i].content };

		assert_int_equal(load(&cf, &src), CONF_INVALID);
		assert_memory_equal(
		    err, temp_file_path(), strlen(temp_file_path()));
		assert_memory_equal(err + strlen(temp_file_path()),
		    rows[i].where, strlen(rows[i].where));
		assert_non_null(strstr(err, rows[i].says));
		assert_null(strpbrk(err, "\n\033"));
		conf_free(&cf);
	}
}

static void
nul_bytes_are_refused(void **state)
{
	static const char content[] = "threads = 1\n# \0\n";
	struct sources src = { .file = content,
		.file_len = sizeof(content) - 1 };
	struct conf cf;

	(void)state;
	assert_int_equal(load(&cf, &src), CONF_INVALID);
	assert_non_null(strstr(err, ":2: a NUL byte"));
	conf_free(&cf);
}

static void
long_lines_are_refused(void **state)
{
	static char content[5000];
	struct sources src = { .file = content };
	struct conf cf;

	(void)state;
	memset(content, '#', sizeof(content) - 1);
	assert_int_equal(load(&cf, &src), CONF_INVALID);
	assert_non_null(strstr(err, ":1: longer than 4096 bytes"));
	conf_free(&cf);
	content[4096] = '\0';
	assert_int_equal(load(&cf, &src), CONF_RUN);
	conf_free(&cf);
	src = (struct sources){ .args = { "-s", content } };
	memset(content, '#', sizeof(content) - 1);
	assert_int_equal(load(&cf, &src), CONF_INVALID);
	assert_non_null(strstr(err, "longer than 4096 bytes"));
	conf_free(&cf);
}

static void
unreadable_files_are_refused(void **state)
{
	static const char *const paths[] = { "/nonexistent/causerie.conf",
		"/tmp" };
	struct conf cf;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct sources src = { .args = { "-f", paths[i] } };

		assert_int_equal(load(&cf, &src), CONF_INVALID);
		assert_memory_equal(err, paths[i], strlen(paths[i]));
		assert_non_null(strstr(err, "cannot be read"));
		conf_free(&cf);
	}
}

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
		{ "HTTP://localhost", NULL },
		{ "http:/localhost", NULL },
		{ "http://", NULL },
		{ "http:///v1", NULL },
		{ "http://:80/v1", NULL },
		{ "http://user@localhost/v1", NULL },
		{ "http://user:word@localhost/v1", NULL },
		{ "http://localhost/v1?key=k", NULL },
		{ "http://localhost?key=k", NULL },
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

#define URL   "llm_base_url = http://localhost/v1\n"
#define MODEL "llm_model = mistral-small-latest\n"

static void
a_language_model_is_set_up_whole(void **state)
{
	static const struct {
		struct sources src;
		const char *says; /* NULL: it is */
	} rows[] = {
		{ { .file = URL MODEL }, NULL },
		{ { .file = URL MODEL "responder = openai" }, NULL },
		{ { .file = URL MODEL "responder = local" }, NULL },
		{ { .file = URL "responder = local" }, NULL },
		{ { .file = MODEL }, NULL },
		{ { .file = URL, .env = { "CAUSERIE_LLM_MODEL=m" } }, NULL },
		{ { .file = URL }, "llm_base_url: needs llm_model as well" },
		{ { .file = URL "responder = openai" },
		    "llm_base_url: needs llm_model as well" },
		{ { .file = MODEL "responder = openai" },
		    "responder: openai needs llm_base_url" },
		{ { .args = { "-s", "responder=openai" } },
		    "responder: openai needs llm_base_url" },
		{ { .file = URL MODEL, .args = { "-t", "-s", "llm_model=" } },
		    "llm_base_url: needs llm_model as well" },
	};
	enum conf_action action;
	struct conf cf;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		action = load(&cf, &rows[i].src);
		assert_string_equal(err, rows[i].says ? rows[i].says : "");
		assert_int_equal(
		    action, rows[i].says ? CONF_INVALID : CONF_RUN);
		conf_free(&cf);
	}
}

static void
a_key_comes_from_where_few_can_read(void **state)
{
	static const struct {
		struct sources src;
		const char *key;
	} rows[] = {
		{ { .file = "llm_api_key = sk-canary" }, "sk-canary" },
		{ { .env = { "CAUSERIE_LLM_API_KEY=sk-canary" } },
		    "sk-canary" },
		{ { .file = "llm_api_key = sk-canary",
		      .env = { "CAUSERIE_LLM_API_KEY=sk-other" } },
		    "sk-other" },
		{ { .file = "llm_api_key =" }, NULL },
	};
	struct conf cf;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(load(&cf, &rows[i].src), CONF_RUN);
		if (rows[i].key == NULL)
			assert_null(cf.llm_api_key);
		else
			assert_string_equal(cf.llm_api_key, rows[i].key);
		conf_free(&cf);
	}
}

struct refusal {
	struct sources src;
	const char *says;
};

/* The message does not show the key. */
static void
assert_key_refused(const struct refusal *r)
{
	struct conf cf;

	assert_int_equal(load(&cf, &r->src), CONF_INVALID);
	if (strstr(err, r->says) == NULL)
		fail_msg("%s", err);
	assert_null(strstr(err, "canary"));
	conf_free(&cf);
}

static void
a_key_is_never_shown(void **state)
{
	static const struct refusal rows[] = {
		{ { .args = { "-s", "llm_api_key=canary" } },
		    "-s: llm_api_key: never on the command line" },
		{ { .args = { "-t", "-s", "llm_api_key = canary" } },
		    "-s: llm_api_key: never on the command line" },
		{ { .file = "llm_api_key = canary canary" },
		    ":1: llm_api_key: must be a key" },
		{ { .file = "llm_api_key = can\xc3\xa9ry-canary" },
		    ":1: llm_api_key: must be a key" },
		{ { .env = { "CAUSERIE_LLM_API_KEY=canary\r\nX: canary" } },
		    "CAUSERIE_LLM_API_KEY: llm_api_key: must be a key" },
		{ { .file = "llm_api_key = canary\nllm_api_key = canary" },
		    "already set on line 1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_key_refused(&rows[i]);
}

/* The configuration with a key's file of this content. */
static enum conf_action
load_key(struct conf *cf, const char *content, size_t n)
{
	char variable[64];
	struct sources src = { .env = { variable } };

	temp_file_write(content, n);
	snprintf(variable, sizeof(variable), "CAUSERIE_LLM_API_KEY_FILE=%s",
	    temp_file_path());
	return load(cf, &src);
}

static void
a_keys_file_holds_one_line(void **state)
{
	static char too_long[4100];
	static const struct {
		const char *content;
		size_t n;
		const char *says; /* NULL: it is sk-canary */
	} rows[] = {
		{ "sk-canary", 9, NULL },
		{ "sk-canary\n", 10, NULL },
		{ "sk-canary\r\n", 11, NULL },
		{ "sk-canary\n\n", 11, "one line" },
		{ "sk-canary\nsk-canary\n", 20, "one line" },
		{ "sk-canary\0", 10, "one line" },
		{ too_long, sizeof(too_long), "one line" },
		{ "", 0, "no key in it" },
		{ "\n", 1, "no key in it" },
		{ "\r\n", 2, "no key in it" },
		{ " sk-canary", 10, "without blanks" },
		{ "sk-can\rary", 10, "without blanks" },
		{ "sk-canary\xff", 10, "without blanks" },
	};
	enum conf_action action;
	struct conf cf;

	(void)state;
	memset(too_long, 'k', sizeof(too_long));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		action = load_key(&cf, rows[i].content, rows[i].n);
		if (rows[i].says == NULL) {
			assert_int_equal(action, CONF_RUN);
			assert_string_equal(cf.llm_api_key, "sk-canary");
		} else {
			assert_int_equal(action, CONF_INVALID);
			assert_non_null(strstr(err, temp_file_path()));
			if (strstr(err, rows[i].says) == NULL)
				fail_msg("%zu: %s", i, err);
			assert_null(strstr(err, "canary"));
		}
		conf_free(&cf);
	}
}

static void
a_keys_file_is_there_and_alone(void **state)
{
	static const struct refusal rows[] = {
		{ { .args = { "-s", "llm_api_key_file=/nonexistent/key" } },
		    "llm_api_key_file: /nonexistent/key: cannot be read" },
		{ { .args = { "-s", "llm_api_key_file=/tmp" } },
		    "llm_api_key_file: /tmp: cannot be read" },
		{ { .file = "llm_api_key = canary",
		      .args = { "-s", "llm_api_key_file=/nonexistent/key" } },
		    "llm_api_key_file: llm_api_key is set too" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_key_refused(&rows[i]);
}

/*
 * The C library's explicit_bzero is replaced here, since freed memory cannot
 * be looked at; the second name is the one that _FORTIFY_SOURCE calls.
 */
static char wiped[64];

void __explicit_bzero_chk(void *, size_t, size_t);

void
explicit_bzero(void *p, size_t n)
{
	snprintf(wiped, sizeof(wiped), "%.*s", (int)n, (char *)p);
}

void
__explicit_bzero_chk(void *p, size_t n, size_t size)
{
	(void)size;
	explicit_bzero(p, n);
}

static void
a_key_is_overwritten_in_the_end(void **state)
{
	static const struct sources src = {
		.env = { "CAUSERIE_LLM_API_KEY=sk-canary",
		    "CAUSERIE_ARTICLES=/a" }
	};
	struct conf cf;

	(void)state;
	assert_int_equal(load(&cf, &src), CONF_RUN);
	wiped[0] = '\0';
	assert_int_equal(
	    conf_set(&cf, conf_find("llm_api_key"), "sk-other"), CONF_SET);
	assert_string_equal(wiped, "sk-canary");
	conf_free(&cf);
	assert_string_equal(wiped, "sk-other");
	assert_null(cf.llm_api_key);
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

static void
the_environment_is_checked_too(void **state)
{
	static const struct sources
	    bad = { .env = { "CAUSERIE_THREADS=many" } },
	    hidden = { .env = { "CAUSERIE_THREADS=many" },
		    .args = { "-s", "threads=1" } };
	struct conf cf;

	(void)state;
	assert_int_equal(load(&cf, &bad), CONF_INVALID);
	assert_string_equal(
	    err, "CAUSERIE_THREADS: threads: must be a whole number, 0 to 256");
	conf_free(&cf);
	assert_int_equal(load(&cf, &hidden), CONF_INVALID);
	conf_free(&cf);
}

static void
unknown_variables_are_a_warning(void **state)
{
	static const struct sources src = { .env = { "CAUSERIE_THREAD=s3cret",
						"CAUSERIE_THREADS_MORE=s3cret",
						"CAUSERIE_threads=s3cret",
						"CAUSERIE_=s3cret" } };
	struct conf cf;
	char text[2048];
	enum conf_action action;

	(void)state;
	capture_begin();
	action = load(&cf, &src);
	capture_end(text, sizeof(text));
	assert_int_equal(action, CONF_RUN);
	assert_int_equal(cf.threads, 0);
	assert_non_null(strstr(text, "CAUSERIE_THREAD"));
	assert_non_null(strstr(text, "CAUSERIE_threads"));
	assert_null(strstr(text, "s3cret"));
	conf_free(&cf);
}

static void
options_say_what_to_do(void **state)
{
	static const struct {
		struct sources src;
		enum conf_action action;
		const char *says;
	} rows[] = {
		{ { .args = { NULL } }, CONF_RUN, "" },
		{ { .args = { "-t" } }, CONF_TEST, "" },
		{ { .args = { "-V" } }, CONF_VERSION, "" },
		{ { .args = { "-h" } }, CONF_HELP, "" },
		{ { .args = { "-s", "nonsense", "-h" } }, CONF_HELP, "" },
		{ { .args = { "-t", "-s", "threads=x" } }, CONF_INVALID,
		    "-s: threads: must be a whole number, 0 to 256" },
		{ { .args = { "-s", "threads" } }, CONF_INVALID,
		    "-s: not of the form key = value" },
		{ { .args = { "-s", "x=1" } }, CONF_INVALID,
		    "-s: x: there is no such setting" },
		{ { .args = { "-l", "a\nb" } }, CONF_INVALID, "-l: listen: " },
		{ { .args = { "-x" } }, CONF_INVALID, "usage: causerie" },
		{ { .args = { "--help" } }, CONF_INVALID, "usage: causerie" },
		{ { .args = { "-\033" } }, CONF_INVALID, "-?: " },
		{ { .args = { "-s" } }, CONF_INVALID,
		    "-s: a value is missing" },
		{ { .args = { "-f" } }, CONF_INVALID,
		    "-f: a value is missing" },
		{ { .args = { "start" } }, CONF_INVALID, "too many arguments" },
		{ { .args = { "start", "-h" } }, CONF_INVALID, "too many" },
	};
	struct conf cf;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(load(&cf, &rows[i].src), rows[i].action);
		assert_non_null(strstr(err, rows[i].says));
		conf_free(&cf);
	}
}

static void
l_sets_listen(void **state)
{
	static const struct sources src = {
		.env = { "CAUSERIE_LISTEN=127.0.0.1:1" },
		.args = { "-l", "unix:/a", "-t" }
	};
	struct conf cf;

	(void)state;
	assert_int_equal(load(&cf, &src), CONF_TEST);
	assert_string_equal(cf.listen, "unix:/a");
	conf_free(&cf);
}

static char *
printed(void (*print)(FILE *))
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	print(f);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void
documents_name_every_setting(void **state)
{
	static void (*const print[])(
	    FILE *) = { conf_help, conf_markdown, conf_man };
	char *text;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(print) / sizeof(print[0]); i++) {
		text = printed(print[i]);
		for (k = 0; k < conf_settings_count; k++)
			if (strstr(text, conf_settings[k].key) == NULL)
				fail_msg("%zu: %s", i, conf_settings[k].key);
		free(text);
	}
}

static void
help_fits_into_80_columns(void **state)
{
	char *text = printed(conf_help), *line, *rest = text;

	(void)state;
	while ((line = strsep(&rest, "\n")) != NULL)
		if (strlen(line) > 80)
			fail_msg("%s", line);
	free(text);
}

static void
markdown_rows_have_four_cells(void **state)
{
	char *text = printed(conf_markdown), *line, *rest = text, *s;
	int bars;

	(void)state;
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		for (bars = 0, s = line; (s = strchr(s, '|')) != NULL; s++)
			bars++;
		assert_int_equal(bars, 5);
	}
	free(text);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_the_documented_ones),
		cmocka_unit_test(earlier_sources_win),
		cmocka_unit_test(files_may_hold_comments_and_blanks),
		cmocka_unit_test(broken_files_are_refused_with_their_line),
		cmocka_unit_test(nul_bytes_are_refused),
		cmocka_unit_test(long_lines_are_refused),
		cmocka_unit_test(unreadable_files_are_refused),
		cmocka_unit_test(numbers_are_read_to_the_letter),
		cmocka_unit_test(temperatures_have_two_decimals),
		cmocka_unit_test(words_are_read_to_the_letter),
		cmocka_unit_test(addresses_are_a_list),
		cmocka_unit_test(urls_are_plain),
		cmocka_unit_test(a_language_model_is_set_up_whole),
		cmocka_unit_test(a_key_comes_from_where_few_can_read),
		cmocka_unit_test(a_key_is_never_shown),
		cmocka_unit_test(a_keys_file_holds_one_line),
		cmocka_unit_test(a_keys_file_is_there_and_alone),
		cmocka_unit_test(a_key_is_overwritten_in_the_end),
		cmocka_unit_test(base_paths_are_plain),
		cmocka_unit_test(texts_have_a_length),
		cmocka_unit_test(the_environment_is_checked_too),
		cmocka_unit_test(unknown_variables_are_a_warning),
		cmocka_unit_test(options_say_what_to_do),
		cmocka_unit_test(l_sets_listen),
		cmocka_unit_test(documents_name_every_setting),
		cmocka_unit_test(help_fits_into_80_columns),
		cmocka_unit_test(markdown_rows_have_four_cells),
	};

	return cmocka_run_group_tests(
	    tests, temp_file_setup, temp_file_teardown);
}
