/* The configuration: every source, and every refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture.h"
#include "conf/conf.h"
#include "conf/conf_table.h"
#include "temp_file.h"
#include "wiped.h"

#define MAX_ARGS 16

/* What the sources hold; NULL: nothing. */
struct sources {
	const char *file; /* its content */
	size_t file_len;  /* 0: up to its NUL */
	const char *env[MAX_ARGS];
	const char *args[MAX_ARGS];
};

static struct err err;

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
	err_clear(&err);
	action = conf_load(cf, argc, argv, envp, &err);
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
	assert_int_equal(cf.llm_first_token_ms, 60 * 1000);
	assert_int_equal(cf.llm_stall_ms, 30 * 1000);
	assert_int_equal(cf.llm_whole_ms, 180 * 1000);
	assert_int_equal(cf.llm_retries, 2);
	assert_int_equal(cf.rate_new.count, 20);
	assert_int_equal(cf.rate_new.seconds, 60);
	assert_int_equal(cf.rate_chat.count, 30);
	assert_int_equal(cf.rate_chat.seconds, 60);
	assert_int_equal(cf.sessions_per_ip, 100);
	assert_int_equal(cf.turns_per_ip, 8);
	assert_int_equal(cf.tokens_per_day, 0);
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
		.file = "\xef\xbb\xbf# a comment\r\n"
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
		{ "threads", ":1: threads: ", "write threads = VALUE" },
		{ "threads: 4", ":1: threads: ", "write threads = VALUE" },
		{ "sk-canary", ":1: ", "not of the form key = value" },
		{ "[threads]", ":1: ", "not of the form key = value" },
		{ "= 4", ":1: ", "key = value" },
		{ "Threads = 4", ":1: Threads: ", "did you mean threads?" },
		{ "log-level = 4", ":1: log-level: ", "mean log_level?" },
		{ "CAUSERIE_THREADS = 4",
		    ":1: CAUSERIE_THREADS: ", "did you mean threads?" },
		{ "\n\nthr\033eads = 4", ":3: ", "key = value" },
		{ "\nthread = 4", ":2: ", "thread: unknown setting" },
		{ "threads = 1\n\nthreads = 1", ":3: threads: ", "line 1" },
		{ "threads = 257", ":1: threads: ", "0 to 256" },
		{ "threads =", ":1: threads: ", "0 to 256, not empty" },
		{ "threads = many", ":1: threads: ", "256, not \"many\"" },
		{ "threads = \033[31m", ":1: threads: ", "\"?[31m\"" },
		{ "threads = \"4\"", ":1: threads: ", "leave out the quotes" },
		{ "articles = '/a'", ":1: articles: ", "leave out the quotes" },
		{ "llm_model = \u201cm\u201d",
		    ":1: llm_model: ", "the quotes" },
		{ "llm_base_url = http://h/api/generate",
		    ":1: llm_base_url: ", "/chat/completions is appended" },
		{ "llm_base_url = http://h/v1/Responses/",
		    ":1: llm_base_url: ", "/chat/completions is appended" },
		{ "llm_base_url = http://h/v1/chat/completions",
		    ":1: llm_base_url: ", "leave out /chat/completions" },
		{ "threads = 2 # two", ":1: threads: ", "0 to 256" },
		{ "log_level = loud", ":1: log_level: ", "notice" },
		{ "allow_remote = 1", ":1: allow_remote: ", "yes or no" },
		{ "articles = a\033b", ":1: articles: ", "must be a path" },
	};
	struct conf cf;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sources src = { .file = rows[i].content };

		assert_int_equal(load(&cf, &src), CONF_INVALID);
		assert_memory_equal(
		    err.text, temp_file_path(), strlen(temp_file_path()));
		assert_memory_equal(err.text + strlen(temp_file_path()),
		    rows[i].where, strlen(rows[i].where));
		assert_non_null(strstr(err.text, rows[i].says));
		assert_null(strpbrk(err.text, "\n\033"));
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
	assert_non_null(strstr(err.text, ":2: contains a NUL byte"));
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
	assert_non_null(strstr(err.text, ":1: is longer than 4096 bytes"));
	conf_free(&cf);
	content[4096] = '\0';
	assert_int_equal(load(&cf, &src), CONF_RUN);
	conf_free(&cf);
	src = (struct sources){ .args = { "-s", content } };
	memset(content, '#', sizeof(content) - 1);
	assert_int_equal(load(&cf, &src), CONF_INVALID);
	assert_non_null(strstr(err.text, "longer than 4096 bytes"));
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
		assert_memory_equal(err.text, "-f: ", 4);
		assert_memory_equal(err.text + 4, paths[i], strlen(paths[i]));
		assert_non_null(strstr(err.text, ": cannot be read: "));
		conf_free(&cf);
	}
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
		assert_string_equal(err.text, rows[i].says ? rows[i].says : "");
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
	if (strstr(err.text, r->says) == NULL)
		fail_msg("%s", err.text);
	assert_null(strstr(err.text, "canary"));
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
		{ { .file = "llm_api_key = 'canary'" },
		    ":1: llm_api_key: must be a key" },
		{ { .file = "llm_api_key = KEY=canary" },
		    "leave out the name" },
		{ { .file = "llm_api_key_file = 'canary'" },
		    "leave out the quotes" },
		{ { .file = "llm_base_url = ftp://u:canary@h/" },
		    "begin with http://" },
		{ { .file = "canary" }, ":1: not of the form" },
		{ { .file = "caNary=" }, ":1: not of the form" },
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
		{ "sk-canary\n\n", 11, NULL },
		{ " sk-canary \r\n\r\n", 15, NULL },
		{ "\xef\xbb\xbfsk-canary", 12, NULL },
		{ "sk-canary\nsk-canary\n", 20, ":2: is a second line" },
		{ "sk-canary\0", 10, ":1: contains a NUL byte" },
		{ too_long, sizeof(too_long), ":1: is longer than 4096" },
		{ "", 0, "is empty" },
		{ "\n", 1, "is empty" },
		{ "\r\n", 2, "is empty" },
		{ "sk-can ary", 10, "without blanks" },
		{ "\"sk-canary\"", 11, "leave out the quotes" },
		{ "OPENAI_API_KEY=sk-canary", 24, "leave out the name" },
		{ "export KEY=sk-canary", 20, "leave out the name" },
		{ "key = sk-canary", 15, "leave out the name" },
		{ "Bearer sk-canary", 16, "leave out the word Bearer" },
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
			assert_memory_equal(err.text, "llm_api_key_file: ", 18);
			assert_non_null(strstr(err.text, temp_file_path()));
			if (strstr(err.text, rows[i].says) == NULL)
				fail_msg("%zu: %s", i, err.text);
			assert_null(strstr(err.text, "canary"));
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
		{ { .args = { "-s", "llm_api_key_file=sk-canary" } },
		    "must be the path of a file, not its contents" },
		{ { .args = { "-s", "llm_api_key_file=/tmp" } },
		    "llm_api_key_file: /tmp: cannot be read" },
		{ { .file = "llm_api_key = canary",
		      .args = { "-s", "llm_api_key_file=/nonexistent/key" } },
		    "llm_api_key_file: llm_api_key is set as well" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_key_refused(&rows[i]);
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
	wiped_forget();
	assert_int_equal(
	    conf_set(&cf, conf_find("llm_api_key"), "sk-other"), CONF_SET);
	assert_string_equal(wiped_last()->text, "sk-canary");
	conf_free(&cf);
	assert_string_equal(wiped_last()->text, "sk-other");
	assert_null(cf.llm_api_key);
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
	assert_string_equal(err.text,
	    "CAUSERIE_THREADS: threads: must be a whole number, 0 to 256, not "
	    "\"many\"");
	conf_free(&cf);
	assert_int_equal(load(&cf, &hidden), CONF_INVALID);
	conf_free(&cf);
}

