/*
 * What libcurl would take from elsewhere (the environment, a file in the home
 * directory, a redirect) is shut off, and so is all that would make a loop
 * wait: names are looked up beforehand (resolver.h), a proxy is told who we
 * are by name and password only, since GSS-API is spoken in one go.
 */
#include "chat/model/upstream_easy.h"

#include <arpa/inet.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"

#define RECEIVE_BYTES 2048L  /* libcurl's buffer, one per call */
#define SEND_BYTES    16384L /* likewise, over TLS; its least */
#define MAX_HEADER    (16 * 1024)

#define AGENT "causerie/" PACKAGE_VERSION

/*
 * The peer.
 */

static bool
is_address(const char *host)
{
	struct in_addr v4;

	return *host == '[' || inet_pton(AF_INET, host, &v4) == 1;
}

static bool
peer_read(struct upstream_peer *peer, CURLU *url)
{
	char *host = NULL, *port = NULL;
	bool ok = curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	          curl_url_get(url, CURLUPART_PORT, &port,
		      CURLU_DEFAULT_PORT) == CURLUE_OK &&
	          strlen(host) < sizeof(peer->host);

	if (ok && !is_address(host))
		memccpy(peer->host, host, '\0', sizeof(peer->host));
	if (ok)
		peer->port = strtol(port, NULL, 10);
	curl_free(host);
	curl_free(port);
	return ok;
}

