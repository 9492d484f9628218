/* The settings, one row each; the reader and all documents go by these rows. */
#include "conf/conf_table.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONF(member) \
	offsetof(struct conf, member), sizeof(((struct conf *)0)->member)

const struct conf_setting conf_settings[] = {
	{ "session_timeout_minutes", CONF_MINUTES, CONF(session_timeout_ms),
	    "30", "0.001", "525600",
	    "minutes without activity after which a session expires" },
	{ "cleanup_interval_seconds", CONF_SECONDS, CONF(cleanup_interval_ms),
	    "300", "0.001", "86400",
	    "seconds between two sweeps of expired sessions" },
	{ "max_sessions", CONF_WHOLE, CONF(max_sessions), "1000000", "1",
	    "1000000000",
	    "sessions at a time; beyond, new ones are refused "
	    "(503 session_capacity), live ones are never evicted" },
	{ "memory_limit", CONF_BYTES, CONF(memory_limit), "512M", "64K",
	    "1024G",
	    "memory of all sessions together; beyond, new ones are refused "
	    "(503 session_capacity)" },
	{ "session_max_messages", CONF_WHOLE, CONF(session_max_messages), "200",
	    "2", "1000000",
	    "messages kept of a session; beyond, its oldest "
	    "question-answer pairs are dropped" },
	{ "session_max_bytes", CONF_BYTES, CONF(session_max_bytes), "256K",
	    "1K", "64M",
	    "text kept of a session; beyond, its oldest question-answer pairs "
	    "are dropped" },
	{ "message_max_bytes", CONF_BYTES, CONF(message_max_bytes), "16K", "1",
	    "1M", "length of a message (413 message_too_long)" },
	{ "request_max_bytes", CONF_BYTES, CONF(request_max_bytes), "64K",
	    "256", "16M", "length of a request's body (413 body_too_large)" },
	{ "base_path", CONF_BASE_PATH, CONF(base_path), "", NULL, NULL,
	    "path below which all routes stand" },
	{ "allowed_origins", CONF_ORIGINS, CONF(allowed_origins), "", NULL,
	    NULL,
	    "other sites whose pages may use the service (CORS), separated by "
	    "commas; *: all; without it, only pages of its own origin" },
	{ "session_cookie", CONF_TOKEN, CONF(session_cookie), "", NULL, NULL,
	    "name of a cookie that carries the session id as well; without "
	    "it, none" },
	{ "context_messages", CONF_WHOLE, CONF(context_messages), "40", "0",
	    "1000000", "messages of the history that go into a prompt" },
	{ "context_bytes", CONF_BYTES, CONF(context_bytes), "32K", "0", "64M",
	    "text of the history that goes into a prompt" },
	{ "turn_wait_seconds", CONF_SECONDS, CONF(turn_wait_ms), "60", "0",
	    "3600",
	    "seconds that a message waits for the answer before it "
	    "(then 409 session_busy)" },
	{ "articles", CONF_FILE_READ_ANEW, CONF(articles), "", NULL, NULL,
	    "collection that answers are searched in: JSON Lines (title, url, "
	    "date, text) or an index (--index); reloaded when it changes; "
	    "without it, the built-in samples" },
	{ "articles_max", CONF_WHOLE, CONF(articles_max), "50000", "1",
	    "1000000", "articles in a collection; a larger one is refused" },
	{ "articles_memory", CONF_BYTES, CONF(articles_memory), "512M", "1M",
	    "16G",
	    "memory of a collection with its index; a larger one is refused; "
	    "while one replaces another, both are in memory" },
	{ "article_max_bytes", CONF_BYTES, CONF(article_max_bytes), "256K",
	    "1K", "4M", "length of an article; a longer one is refused" },
	{ "sources_threshold", CONF_HUNDREDTHS, CONF(sources_threshold), "0.75",
	    "0", "3",
	    "least share of a question's words, by weight, that an article "
	    "must have to answer it" },
	{ "follow_weight", CONF_HUNDREDTHS, CONF(follow_weight), "0.3", "0",
	    "1", "weight of the previous question's words in a search" },
	{ "recency", CONF_RECENCY, CONF(recency), "0.1/30", NULL, NULL,
	    "how much more an article of today counts than an old one, and "
	    "the days in which that halves" },
	{ "recency_news", CONF_RECENCY, CONF(recency_news), "0.5/180", NULL,
	    NULL, "as recency, for a question that asks for what is new" },
	{ "grounding", CONF_GROUNDING, CONF(grounding), "auto", NULL, NULL,
	    "whether the language model gets the articles that a question is "
	    "about; only: what no article answers is not asked; auto: on "
	    "where articles is set" },
	{ "fallback", CONF_FALLBACK, CONF(fallback), "auto", NULL, NULL,
	    "whether the articles answer where the language model cannot; "
	    "auto: on where answers are grounded" },
	{ "sources_max", CONF_WHOLE, CONF(sources_max), "6", "1", "20",
	    "articles that the language model gets with a question" },
	{ "sources_bytes", CONF_BYTES, CONF(sources_bytes), "12K", "1K", "256K",
	    "length of what it gets of them" },
	{ "prompt_bytes", CONF_BYTES, CONF(prompt_bytes), "64K", "4K", "16M",
	    "length of a prompt with articles; beyond, the oldest messages "
	    "are left out, then articles" },
	{ "citations", CONF_CITATIONS, CONF(citations), "markers", NULL, NULL,
	    "how an answer names its sources: [1] (markers), the same as a "
	    "link in Markdown (links), or not at all (off)" },
	{ "links", CONF_LINKS, CONF(links), "sources", NULL, NULL,
	    "the addresses that an answer may have: only those of its sources, "
	    "or any" },
	{ "unanswered_log", CONF_UNANSWERED, CONF(unanswered_log), "none", NULL,
	    NULL,
	    "what the log has of a question that no article answers: nothing, "
	    "or those of its words that stand in three articles at least" },
	{ "system_prompt_file", CONF_FILE, CONF(system_prompt_file), "", NULL,
	    NULL,
	    "what the language model is told before a conversation; {date} "
	    "and {time} are replaced; without it, a built-in text" },
	{ "responder", CONF_RESPONDER, CONF(responder), "auto", NULL, NULL,
	    "what answers: the language model (openai) or the articles "
	    "(local); auto: openai when llm_base_url is set" },
	{ "llm_base_url", CONF_URL, CONF(llm_base_url), "", NULL, NULL,
	    "an OpenAI-compatible API; /chat/completions is appended, before "
	    "a query" },
	{ "llm_model", CONF_NAME, CONF(llm_model), "", NULL, NULL,
	    "the language model's name there" },
	{ "llm_api_key", CONF_SECRET, CONF(llm_api_key), "", NULL, NULL,
	    "the key to it; never on the command line" },
	{ "llm_api_key_file", CONF_FILE, CONF(llm_api_key_file), "", NULL, NULL,
	    "a file with the key alone, instead of llm_api_key" },
	{ "llm_headers_file", CONF_FILE, CONF(llm_headers_file), "", NULL, NULL,
	    "a file with additional headers for calls to the API, one "
	    "\"Name: value\" a line; as secret as the key" },
	{ "llm_proxy", CONF_PROXY, CONF(llm_proxy), "", NULL, NULL,
	    "the proxy that the API is called through; the environment's is "
	    "never used" },
	{ "llm_proxy_user_file", CONF_FILE, CONF(llm_proxy_user_file), "", NULL,
	    NULL, "a file with a line user:password for that proxy" },
	{ "llm_ca_file", CONF_FILE, CONF(llm_ca_file), "", NULL, NULL,
	    "certificates (PEM) of the authorities that the API's certificate "
	    "is checked against, instead of the system's" },
	{ "llm_temperature", CONF_HUNDREDTHS, CONF(llm_temperature), "0.7", "0",
	    "2", "how freely the language model chooses its words" },
	{ "llm_max_tokens", CONF_WHOLE, CONF(llm_max_tokens), "1024", "1",
	    "1000000", "tokens of an answer" },
	{ "llm_max_tokens_field", CONF_TOKENS_FIELD, CONF(llm_max_tokens_field),
	    "auto", NULL, NULL,
	    "the API's name for llm_max_tokens; auto: max_tokens, and the "
	    "other one when that is refused" },
	{ "llm_connect_timeout_seconds", CONF_SECONDS, CONF(llm_connect_ms),
	    "5", "0.001", "3600",
	    "seconds to look up the API's server and to connect to it" },
	{ "llm_first_token_seconds", CONF_SECONDS, CONF(llm_first_token_ms),
	    "60", "0.001", "3600",
	    "seconds of silence until the answer begins" },
	{ "llm_stall_seconds", CONF_SECONDS, CONF(llm_stall_ms), "30", "0.001",
	    "3600", "seconds of silence within an answer" },
	{ "llm_timeout_seconds", CONF_SECONDS, CONF(llm_whole_ms), "180",
	    "0.001", "3600", "seconds for an answer, retries included" },
	{ "llm_retries", CONF_WHOLE, CONF(llm_retries), "2", "0", "10",
	    "retries when the API is busy, fails or refuses connections, "
	    "before any text came" },
	{ "rate_new", CONF_RATE, CONF(rate_new), "20/60", NULL, NULL,
	    "new sessions of one client address (IPv6: one /64): a bucket of "
	    "so many that fills in so many seconds; beyond, 429 rate_limited; "
	    "0 also lets ids be guessed at any speed" },
	{ "rate_chat", CONF_RATE, CONF(rate_chat), "30/60", NULL, NULL,
	    "messages of one client address; a bucket as for rate_new" },
	{ "sessions_per_ip", CONF_WHOLE, CONF(sessions_per_ip), "100", "0",
	    "1000000000",
	    "live sessions of one client address (429 too_many_sessions); "
	    "0: no limit" },
	{ "turns_per_ip", CONF_WHOLE, CONF(turns_per_ip), "8", "0", "1000000",
	    "messages of one client address that are being answered or wait "
	    "for it (429 too_many_turns); 0: no limit" },
	{ "tokens_per_day", CONF_WHOLE, CONF(tokens_per_day), "0", "0",
	    "1000000000000000",
	    "tokens of the language model that all clients together may use "
	    "from midnight to midnight, UTC (429 budget_exhausted); 0: no "
	    "limit" },
	{ "tokens_per_ip_per_day", CONF_AUTO_WHOLE, CONF(tokens_per_ip_per_day),
	    "auto", NULL, NULL,
	    "tokens that one client address may use in that time; its network "
	    "(IPv4 /24, IPv6 /48) may use four times as many; auto: a tenth "
	    "of tokens_per_day; 0: no limit" },
	{ "trusted_proxies", CONF_ADDRESSES, CONF(trusted_proxies), "", NULL,
	    NULL,
	    "the proxies whose X-Forwarded-For is trusted; without them, the "
	    "client is whatever connects to the web server" },
	{ "listen", CONF_LISTEN, CONF(listen), "", NULL, NULL,
	    "where to listen, as -l; without it, on descriptor 0 when it is "
	    "a listening socket, else on systemd's descriptor 3" },
	{ "allow_remote", CONF_YESNO, CONF(allow_remote), "no", NULL, NULL,
	    "whether it may listen on an address that is not loopback" },
	{ "threads", CONF_WHOLE, CONF(threads), "0", "0", "256",
	    "event loops; 0: one per core" },
	{ "owner_dir", CONF_FILE, CONF(owner_dir), "", NULL, NULL,
	    "directory of the owner of the sessions, for a web server that "
	    "starts several processes, and for restarts that lose none; "
	    "created with mode 0700 when its parent exists" },
	{ "owner_linger_seconds", CONF_SECONDS, CONF(owner_linger_ms), "0", "0",
	    "31536000",
	    "seconds that an owner stays without a web server, longer while "
	    "there are sessions; 0: session_timeout_minutes" },
	{ "log_level", CONF_LEVEL, CONF(log_level), "info", NULL, NULL,
	    "least important level that is logged; requests have info" },
	{ "log_format", CONF_LOG_FORMAT, CONF(log_format), "logfmt", NULL, NULL,
	    "how a line of the log looks: key=value, or an object in JSON" },
	{ "log_target", CONF_LOG_TARGET, CONF(log_target), "stderr", NULL, NULL,
	    "where the log goes; a file is created when it does not exist, and "
	    "reopened on SIGHUP" },
	{ "log_client", CONF_LOG_CLIENT, CONF(log_client), "prefix", NULL, NULL,
	    "what the log shows of a client's address: full, only its "
	    "network (prefix: /24 or /48), or none" },
};
const size_t conf_settings_count = sizeof(conf_settings) /
                                   sizeof(conf_settings[0]);

