/* What stays a text, and what of it cannot be meant. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/addr.h"
#include "base/origins.h"
#include "base/text.h"
#include "conf/conf_kind.h"
#include "log/log_target.h"

#define DIGITS "0123456789"
#define UNRESERVED \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "-._~"
#define MAX_TOKEN     64   /* bytes */
#define MAX_BASE_PATH 200  /* bytes */
#define MAX_TEXT      4000 /* bytes */
#define MAX_URL       2000 /* bytes behind the scheme */

/* A check that has no more to say than the noun. */
static const char *
unless(bool ok)
{
	return ok ? NULL : "";
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

const char *
conf_fault_text(const char *s)
{
	return unless(is_text(s));
}

const char *
conf_fault_file(const char *s)
{
	if (strncasecmp(s, "file:", 5) == 0)
		return "leave out file:";
	if (strncmp(s, "~/", 2) == 0)
		return "only a shell expands ~";
	return conf_fault_text(s);
}

/* JSON carries it. */
const char *
conf_fault_name(const char *s)
{
	return unless(is_text(s) && text_is_utf8(s, strlen(s)));
}

/* Segments that a web server or a client would rewrite are left out too. */
const char *
conf_fault_base_path(const char *s)
{
	size_t n;

	if (strlen(s) > MAX_BASE_PATH)
		return "it is longer than 200 bytes";
	if (*s != '\0' && s[strlen(s) - 1] == '/')
		return "leave out the slash at its end";
	while (*s != '\0') {
		if (*s++ != '/')
			return "";
		n = strspn(s, UNRESERVED);
		if (strspn(s, ".") == n)
			return "";
		s += n;
	}
	return NULL;
}

/* What files of environment variables hold; base64 may end in "=". */
static bool
is_assignment(const char *s)
{
	size_t n = strncmp(s, "export ", 7) == 0 ? 7 : 0;
	size_t name = strspn(s + n, UNRESERVED), equals;

	n += name;
	n += strspn(s + n, " \t");
	equals = strspn(s + n, "=");
	return name > 0 && equals > 0 && s[n + equals] != '\0';
}

/* Fit for a header of HTTP, and for JSON. */
const char *
conf_fault_secret(const char *s)
{
	size_t i;

	if (is_assignment(s))
		return "leave out the name and the = before it";
	if (strncasecmp(s, "bearer ", 7) == 0)
		return "leave out the word Bearer";
	for (i = 0; s[i] != '\0'; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return "";
	return unless(i <= MAX_TEXT);
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

/* The bytes of a scheme that we speak, with its slashes; 0: none. */
static size_t
scheme_length(const char *s)
{
	if (strncasecmp(s, "http://", 7) == 0)
		return 7;
	return strncasecmp(s, "https://", 8) == 0 ? 8 : 0;
}

/* Whether the path, without slashes at its end, ends in a word. */
static bool
path_ends_in(const char *path, const char *word)
{
	size_t n = strcspn(path, "?#"), w = strlen(word);

	while (n > 0 && path[n - 1] == '/')
		n--;
	return n >= w && strncasecmp(path + n - w, word, w) == 0;
}

const char *
conf_fault_proxy(const char *s)
{
	static const char *const schemes[] = { "http://", "https://",
		"socks5h://" };
	size_t n = 0, i, end = strlen(s);

	if (*s == '\0')
		return NULL;
	if (strchr(s, '@') != NULL)
		return "user and password belong in llm_proxy_user_file";
	if (strncasecmp(s, "socks", 5) == 0 && strncasecmp(s, "socks5h:", 8))
		return "the only SOCKS scheme is socks5h, where the proxy "
		       "looks up the name";
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncasecmp(s, schemes[i], strlen(schemes[i])) == 0)
			n = strlen(schemes[i]);
	if (end > n && s[end - 1] == '/')
		end--;
	return unless(n > 0 && end <= MAX_URL && is_authority(s + n, end - n) &&
		      s[end - 1] != ']' && memchr(s + n, ':', end - n) != NULL);
}

/* The address of a call itself, which is answered in another form. */
static bool
is_other_api(const char *path)
{
	static const char *const ends[] = { "/responses", "/messages",
		"/embeddings", "/api/generate", "/api/chat" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (path_ends_in(path, ends[i]))
			return true;
	return false;
}

const char *
conf_fault_url(const char *s)
{
	static const char path[] = UNRESERVED "/%!$&'()*+,;=:@";
	static const char query[] = UNRESERVED "/%!$&'()*+,;=:@?";
	size_t n = scheme_length(s);

	if (*s == '\0')
		return NULL;
	if (n == 0)
		return "it must begin with http:// or https://";
	s += n;
	n = strcspn(s, "/?");
	if (path_ends_in(s + n, "/completions"))
		return "leave out /chat/completions, which is appended";
	if (is_other_api(s + n))
		return "it must lead to an OpenAI-compatible API, "
		       "to which /chat/completions is appended";
	if (!is_authority(s, n) || strlen(s) > MAX_URL)
		return "";
	s += n;
	s += strspn(s, path);
	return unless(s[*s == '?' ? strspn(s, query) : 0] == '\0');
}

const char *
conf_fault_origins(const char *s)
{
	return unless(origins_valid(s));
}

const char *
conf_fault_addresses(const char *s)
{
	struct addr_set set;

	return unless(addr_set_parse(&set, s));
}

/* Less than RFC 9110, section 5.6.2, has: what needs no quoting anywhere. */
const char *
conf_fault_token(const char *s)
{
	size_t n = strspn(s, UNRESERVED);

	return unless(n <= MAX_TOKEN && s[n] == '\0');
}

const char *
conf_fault_log_target(const char *s)
{
	return unless(is_text(s) && log_target_valid(s));
}