/* As env files, Compose and secrets that are mounted leave them. */
static void
variables_may_have_blanks_around_or_nothing(void **state)
{
	static const struct sources src = {
		.file = "threads = 3\nbase_path = /a\nllm_model = m",
		.env = { "CAUSERIE_THREADS=", "CAUSERIE_BASE_PATH=\r\n",
		    "CAUSERIE_LLM_MODEL= mistral small \r",
		    "CAUSERIE_LLM_API_KEY=sk-canary\n" },
	};
	struct conf cf;

	(void)state;
	assert_int_equal(load(&cf, &src), CONF_RUN);
	assert_int_equal(cf.threads, 3);
	assert_string_equal(cf.base_path, "/a");
	assert_string_equal(cf.llm_model, "mistral small");
	assert_string_equal(cf.llm_api_key, "sk-canary");
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
		    "-s: threads: not of the form key = value; write threads" },
		{ { .args = { "-s", "x=1" } }, CONF_INVALID,
		    "-s: x: unknown setting" },
		{ { .args = { "-l", "a\nb" } }, CONF_INVALID, "-l: listen: " },
		{ { .args = { "-x" } }, CONF_INVALID, "usage: causerie" },
		{ { .args = { "--help" } }, CONF_INVALID, "usage: causerie" },
		{ { .args = { "-\033" } }, CONF_INVALID, "-?: " },
		{ { .args = { "--owner\033" } }, CONF_INVALID,
		    "--owner: unknown option" },
		{ { .args = { "--owner-status", "-s", "owner_dir=/x" } },
		    CONF_OWNER_STATUS, "" },
		{ { .args = { "-s", "owner_dir=/x", "--owner-stop" } },
		    CONF_OWNER_STOP, "" },
		{ { .args = { "--owner-stop=1" } }, CONF_INVALID,
		    "--owner-stop: unknown option" },
		{ { .args = { "--owner-status" } }, CONF_INVALID,
		    "owner_dir: must be set" },
		{ { .args = { "-s" } }, CONF_INVALID, "-s: needs a value" },
		{ { .args = { "-f" } }, CONF_INVALID, "-f: needs a value" },
		{ { .args = { "start" } }, CONF_INVALID, "too many arguments" },
		{ { .args = { "start", "-h" } }, CONF_INVALID, "too many" },
	};
	struct conf cf;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(load(&cf, &rows[i].src), rows[i].action);
		assert_non_null(strstr(err.text, rows[i].says));
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
		cmocka_unit_test(a_language_model_is_set_up_whole),
		cmocka_unit_test(a_key_comes_from_where_few_can_read),
		cmocka_unit_test(a_key_is_never_shown),
		cmocka_unit_test(a_keys_file_holds_one_line),
		cmocka_unit_test(a_keys_file_is_there_and_alone),
		cmocka_unit_test(a_key_is_overwritten_in_the_end),
		cmocka_unit_test(the_environment_is_checked_too),
		cmocka_unit_test(variables_may_have_blanks_around_or_nothing),
		cmocka_unit_test(unknown_variables_are_a_warning),
		cmocka_unit_test(options_say_what_to_do),
		cmocka_unit_test(l_sets_listen),
	};

	return cmocka_run_group_tests(
	    tests, temp_file_setup, temp_file_teardown);
}