_Static_assert(
    sizeof(conf_settings) / sizeof(conf_settings[0]) <= CONF_MAX_SETTINGS,
    "raise CONF_MAX_SETTINGS");

const struct conf_setting *
conf_find(const char *key)
{
	size_t i;

	for (i = 0; i < conf_settings_count; i++)
		if (strcmp(conf_settings[i].key, key) == 0)
			return &conf_settings[i];
	return NULL;
}

/* A scheme in capitals is the same, and nobody else has to know of it. */
static void
tidy_url(char *url)
{
	size_t n = strlen(url);

	while (n > 0 && url[n - 1] == '/')
		url[--n] = '\0';
	for (; *url != ':' && *url != '\0'; url++)
		*url = (char)tolower((unsigned char)*url);
}

static void
forget(char **member, const struct conf_kind_rule *kind)
{
	if (kind->flags & CONF_IS_SECRET && *member != NULL)
		explicit_bzero(*member, strlen(*member));
	free(*member);
	*member = NULL;
}

static enum conf_result
set_text(char **member, const struct conf_kind_rule *kind, const char *value)
{
	char *copy = NULL;

	if ((*value != '\0' || kind->flags & CONF_KEEPS_EMPTY) &&
	    (copy = strdup(value)) == NULL)
		return CONF_NOMEM;
	if (kind->flags & CONF_IS_URL && copy != NULL)
		tidy_url(copy);
	forget(member, kind);
	*member = copy;
	return CONF_SET;
}

