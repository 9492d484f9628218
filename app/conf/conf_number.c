/* What becomes a number: quantities, times, words of a list. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "conf/conf.h"
#include "conf/conf_kind.h"
#include "log/log.h"

#define MAX_AUTO_WHOLE UINT64_C(1000000000000000)
#define MAX_WEIGHT     500 /* hundredths, of recency */
#define MAX_DAYS       3650
#define DIGITS         "0123456789"
#define MAX_FRACTION   12 /* digits behind the point */

bool
conf_read_whole(uint64_t *out, const char *s)
{
	size_t n = strspn(s, DIGITS);

	errno = 0;
	*out = strtoull(s, NULL, 10);
	return n > 0 && s[n] == '\0' && errno == 0;
}

bool
conf_read_auto_whole(uint64_t *out, const char *s)
{
	if (strcmp(s, "auto") != 0)
		return conf_read_whole(out, s) && *out <= MAX_AUTO_WHOLE;
	*out = CONF_AUTO;
	return true;
}

bool
conf_read_bytes(uint64_t *out, const char *s)
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

bool
conf_read_minutes(uint64_t *out, const char *s)
{
	return read_decimal(out, s, 60000);
}

bool
conf_read_seconds(uint64_t *out, const char *s)
{
	return read_decimal(out, s, 1000);
}

bool
conf_read_yesno(uint64_t *out, const char *s)
{
	*out = strcmp(s, "yes") == 0;
	return *out || strcmp(s, "no") == 0;
}

bool
conf_read_level(uint64_t *out, const char *s)
{
	enum log_level level;

	if (!log_level_parse(&level, s))
		return false;
	*out = level;
	return true;
}

bool
conf_read_hundredths(uint64_t *out, const char *s)
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

#define RESPONDER_WORD(value, word) [value] = (word),
const char *const conf_responders[] = { [CONF_RESPONDER_AUTO] = "auto",
	CONF_RESPONDERS(RESPONDER_WORD) };
#undef RESPONDER_WORD

bool
conf_read_responder(uint64_t *out, const char *s)
{
	return read_word(out, s, conf_responders, CONF_RESPONDER_COUNT);
}

bool
conf_read_tokens_field(uint64_t *out, const char *s)
{
	static const char *const words[] = {
		[CONF_TOKENS_AUTO] = "auto",
		[CONF_TOKENS_MAX] = "max_tokens",
		[CONF_TOKENS_COMPLETION] = "max_completion_tokens",
	};

	return read_word(out, s, words, sizeof(words) / sizeof(words[0]));
}

/* "20/60", or "0". */
bool
conf_read_rate(uint64_t *out, const char *s)
{
	char *end;
	uint64_t count = strtoull(s, &end, 10), seconds = 1;

	if (strspn(s, DIGITS) == 0 || count > CONF_RATE_MAX_COUNT)
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
	return *end == '\0' && seconds > 0 && seconds <= CONF_RATE_MAX_SECONDS;
}

/* "0.5/180" */
bool
conf_read_recency(uint64_t *out, const char *s)
{
	const char *slash = strchr(s, '/');
	char weight[16];
	uint64_t days;
	size_t n;

	if (slash == NULL || (n = (size_t)(slash - s)) >= sizeof(weight))
		return false;
	memcpy(weight, s, n);
	weight[n] = '\0';
	if (!conf_read_hundredths(out, weight) || *out > MAX_WEIGHT ||
	    !conf_read_whole(&days, slash + 1) || days == 0 || days > MAX_DAYS)
		return false;
	*out |= days << 32;
	return true;
}

bool
conf_read_grounding(uint64_t *out, const char *s)
{
	static const char *const words[] = {
		[CONF_GROUNDING_AUTO] = "auto",
		[CONF_GROUNDING_OFF] = "off",
		[CONF_GROUNDING_ON] = "on",
		[CONF_GROUNDING_ONLY] = "only",
	};

	return read_word(out, s, words, sizeof(words) / sizeof(words[0]));
}

bool
conf_read_fallback(uint64_t *out, const char *s)
{
	static const char *const words[] = {
		[CONF_FALLBACK_AUTO] = "auto",
		[CONF_FALLBACK_ON] = "on",
		[CONF_FALLBACK_OFF] = "off",
	};

	return read_word(out, s, words, sizeof(words) / sizeof(words[0]));
}

bool
conf_read_citations(uint64_t *out, const char *s)
{
	static const char *const words[] = {
		[CONF_CITATIONS_MARKERS] = "markers",
		[CONF_CITATIONS_LINKS] = "links",
		[CONF_CITATIONS_OFF] = "off",
	};

	return read_word(out, s, words, sizeof(words) / sizeof(words[0]));
}

bool
conf_read_links(uint64_t *out, const char *s)
{
	static const char *const words[] = {
		[CONF_LINKS_SOURCES] = "sources",
		[CONF_LINKS_ANY] = "any",
	};

	return read_word(out, s, words, sizeof(words) / sizeof(words[0]));
}

bool
conf_read_unanswered(uint64_t *out, const char *s)
{
	static const char *const words[] = {
		[CONF_UNANSWERED_NONE] = "none",
		[CONF_UNANSWERED_WORDS] = "words",
	};

	return read_word(out, s, words, sizeof(words) / sizeof(words[0]));
}

bool
conf_read_log_format(uint64_t *out, const char *s)
{
	static const char *const words[] = {
		[LOG_FORMAT_LOGFMT] = "logfmt",
		[LOG_FORMAT_JSON] = "json",
	};

	return read_word(out, s, words, sizeof(words) / sizeof(words[0]));
}

bool
conf_read_log_client(uint64_t *out, const char *s)
{
	static const char *const words[] = {
		[ADDR_FULL] = "full",
		[ADDR_PREFIX] = "prefix",
		[ADDR_NONE] = "none",
	};

	return read_word(out, s, words, sizeof(words) / sizeof(words[0]));
}

/*
 * Members.
 */

void
conf_store_whole(void *member, uint64_t n)
{
	*(uint64_t *)member = n;
}

void
conf_store_ms(void *member, uint64_t n)
{
	*(int64_t *)member = (int64_t)n;
}

void
conf_store_hundredths(void *member, uint64_t n)
{
	*(double *)member = (double)n / 100;
}

void
conf_store_recency(void *member, uint64_t n)
{
	*(struct conf_recency *)member = (struct conf_recency){
		(double)(uint32_t)n / 100, (double)(n >> 32)
	};
}

void
conf_store_rate(void *member, uint64_t n)
{
	*(struct conf_rate *)member = (struct conf_rate){
		.count = (uint32_t)n,
		.seconds = (uint32_t)(n >> 32),
	};
}

void
conf_store_yesno(void *member, uint64_t n)
{
	*(bool *)member = n != 0;
}

void
conf_store_word(void *member, uint64_t n)
{
	*(int *)member = (int)n;
}
