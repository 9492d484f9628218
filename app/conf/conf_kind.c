/* How each kind of value is written, apart from the settings that have it. */
#include "conf/conf_kind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/origins.h"
#include "conf/conf.h"
#include "log/log.h"
#include "log/log_target.h"

#define DIGITS "0123456789"
#define UNRESERVED \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "-._~"
#define MAX_TOKEN     64   /* bytes */
#define MAX_FRACTION  12   /* digits behind the point */
#define MAX_BASE_PATH 200  /* bytes */
#define MAX_TEXT      4000 /* bytes */
#define MAX_RATE      1000000
#define MAX_PERIOD    86400 /* seconds */
#define MAX_URL       2000  /* bytes behind the scheme */

static bool
read_whole(uint64_t *out, const char *s)
{
	size_t n = strspn(s, DIGITS);

	errno = 0;
	*out = strtoull(s, NULL, 10);
	return n > 0 && s[n] == '\0' && errno == 0;
}

static bool
read_bytes(uint64_t *out, const char *s)
{
	static const char units[] = "KMG";
	size_t n = strspn(s, DIGITS);
	const char *unit;
	unsigned shift = 0;

	if (n == 0)
		return false;
	if (s[n] != '\0') {
		if ((unit = strchr(units, s[n])) == NULL || s[n + 1] != '\0')
			return false;
		shift = 10 * (unsigned)(unit - units + 1);
	}
	errno = 0;
	*out = strtoull(s, NULL, 10);
	if (errno != 0 || *out > UINT64_MAX >> shift)
		return false;
	*out <<= shift;
	return true;
}

/* In whole numbers, because strtod() asks the locale for the point. */
static bool
read_decimal(uint64_t *out, const char *s, uint64_t unit)
{
	size_t whole = strspn(s, DIGITS), digits = 0, i;
	const char *end = s + whole;
	uint64_t fraction = 0, scale = 1;

	if (*end == '.') {
		digits = strspn(end + 1, DIGITS);
		if (digits == 0 || digits > MAX_FRACTION)
			return false;
		fraction = strtoull(end + 1, NULL, 10);
		end += 1 + digits;
	}
	for (i = 0; i < digits; i++)
		scale *= 10;
	errno = 0;
	*out = strtoull(s, NULL, 10);
	if (whole == 0 || *end != '\0' || errno != 0 ||
	    *out >= UINT64_MAX / unit)
		return false;
	*out = *out * unit + fraction * unit / scale;
	return true;
}

static bool
read_minutes(uint64_t *out, const char *s)
{
	return read_decimal(out, s, 60000);
}

static bool
read_seconds(uint64_t *out, const char *s)
{
	return read_decimal(out, s, 1000);
}

static bool
read_yesno(uint64_t *out, const char *s)
{
	*out = strcmp(s, "yes") == 0;
	return *out || strcmp(s, "no") == 0;
}

static bool
read_level(uint64_t *out, const char *s)
{
	enum log_level level;

	if (!log_level_parse(&level, s))
		return false;
	*out = level;
	return true;
}

static bool
read_hundredths(uint64_t *out, const char *s)
{
	const char *point = strchr(s, '.');

	return (point == NULL || strlen(point) <= 3) &&
	       read_decimal(out, s, 100);
}

/* The index of a word in an enum. */
static bool
read_word(uint64_t *out, const char *s, const char *const *words, size_t n)
{
	for (*out = 0; *out < n; ++*out)
		if (strcmp(s, words[*out]) == 0)
			return true;
	return false;
}

static bool
read_responder(uint64_t *out, const char *s)
{
	static const char *const words[] = {
		[CONF_RESPONDER_AUTO] = "auto",
		[CONF_RESPONDER_LOCAL] = "local",
		[CONF_RESPONDER_OPENAI] = "openai",
	};

	return read_word(out, s, words, sizeof(words) / sizeof(words[0]));
}

static bool
read_tokens_field(uint64_t *out, const char *s)
{
	static const char *const words[] = {
		[CONF_TOKENS_AUTO] = "auto",
		[CONF_TOKENS_MAX] = "max_tokens",
		[CONF_TOKENS_COMPLETION] = "max_completion_tokens",
	};

	return read_word(out, s, words, sizeof(words) / sizeof(words[0]));
}

/* "20/60", or "0". */
static bool
read_rate(uint64_t *out, const char *s)
{
	char *end;
	uint64_t count = strtoull(s, &end, 10), seconds = 1;

	if (strspn(s, DIGITS) == 0 || count > MAX_RATE)
		return false;
	if (*end == '/') {
		s = end + 1;
		seconds = strtoull(s, &end, 10);
		if (strspn(s, DIGITS) == 0)
			return false;
	} else if (count != 0) {
		return false;
	}
	*out = seconds << 32 | count;
	return *end == '\0' && seconds > 0 && seconds <= MAX_PERIOD;
}

static bool
read_log_format(uint64_t *out, const char *s)
{
	static const char *const words[] = {
		[LOG_FORMAT_LOGFMT] = "logfmt",
		[LOG_FORMAT_JSON] = "json",
	};

	return read_word(out, s, words, sizeof(words) / sizeof(words[0]));
}

