/*
 * The configuration: one table of settings feeds the reader of files, the
 * environment and the command line, the help, the manual page and
 * docs/operating.md. Once loaded it does not change.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "log/log.h"

/* What the setting `responder` may name besides auto; each is a row of the
 * table in service/responder_kinds.c. */
#define CONF_RESPONDERS(X)                                                     \
	X(CONF_RESPONDER_LOCAL, "local")                                       \
	X(CONF_RESPONDER_OPENAI, "openai")

#define CONF_RESPONDER_ENUM(value, word) value,
enum conf_responder {
	CONF_RESPONDER_AUTO,		/* openai when llm_base_url is set */
	CONF_RESPONDERS(CONF_RESPONDER_ENUM)
	CONF_RESPONDER_COUNT,
};
#undef CONF_RESPONDER_ENUM

/* The words of the setting. */
extern const char *const conf_responders[CONF_RESPONDER_COUNT];

enum conf_tokens_field {
	CONF_TOKENS_AUTO,
	CONF_TOKENS_MAX,		/* max_tokens */
	CONF_TOKENS_COMPLETION,		/* max_completion_tokens */
};

/* Auto: on where there is a collection of articles. */
enum conf_grounding {
	CONF_GROUNDING_AUTO,
	CONF_GROUNDING_OFF,
	CONF_GROUNDING_ON,
	CONF_GROUNDING_ONLY,		/* nothing found: nothing is asked */
};

enum conf_fallback {
	CONF_FALLBACK_AUTO,		/* on where the chat is grounded */
	CONF_FALLBACK_ON,
	CONF_FALLBACK_OFF,
};

enum conf_citations {
	CONF_CITATIONS_MARKERS,
	CONF_CITATIONS_LINKS,
	CONF_CITATIONS_OFF,
};

enum conf_links {
	CONF_LINKS_SOURCES,
	CONF_LINKS_ANY,
};

enum conf_unanswered {
	CONF_UNANSWERED_NONE,
	CONF_UNANSWERED_WORDS,
};

#define CONF_RATE_MAX_COUNT 1000000
#define CONF_RATE_MAX_SECONDS 86400

struct conf_rate {
	uint32_t	count;			/* 0: no limit */
	uint32_t	seconds;		/* not 0 */
};

/* How much newer articles are preferred. */
struct conf_recency {
	double		weight;
	double		days;			/* not 0 */
};

#define CONF_AUTO UINT64_MAX	/* of a number that may be "auto" */

struct conf {
	/* sessions */
	int64_t		 session_timeout_ms;
	int64_t		 cleanup_interval_ms;
	uint64_t	 max_sessions;
	uint64_t	 memory_limit;		/* bytes */
	uint64_t	 session_max_messages;
	uint64_t	 session_max_bytes;

	/* requests */
	uint64_t	 message_max_bytes;
	uint64_t	 request_max_bytes;
	char		*base_path;		/* "" or "/api/chatbot" */
	char		*allowed_origins;	/* of origins.h; NULL: none */
	char		*session_cookie;	/* its name; NULL: none */

	/* turns */
	uint64_t	 context_messages;
	uint64_t	 context_bytes;
	int64_t		 turn_wait_ms;

	/* articles */
	char		*articles;		/* path, NULL: the samples */
	uint64_t	 articles_max;
	uint64_t	 articles_memory;	/* bytes */
	uint64_t	 article_max_bytes;
	double		 sources_threshold;
	double		 follow_weight;
	struct conf_recency recency;
	struct conf_recency recency_news;

	/* answers that go by them */
	int		 grounding;		/* enum conf_grounding */
	int		 fallback;		/* enum conf_fallback */
	uint64_t	 sources_max;
	uint64_t	 sources_bytes;
	uint64_t	 prompt_bytes;
	int		 citations;		/* enum conf_citations */
	int		 links;			/* enum conf_links */
	int		 unanswered_log;	/* enum conf_unanswered */

	/* answers; unless said, a text is NULL when it is not set */
	int		 responder;		/* enum conf_responder */
	char		*system_prompt_file;
	char		*llm_base_url;		/* no slash at its end */
	char		*llm_model;		/* set when base_url is used */
	char		*llm_api_key;		/* a secret; its file's, too */
	char		*llm_api_key_file;
	char		*llm_headers_file;
	char		*llm_headers;		/* its lines, secrets */
	char		*llm_proxy;
	char		*llm_proxy_user_file;
	char		*llm_proxy_user;	/* user:password, a secret */
	char		*llm_ca_file;
	double		 llm_temperature;
	uint64_t	 llm_max_tokens;
	int		 llm_max_tokens_field;	/* enum conf_tokens_field */
	int64_t		 llm_connect_ms;
	int64_t		 llm_first_token_ms;
	int64_t		 llm_stall_ms;
	int64_t		 llm_whole_ms;
	uint64_t	 llm_retries;

	/* clients */
	struct conf_rate rate_new;
	struct conf_rate rate_chat;
	uint64_t	 sessions_per_ip;	/* 0: no limit */
	uint64_t	 turns_per_ip;		/* likewise */
	uint64_t	 tokens_per_day;	/* likewise */
	uint64_t	 tokens_per_ip_per_day;	/* likewise; or CONF_AUTO */
	char		*trusted_proxies;	/* addr_set_parse's, or NULL */

	/* the process */
	char		*listen;		/* NULL: an inherited socket */
	bool		 allow_remote;
	uint64_t	 threads;		/* 0: one per core */
	char		*owner_dir;		/* path, NULL: none */
	int64_t		 owner_linger_ms;
	int		 log_level;		/* enum log_level */
	int		 log_format;		/* enum log_format */
	char		*log_target;		/* log_target_open's */
	int		 log_client;		/* enum addr_shown */

	/* not settings: what --index is given, argv's */
	const char	*index_from;
	const char	*index_to;
};

/* What the command line asks for. */
enum conf_action {
	CONF_RUN,
	CONF_TEST,			/* -t: check, then exit */
	CONF_VERSION,			/* -V */
	CONF_HELP,			/* -h */
	CONF_INDEX,			/* --index: index_from, index_to */
	CONF_OWNER_STATUS,		/* --owner-status */
	CONF_OWNER_STOP,		/* --owner-stop */
	CONF_INVALID,			/* a message was put into err */
};

/*
 * Read the command line, the environment (CAUSERIE_KEY) and the file of -f;
 * a value from an earlier one of these wins. A secret is refused on the command
 * line; those that stand in files are read from them. On
 * CONF_INVALID err holds one line for a person: where (file and line, variable
 * or argument), the key, the allowed range and the value, unless that may be a
 * secret. A variable without a value is as good as none, and an unknown
 * CAUSERIE_ variable is logged as a warning. The caller frees with conf_free
 * whatever the result.
 */
enum conf_action conf_load(struct conf *, int argc, char *const *argv,
    char *const *envp, struct err *err);

/* Secrets are overwritten first. */
void conf_free(struct conf *);

#endif