static CURLU *
url_read(const char *text)
{
	CURLU *url = curl_url();

	if (url == NULL || curl_url_set(url, CURLUPART_URL, text,
			       CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
		return url;
	curl_url_cleanup(url);
	return NULL;
}

CURLU *
upstream_url_new(const struct upstream_conf *conf)
{
	return url_read(conf->url);
}

bool
upstream_peer_of(struct upstream_peer *peer, const struct upstream_conf *conf)
{
	CURLU *url = url_read(conf->proxy != NULL ? conf->proxy : conf->url);
	bool ok;

	*peer = (struct upstream_peer){ .port = 0 };
	ok = url != NULL && peer_read(peer, url);
	curl_url_cleanup(url);
	return ok;
}

/*
 * A handle.
 */

static bool
set(CURL *easy, CURLoption option, const char *text)
{
	return curl_easy_setopt(easy, option, text) == CURLE_OK;
}

static void
add_escaped(struct buf *b, CURL *easy, const char *text, size_t n)
{
	char *escaped = n > 0 ? curl_easy_escape(easy, text, (int)n) : NULL;

	if (escaped != NULL) {
		buf_adds(b, escaped);
		explicit_bzero(escaped, strlen(escaped));
	} else if (n > 0) {
		b->failed = true;
	}
	curl_free(escaped);
}

/*
 * In the URL every version of libcurl takes the name, which goes up to the
 * first colon, and the password as they are.
 */
static bool
set_proxy(CURL *easy, const char *proxy, const char *user)
{
	const char *colon = user != NULL ? strchr(user, ':') : NULL;
	const char *host = proxy != NULL ? strstr(proxy, "://") : NULL;
	struct buf url;
	bool ok;

	if (colon == NULL || host == NULL)
		return set(easy, CURLOPT_PROXY, proxy != NULL ? proxy : "");
	host += strlen("://");
	buf_init(&url, MAX_HEADER);
	buf_add(&url, proxy, (size_t)(host - proxy));
	add_escaped(&url, easy, user, (size_t)(colon - user));
	buf_addc(&url, ':');
	add_escaped(&url, easy, colon + 1, strlen(colon + 1));
	buf_addc(&url, '@');
	buf_adds(&url, host);
	ok = buf_string(&url) != NULL && set(easy, CURLOPT_PROXY, url.data);
	buf_wipe(&url);
	return ok;
}

/* Each is copied, so there may be no memory for it. */
static bool
set_texts(CURL *easy, const struct upstream_conf *conf)
{
	return set(easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
	       set_proxy(easy, conf->proxy, conf->proxy_user) &&
	       set(easy, CURLOPT_NOPROXY, "") &&
	       (conf->proxy == NULL || set(easy, CURLOPT_USERAGENT, AGENT));
}

/* Only these authorities are trusted then, of the proxy, too. */
static bool
set_authorities(CURL *easy, const char *file)
{
	if (file == NULL)
		return true;
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
	return set(easy, CURLOPT_CAINFO, file) &&
	       set(easy, CURLOPT_PROXY_CAINFO, file);
}

static void
set_numbers(CURL *easy, const struct upstream_conf *conf)
{
	bool tls = strncasecmp(conf->url, "https:", 6) == 0;

	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_BYTES);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, SEND_BYTES);
	curl_easy_setopt(
	    easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	/* over plain HTTP a call would wait for another's whole answer */
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, tls ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(
	    easy, CURLOPT_CONNECTTIMEOUT_MS, (long)conf->connect_ms);
	curl_easy_setopt(easy, CURLOPT_PROXYAUTH, (long)CURLAUTH_BASIC);
	curl_easy_setopt(easy, CURLOPT_SOCKS5_AUTH, (long)CURLAUTH_BASIC);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

CURL *
upstream_easy_new(const struct upstream_conf *conf, CURLU *url)
{
	CURL *easy;

	if ((easy = curl_easy_init()) == NULL)
		return NULL;
	curl_easy_setopt(easy, CURLOPT_CURLU, url);
	set_numbers(easy, conf);
	if (set_texts(easy, conf) && set_authorities(easy, conf->ca_file))
		return easy;
	curl_easy_cleanup(easy);
	return NULL;
}

/*
 * Headers.
 */

static bool
headers_add(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (longer == NULL)
		return false;
	*list = longer;
	return true;
}

/* The file's lines; whether one of them is of this name. */
static bool
has_header(const char *lines, const char *name)
{
	size_t n = strlen(name);

	for (; lines != NULL; lines = strchr(lines, '\n')) {
		lines += *lines == '\n';
		if (strncasecmp(lines, name, n) == 0 && lines[n] == ':')
			return true;
	}
	return false;
}

/* libcurl copies its own name for us twice a call, a header but once. */
static bool
add_agent(struct curl_slist **list, const struct upstream_conf *conf)
{
	return has_header(conf->headers, "User-Agent") ||
	       headers_add(list, "User-Agent: " AGENT);
}

static bool
add_key(struct curl_slist **list, const struct upstream_conf *conf)
{
	struct buf line;
	bool ok;

	if (conf->key == NULL || has_header(conf->headers, "Authorization"))
		return true;
	buf_init(&line, MAX_HEADER);
	buf_adds(&line, "Authorization: Bearer ");
	buf_adds(&line, conf->key);
	ok = buf_string(&line) != NULL && headers_add(list, line.data);
	buf_wipe(&line);
	return ok;
}

static bool
add_lines(struct curl_slist **list, const char *lines)
{
	struct buf line;
	bool ok = true;
	size_t n;

	for (; ok && lines != NULL && *lines != '\0'; lines += n) {
		n = strcspn(lines, "\n");
		buf_init(&line, MAX_HEADER);
		buf_add(&line, lines, n);
		ok = n == 0 || (buf_string(&line) != NULL &&
				   headers_add(list, line.data));
		buf_wipe(&line);
		n += lines[n] == '\n';
	}
	return ok;
}

struct curl_slist *
upstream_headers_new(const struct upstream_conf *conf)
{
	struct curl_slist *list = NULL;

	if (headers_add(&list, "Content-Type: application/json") &&
	    headers_add(&list, "Accept: text/event-stream") &&
	    headers_add(&list, "Expect:") && add_agent(&list, conf) &&
	    add_key(&list, conf) && add_lines(&list, conf->headers))
		return list;
	upstream_headers_free(list);
	return NULL;
}

void
upstream_headers_free(struct curl_slist *list)
{
	for (struct curl_slist *l = list; l != NULL; l = l->next)
		explicit_bzero(l->data, strlen(l->data));
	curl_slist_free_all(list);
}