static bool
read_log_client(uint64_t *out, const char *s)
{
	static const char *const words[] = {
		[ADDR_FULL] = "full",
		[ADDR_PREFIX] = "prefix",
		[ADDR_NONE] = "none",
	};

	return read_word(out, s, words, sizeof(words) / sizeof(words[0]));
}

static bool
is_text(const char *s)
{
	size_t i;

	for (i = 0; s[i] != '\0'; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			return false;
	return i <= MAX_TEXT;
}

/* Segments that a web server or a client would rewrite are left out too. */
static bool
is_base_path(const char *s)
{
	size_t n;

	if (strlen(s) > MAX_BASE_PATH)
		return false;
	while (*s != '\0') {
		if (*s++ != '/')
			return false;
		n = strspn(s, UNRESERVED);
		if (strspn(s, ".") == n)
			return false;
		s += n;
	}
	return true;
}

/* Fit for a header of HTTP, and for JSON. */
static bool
is_visible(const char *s)
{
	size_t i;

	for (i = 0; s[i] != '\0'; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return false;
	return i <= MAX_TEXT;
}

/* [v6], a name or an address, perhaps with a port; n bytes. */
static bool
is_authority(const char *s, size_t n)
{
	static const char v6[] = DIGITS "abcdefABCDEF:.";
	size_t host = strspn(s, UNRESERVED), port;

	if (*s == '[') {
		host = 1 + strspn(s + 1, v6);
		if (host < 3 || s[host++] != ']')
			return false;
	}
	if (host == 0 || host == n)
		return host == n && n > 0;
	port = strspn(s + host + 1, DIGITS);
	return s[host] == ':' && port > 0 && host + 1 + port == n &&
	       strtoul(s + host + 1, NULL, 10) > 0 &&
	       strtoul(s + host + 1, NULL, 10) <= UINT16_MAX;
}

static bool
is_url(const char *s)
{
	static const char path[] = UNRESERVED "/%!$&'()*+,;=:@";
	size_t n;

	if (*s == '\0')
		return true;
	if (strncmp(s, "http://", 7) == 0)
		s += 7;
	else if (strncmp(s, "https://", 8) == 0)
		s += 8;
	else
		return false;
	n = strcspn(s, "/");
	return is_authority(s, n) && s[n + strspn(s + n, path)] == '\0' &&
	       strlen(s) <= MAX_URL;
}

static bool
is_addresses(const char *s)
{
	struct addr_set set;

	return addr_set_parse(&set, s);
}

/* Less than RFC 9110, section 5.6.2, has: what needs no quoting anywhere. */
static bool
is_token(const char *s)
{
	size_t n = strspn(s, UNRESERVED);

	return n <= MAX_TOKEN && s[n] == '\0';
}

static bool
is_log_target(const char *s)
{
	return is_text(s) && log_target_valid(s);
}

const struct conf_kind_rule conf_kinds[] = {
	[CONF_WHOLE] = { "a whole number", read_whole, NULL },
	[CONF_BYTES] = { "bytes, or with K, M or G", read_bytes, NULL },
	[CONF_MINUTES] = { "a number", read_minutes, NULL },
	[CONF_SECONDS] = { "a number", read_seconds, NULL },
	[CONF_YESNO] = { "yes or no", read_yesno, NULL },
	[CONF_LEVEL] = { "debug, info, notice, warn, error or fatal",
	    read_level, NULL },
	[CONF_BASE_PATH] = { "a path such as /api/chatbot", NULL,
	    is_base_path },
	[CONF_FILE] = { "a file", NULL, is_text },
	[CONF_LISTEN] = { "unix:/path, 127.0.0.1:port or [::1]:port", NULL,
	    is_text },
	[CONF_NAME] = { "a name of ASCII characters without blanks", NULL,
	    is_visible },
	[CONF_URL] = { "an http or https URL without user, query or fragment",
	    NULL, is_url },
	[CONF_SECRET] = { "a key of ASCII characters without blanks", NULL,
	    is_visible },
	[CONF_HUNDREDTHS] = { "a number with at most two decimals",
	    read_hundredths, NULL },
	[CONF_RESPONDER] = { "auto, local or openai", read_responder, NULL },
	[CONF_ORIGINS] = { "* or scheme://host[:port], ..., in lower case, as "
			   "punycode, without path and default port",
	    NULL, origins_valid },
	[CONF_TOKEN] = { "at most 64 letters, digits and - . _ ~", NULL,
	    is_token },
	[CONF_TOKENS_FIELD] = { "auto, max_tokens or max_completion_tokens",
	    read_tokens_field, NULL },
	[CONF_RATE] = { "count/seconds, up to 1000000/86400, or 0: no limit",
	    read_rate, NULL },
	[CONF_ADDRESSES] = { "addresses and networks such as 10.0.0.0/8, "
			     "with commas between them",
	    NULL, is_addresses },
	[CONF_LOG_FORMAT] = { "logfmt or json", read_log_format, NULL },
	[CONF_LOG_TARGET] = { "stderr, syslog or /path/of/file", NULL,
	    is_log_target },
	[CONF_LOG_CLIENT] = { "full, prefix or none", read_log_client, NULL },
};