static bool
in_range(const struct conf_setting *st, uint64_t n)
{
	conf_number_f *number = conf_kinds[st->kind].number;
	uint64_t min, max;

	return st->min == NULL ||
	       (number(&min, st->min) && number(&max, st->max) && min <= n &&
		   n <= max);
}

/* As they stand in files of shells, and as word processors make them. */
static bool
is_quoted(const char *value)
{
	static const char *const quotes[] = { "\"", "'", "`", "\u2018",
		"\u201c", "\u00ab" };

	for (size_t i = 0; i < sizeof(quotes) / sizeof(quotes[0]); i++)
		if (strncmp(value, quotes[i], strlen(quotes[i])) == 0)
			return true;
	return false;
}

const char *
conf_fault(const struct conf_setting *st, const char *value)
{
	const struct conf_kind_rule *kind = &conf_kinds[st->kind];
	uint64_t n;

	if (is_quoted(value))
		return "leave out the quotes";
	if (kind->number == NULL)
		return kind->fault(value);
	return kind->number(&n, value) && in_range(st, n) ? NULL : "";
}

enum conf_result
conf_set(struct conf *cf, const struct conf_setting *st, const char *value)
{
	const struct conf_kind_rule *kind = &conf_kinds[st->kind];
	void *member = (char *)cf + st->offset;
	uint64_t n;

	if (conf_fault(st, value) != NULL)
		return CONF_REFUSED;
	if (kind->number == NULL)
		return set_text(member, kind, value);
	kind->number(&n, value);
	kind->store(member, n);
	return CONF_SET;
}

void
conf_free(struct conf *cf)
{
	const struct conf_setting *st = conf_settings;
	size_t i;

	forget(&cf->llm_headers, &conf_kinds[CONF_SECRET]);
	forget(&cf->llm_proxy_user, &conf_kinds[CONF_SECRET]);
	for (i = 0; i < conf_settings_count; i++, st++)
		if (conf_kinds[st->kind].number == NULL)
			forget((void *)((char *)cf + st->offset),
			    &conf_kinds[st->kind]);
}

void
conf_allowed(char out[CONF_ALLOWED_SIZE], const struct conf_setting *st)
{
	const char *noun = conf_kinds[st->kind].noun;

	if (st->min == NULL)
		snprintf(out, CONF_ALLOWED_SIZE, "%s", noun);
	else
		snprintf(out, CONF_ALLOWED_SIZE, "%s, %s to %s", noun, st->min,
		    st->max);
}
