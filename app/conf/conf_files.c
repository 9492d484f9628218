/*
 * Secrets stand in files of their own, so that they are on no command line and
 * in no file that is shown around. Nothing of them stays behind here.
 */
#include "conf/conf_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text_file.h"

#define MAX_LINE    4096
#define MAX_HEADERS (16 * 1024)
#define TOKEN \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" \
	"!#$%&'*+-.^_`|~"

/* A secret in the place of its file's path is not to be shown. */
static bool
check_path(struct conf_loader *ld, const char *setting, const char *path)
{
	if (strchr(path, '/') != NULL || access(path, F_OK) == 0)
		return true;
	return conf_refuse(ld,
	    "%s: no such file; it must be the path of a file, not its "
	    "contents",
	    setting);
}

static bool
apply_key_file(struct conf_loader *ld)
{
	const char *path = ld->cf->llm_api_key_file;
	char where[MAX_LINE];
	struct buf key;
	bool ok;

	if (path == NULL)
		return true;
	if (ld->cf->llm_api_key != NULL)
		return conf_refuse(ld,
		    "llm_api_key_file: llm_api_key is set as well; set only "
		    "one of them");
	snprintf(where, sizeof(where), "llm_api_key_file: %s", path);
	buf_init(&key, MAX_LINE);
	ok = check_path(ld, "llm_api_key_file", path) &&
	     text_file_single(
		 &key, "llm_api_key_file", path, "the key", ld->err) &&
	     buf_string(&key) != NULL &&
	     conf_apply(ld, where, conf_find("llm_api_key"), key.data);
	buf_wipe(&key);
	return ok;
}

/*
 * Headers.
 */

/* What the call says itself: these would break it, or say it twice. */
static bool
is_ours(const char *line, size_t n)
{
	static const char *const ours[] = { "Accept", "Accept-Encoding",
		"Connection", "Content-Length", "Content-Type", "Expect",
		"Host", "Proxy-Authorization", "TE", "Trailer",
		"Transfer-Encoding", "Upgrade", "X-Request-Id" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strlen(ours[i]) == n && strncasecmp(ours[i], line, n) == 0)
			return true;
	return false;
}

/* What is wrong with a line (RFC 9110, section 5), or NULL. */
static const char *
header_fault(const char *line)
{
	size_t n = strspn(line, TOKEN), i = n + 1;

	if (n == 0 || line[n] != ':')
		return "is not of the form Name: value";
	if (is_ours(line, n))
		return "is a header that the service sets itself";
	i += strspn(line + i, " \t");
	if (line[i] == '\0')
		return "has no value";
	for (; line[i] != '\0'; i++)
		if ((line[i] < ' ' && line[i] != '\t') || line[i] > '~')
			return "must consist of ASCII characters";
	return NULL;
}

static bool
add_header(struct text_file *tf, struct buf *line, struct buf *headers)
{
	const char *fault, *text;
	char *trimmed;

	if (buf_string(line) == NULL)
		return text_file_refuse(tf, "out of memory");
	trimmed = conf_trim(line->data);
	if (*trimmed == '\0' || *trimmed == '#')
		return true;
	text = trimmed;
	if ((fault = header_fault(text)) != NULL)
		return text_file_refuse(tf, "%s", fault);
	buf_adds(headers, text);
	buf_addc(headers, '\n');
	return !headers->failed ||
	       text_file_refuse(tf, "is too long: all headers together may "
				    "have 16384 bytes");
}

/* The text is the member's then. */
static bool
conf_files_keep(struct conf_loader *ld, char **member, struct buf *text)
{
	if (buf_string(text) == NULL)
		return conf_refuse(ld, "out of memory");
	*member = text->data;
	buf_init(text, 0);
	return true;
}

static bool
read_headers(struct conf_loader *ld)
{
	const char *path = ld->cf->llm_headers_file;
	struct text_file tf;
	struct buf line, headers;
	bool ok;

	if (path == NULL)
		return true;
	buf_init(&line, MAX_LINE);
	buf_init(&headers, MAX_HEADERS);
	if (!check_path(ld, "llm_headers_file", path))
		return false;
	ok = text_file_open(&tf, "llm_headers_file", path, ld->err);
	while (ok && text_file_next(&tf, &line))
		ok = add_header(&tf, &line, &headers);
	ok = text_file_close(&tf) && ok &&
	     conf_files_keep(ld, &ld->cf->llm_headers, &headers);
	buf_wipe(&line);
	buf_wipe(&headers);
	return ok;
}

/*
 * The proxy's user, and the authorities.
 */

static bool
read_proxy_user(struct conf_loader *ld)
{
	const char *path = ld->cf->llm_proxy_user_file;
	struct buf user;
	bool ok;

	if (path == NULL)
		return true;
	if (ld->cf->llm_proxy == NULL)
		return conf_refuse(
		    ld, "llm_proxy_user_file: needs llm_proxy as well");
	buf_init(&user, MAX_LINE);
	ok = check_path(ld, "llm_proxy_user_file", path) &&
	     text_file_single(
		 &user, "llm_proxy_user_file", path, "user:password", ld->err);
	if (ok &&
	    (user.data[0] == ':' || memchr(user.data, ':', user.len) == NULL))
		ok = conf_refuse(
		    ld, "llm_proxy_user_file: %s: must be user:password", path);
	ok = ok && conf_files_keep(ld, &ld->cf->llm_proxy_user, &user);
	buf_wipe(&user);
	return ok;
}

static bool
check_authorities(struct conf_loader *ld)
{
	static const char begins[] = "-----BEGIN CERTIFICATE-----";
	const char *path = ld->cf->llm_ca_file;
	struct text_file tf;
	bool ok, found = false;
	struct buf line;

	if (path == NULL)
		return true;
	buf_init(&line, MAX_LINE);
	ok = text_file_open(&tf, "llm_ca_file", path, ld->err);
	while (ok && !found && text_file_next(&tf, &line))
		found = line.len >= sizeof(begins) - 1 &&
		        memcmp(line.data, begins, sizeof(begins) - 1) == 0;
	tf.line = 0;
	if (ok && !tf.failed && !found)
		text_file_refuse(&tf, "contains no certificate (PEM)");
	buf_wipe(&line);
	return text_file_close(&tf) && ok;
}

bool
conf_read_files(struct conf_loader *ld)
{
	return apply_key_file(ld) && read_headers(ld) && read_proxy_user(ld) &&
	       check_authorities(ld);
}
