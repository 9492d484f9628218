/*
 * The kinds of value that a setting can have: what a person may write, how it
 * is read, and what stands in struct conf. A kind is one row of this list, so
 * that none can lack a part. For conf_table.c, conf_hash.c and the tests.
 */
#ifndef CONF_CONF_KIND_H
#define CONF_CONF_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * NUMBER(name, type of the member, reader, writer of the member, noun)
 * TEXT(name, check, flags, noun): the member is a char *, NULL when empty
 *
 * The noun says what a value must be, for a person: "must be a whole number".
 */
#define CONF_KIND_LIST(NUMBER, TEXT)					\
	NUMBER(CONF_WHOLE, uint64_t, conf_read_whole, conf_store_whole,	\
	    "a whole number")						\
	NUMBER(CONF_AUTO_WHOLE, uint64_t, conf_read_auto_whole,		\
	    conf_store_whole,						\
	    "auto or a whole number up to 1000000000000000")		\
	NUMBER(CONF_BYTES, uint64_t, conf_read_bytes, conf_store_whole,	\
	    "a size in bytes, or with K, M or G")			\
	NUMBER(CONF_MINUTES, int64_t, conf_read_minutes, conf_store_ms,	\
	    "a number")							\
	NUMBER(CONF_SECONDS, int64_t, conf_read_seconds, conf_store_ms,	\
	    "a number")							\
	NUMBER(CONF_HUNDREDTHS, double, conf_read_hundredths,		\
	    conf_store_hundredths,					\
	    "a number with at most two decimals")			\
	NUMBER(CONF_RATE, struct conf_rate, conf_read_rate, conf_store_rate, \
	    "count/seconds, up to 1000000/86400, or 0: no limit")	\
	NUMBER(CONF_RECENCY, struct conf_recency, conf_read_recency,	\
	    conf_store_recency, "weight/days, up to 5/3650")		\
	NUMBER(CONF_YESNO, bool, conf_read_yesno, conf_store_yesno,	\
	    "yes or no")						\
	NUMBER(CONF_LEVEL, int, conf_read_level, conf_store_word,	\
	    "debug, info, notice, warn, error or fatal")		\
	NUMBER(CONF_RESPONDER, int, conf_read_responder, conf_store_word, \
	    "auto, local or openai")					\
	NUMBER(CONF_TOKENS_FIELD, int, conf_read_tokens_field,		\
	    conf_store_word,						\
	    "auto, max_tokens or max_completion_tokens")		\
	NUMBER(CONF_GROUNDING, int, conf_read_grounding, conf_store_word, \
	    "auto, off, on or only")					\
	NUMBER(CONF_FALLBACK, int, conf_read_fallback, conf_store_word,	\
	    "auto, on or off")						\
	NUMBER(CONF_CITATIONS, int, conf_read_citations, conf_store_word, \
	    "markers, links or off")					\
	NUMBER(CONF_LINKS, int, conf_read_links, conf_store_word,	\
	    "sources or any")						\
	NUMBER(CONF_UNANSWERED, int, conf_read_unanswered, conf_store_word, \
	    "none or words")						\
	NUMBER(CONF_LOG_FORMAT, int, conf_read_log_format, conf_store_word, \
	    "logfmt or json")						\
	NUMBER(CONF_LOG_CLIENT, int, conf_read_log_client, conf_store_word, \
	    "full, prefix or none")					\
	TEXT(CONF_BASE_PATH, conf_fault_base_path, CONF_KEEPS_EMPTY,	\
	    "a path such as /api/chatbot")				\
	TEXT(CONF_FILE, conf_fault_file, CONF_NAMES_FILE,		\
	    "a path")							\
	TEXT(CONF_FILE_READ_ANEW, conf_fault_file, 0,			\
	    "a path")							\
	TEXT(CONF_LISTEN, conf_fault_text, 0,				\
	    "unix:/path, 127.0.0.1:port or [::1]:port")			\
	TEXT(CONF_NAME, conf_fault_name, 0,				\
	    "a name in UTF-8")						\
	TEXT(CONF_URL, conf_fault_url, CONF_IS_URL,			\
	    "an http or https URL without user or fragment")		\
	TEXT(CONF_PROXY, conf_fault_proxy, 0,				\
	    "http://host:port, https://host:port or socks5h://host:port") \
	TEXT(CONF_SECRET, conf_fault_secret, CONF_IS_SECRET,		\
	    "a key of ASCII characters without blanks")			\
	TEXT(CONF_ORIGINS, conf_fault_origins, 0,			\
	    "* or scheme://host[:port], ..., in lower case, as punycode, " \
	    "without path and default port")				\
	TEXT(CONF_TOKEN, conf_fault_token, 0,				\
	    "at most 64 letters, digits and - . _ ~")			\
	TEXT(CONF_ADDRESSES, conf_fault_addresses, 0,			\
	    "addresses and networks such as 10.0.0.0/8, separated "	\
	    "by commas")						\
	TEXT(CONF_LOG_TARGET, conf_fault_log_target, 0,			\
	    "stderr, syslog or /path/of/file")

#define CONF_KIND_NUMBER(name, type, read, store, noun) name,
#define CONF_KIND_TEXT(name, fault, flags, noun) name,
enum conf_kind {
	CONF_KIND_LIST(CONF_KIND_NUMBER, CONF_KIND_TEXT)
	CONF_KINDS			/* how many there are */
};
#undef CONF_KIND_NUMBER
#undef CONF_KIND_TEXT

enum {
	CONF_KEEPS_EMPTY = 1 << 0,	/* "" and not NULL when empty */
	CONF_NAMES_FILE = 1 << 1,	/* whose state counts as well */
	CONF_IS_URL = 1 << 2,		/* no slash at its end */
	CONF_IS_SECRET = 1 << 3,	/* never shown, never an argument */
};

/*
 * Read a number: true, and *out in the unit of the kind's member (hundredths
 * for CONF_HUNDREDTHS; for CONF_RATE its count, and its seconds << 32; for
 * CONF_RECENCY the weight's hundredths, and the days << 32), when
 * the whole text is one; *out is undefined otherwise.
 */
typedef bool conf_number_f(uint64_t *out, const char *);

/* Put what was read into the member. */
typedef void conf_store_f(void *member, uint64_t);

/*
 * What is wrong with a text of the kind, for a person who knows the noun; "":
 * the noun says it all; NULL: nothing.
 */
typedef const char *conf_fault_f(const char *);

struct conf_kind_rule {
	const char	*noun;
	size_t		 size;		/* of the member */
	conf_number_f	*number;	/* NULL: it is a text */
	conf_store_f	*store;		/* likewise */
	conf_fault_f	*fault;		/* NULL: it is a number */
	unsigned	 flags;
};

/* By enum conf_kind. */
extern const struct conf_kind_rule conf_kinds[CONF_KINDS];

/* The functions of the list, in conf_number.c and in conf_text.c. */
#define CONF_KIND_NUMBER(name, type, read, store, noun)			\
	conf_number_f read;						\
	conf_store_f store;
#define CONF_KIND_TEXT(name, fault, flags, noun) conf_fault_f fault;
CONF_KIND_LIST(CONF_KIND_NUMBER, CONF_KIND_TEXT)
#undef CONF_KIND_NUMBER
#undef CONF_KIND_TEXT

#endif
