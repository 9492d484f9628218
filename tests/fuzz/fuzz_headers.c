/*
 * What clients and proxies say in headers and paths: ids, addresses, lists,
 * languages, cookies, origins; and how the log shows it. What is read can be
 * written and read again, and no client speaks for a proxy. The first line is
 * one value, the rest another one, where two are needed.
 */
#include "fuzz.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/fake_conn.h"
#include "articles/tokens.h"
#include "base/addr.h"
#include "base/buf.h"
#include "base/json_scan.h"
#include "base/origins.h"
#include "base/sid.h"
#include "base/text.h"
#include "http/accept.h"
#include "http/client_address.h"
#include "http/cookie.h"
#include "http/exchange.h"
#include "http/origin.h"
#include "http/route.h"
#include "log/log.h"
#include "log/log_line.h"
#include "loop/loop.h"

#define MAX_WORDS 32
#define MAX_TEXT  65536 /* bytes of a value */

static struct loop *loop;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_set_level(LOG_LEVEL_FATAL);
	HOLDS((loop = loop_new(0)) != NULL);
	return 0;
}

/* Two texts as one, to be freed. */
static char *
join(const char *a, const char *b)
{
	struct buf all;
	char *text;

	buf_init(&all, SIZE_MAX / 4);
	buf_adds(&all, a);
	buf_adds(&all, b);
	HOLDS(buf_string(&all) != NULL);
	text = fuzz_text(all.data, all.len);
	buf_free(&all);
	return text;
}

static void
check_sid(const char *text)
{
	size_t n = strlen(text);
	struct sid sid, again;
	char out[SID_TEXT_SIZE];

	if (!sid_parse(&sid, text, n))
		return;
	sid_text(out, &sid);
	HOLDS(n == SID_TEXT_SIZE - 1 && text_equal_nocase(out, text));
	HOLDS(sid_parse(&again, out, n) && sid_equal(&sid, &again));
	HOLDS(sid_key(&sid) == sid_key(&again));
}

static void
check_addr(const char *text)
{
	char out[ADDR_TEXT_SIZE];
	struct addr addr, again, key;
	struct addr_set set;

	if (!addr_parse(&addr, text, strlen(text)))
		return;
	key = addr_key(&addr);
	again = addr_key(&key);
	HOLDS(addr_equal(&key, &again));
	HOLDS(addr_is_v4(&addr) == addr_is_v4(&key));
	addr_text(out, &addr);
	if (strcmp(out, "-") == 0)
		return;
	HOLDS(addr_parse(&again, out, strlen(out)));
	HOLDS(addr_equal(&addr, &again));
	addr_text_prefix(out, &addr);
	HOLDS(strlen(out) < ADDR_TEXT_SIZE && addr_set_parse(&set, out));
	HOLDS(set.count == 1 && addr_set_has(&set, &addr));
}

static void
check_addr_set(const char *text)
{
	struct addr_set set;
	size_t i;

	if (!addr_set_parse(&set, text)) {
		HOLDS(set.count == 0);
		return;
	}
	HOLDS(set.count <= ADDR_MAX_RANGES);
	for (i = 0; i < set.count; i++) {
		HOLDS(
		    memcmp(set.range[i].first.b, set.range[i].last.b, 16) <= 0);
		HOLDS(addr_set_has(&set, &set.range[i].first));
		HOLDS(addr_set_has(&set, &set.range[i].last));
		HOLDS(i == 0 || memcmp(set.range[i - 1].last.b,
				    set.range[i].first.b, 16) < 0);
	}
}

static struct cgi
empty_cgi(void)
{
	struct cgi cgi = { .body = "" };
	int i;

	for (i = 0; i < CGI_COUNT; i++)
		cgi.var[i] = "";
	return cgi;
}

/*
 * Whatever a client wrote into the list: the proxy adds the client's address
 * behind it, and that counts.
 */
static void
check_client(const char *text)
{
	struct cgi cgi = empty_cgi();
	struct addr_set proxies, none;
	struct addr addr, client, peer;
	char *list = join(text, ", 198.51.100.7");

	HOLDS(addr_set_parse(&proxies, "192.0.2.0/24, 2001:db8::/32"));
	HOLDS(addr_set_parse(&none, ""));
	HOLDS(addr_parse(&client, "198.51.100.7", 12));
	HOLDS(addr_parse(&peer, "192.0.2.1", 9));
	cgi.var[CGI_REMOTE_ADDR] = "192.0.2.1";
	cgi.var[CGI_X_FORWARDED_FOR] = list;
	addr = client_address(&cgi, &proxies);
	HOLDS(addr_equal(&addr, &client));
	addr = client_address(&cgi, &none);
	HOLDS(addr_equal(&addr, &peer));
	cgi.var[CGI_X_FORWARDED_FOR] = text;
	client_address(&cgi, &proxies);
	free(list);
}

/* Nobody is who he cannot name himself. */
static void
check_peer(const char *text)
{
	struct cgi cgi = empty_cgi();
	struct addr_set none = { .count = 0 };
	struct addr addr, want;

	cgi.var[CGI_REMOTE_ADDR] = text;
	addr = client_address(&cgi, &none);
	if (!addr_parse(&want, text, strlen(text)))
		want = (struct addr){ { 0 } };
	HOLDS(addr_equal(&addr, &want));
}

/* Letter case makes no difference. */
static void
check_choices(const char *text)
{
	char *upper = join(text, ""), *p;

	for (p = upper; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
	HOLDS(accept_language(text) == accept_language(upper));
	HOLDS(accept_events(text) == accept_events(upper));
	free(upper);
}

static void
check_cookie(const char *text)
{
	static const char mine[] =
	    "causerie=0f8fad5b-d9cb-469f-a165-70867728950e; ";
	struct sid sid, first;
	char *header = join(mine, text);

	HOLDS(sid_parse(&first, mine + 9, SID_TEXT_SIZE - 1));
	HOLDS(cookie_find(&sid, header, "causerie"));
	HOLDS(sid_equal(&sid, &first));
	cookie_find(&sid, text, "causerie");
	free(header);
}

/* A header of ours is a line of ours, whatever the browser sent. */
static void
check_origin_headers(const struct origin *o)
{
	struct buf out;

	buf_init(&out, MAX_TEXT);
	origin_add_headers(&out, o);
	HOLDS(!out.failed);
	if (out.len > 0) {
		HOLDS(out.len >= 2 && out.data[out.len - 1] == '\n');
		HOLDS(memmem(out.data, out.len, "\n\r\n", 3) == NULL);
		HOLDS(memmem(out.data, out.len, "\r\n\r", 3) == NULL);
	}
	buf_free(&out);
}

static void
check_origins(const char *list, const char *origin)
{
	struct cgi cgi = empty_cgi();
	struct origin o;

	if (!origins_valid(list))
		return;
	cgi.var[CGI_ORIGIN] = origin;
	o = origin_of(list, &cgi);
	HOLDS(!o.foreign || o.allowed == NULL);
	if (origins_any(list))
		HOLDS(!o.foreign && strcmp(o.allowed, "*") == 0);
	else if (*origin != '\0' && origins_have(list, origin))
		HOLDS(!o.foreign && o.allowed == origin);
	else
		HOLDS(o.allowed == NULL && o.foreign == (*origin != '\0'));
	check_origin_headers(&o);
	cgi.var[CGI_SEC_FETCH_SITE] = origin;
	o = origin_of(list, &cgi);
	check_origin_headers(&o);
}

/* A page of another host is foreign, whatever that is called. */
static void
check_host(const char *name)
{
	struct cgi cgi = empty_cgi();
	char *longer = join(name, "x"), *page = join("http://", name);

	cgi.var[CGI_ORIGIN] = page;
	cgi.var[CGI_HOST] = longer;
	HOLDS(origin_of(NULL, &cgi).foreign);
	cgi.var[CGI_HOST] = "";
	HOLDS(origin_of(NULL, &cgi).foreign);
	free(longer);
	free(page);
}

static bool
id_has_form(const char *id)
{
	size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyz"
			      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return n > 0 && n < REQUEST_ID_SIZE && id[n] == '\0';
}

/* What of a request is read before anything is known of its path. */
static void
check_exchange(const char *method, const char *id)
{
	struct cgi *cgi = malloc(sizeof(*cgi));
	struct exchange *x;
	struct conn conn;
	uint64_t ids = 0;

	HOLDS(cgi != NULL);
	*cgi = empty_cgi();
	cgi->var[CGI_REQUEST_METHOD] = method;
	cgi->var[CGI_X_REQUEST_ID] = id;
	fake_conn_init(&conn, loop);
	HOLDS((x = exchange_new(&conn, cgi, NULL, &ids)) != NULL);
	HOLDS(id_has_form(x->request_id));
	HOLDS((strcmp(x->request_id, id) == 0) == id_has_form(id));
	HOLDS(x->method == METHOD_OTHER ||
	      strcmp(method_name(x->method), method) == 0);
	exchange_abort(x);
	fake_conn_free(&conn);
}

static void
check_path(const char *path)
{
	const char *id;
	size_t n;

	if (!route_match("/session/{id}/info", path, &id, &n))
		return;
	HOLDS(id == path + strlen("/session/") && n > 0);
	HOLDS(memchr(id, '/', n) == NULL && strcmp(id + n, "/info") == 0);
}

/* It ends with the line end, and nothing before it ends a line. */
static void
check_line(const struct log_line *line)
{
	size_t i, n = line->len - 1;

	HOLDS(line->len > 0 && line->len <= LOG_LINE_MAX);
	HOLDS(line->text[n] == '\n' && text_is_utf8(line->text, n));
	for (i = 0; i < n; i++)
		HOLDS((unsigned char)line->text[i] >= ' ' &&
		      line->text[i] != 0x7f);
}

/* One line, whatever is in it; in JSON it is an object. */
static void
check_log(const char *a, const char *b)
{
	const struct log_field fields[] = { LOG_STR("a", a), LOG_STR("b", b),
		LOG_INT("n", -1), LOG_END };
	struct log_style style = { .format = LOG_FORMAT_LOGFMT };
	struct log_line line;
	struct json_scan scan;

	log_line_make(&line, &style, 0, LOG_LEVEL_INFO, "event", fields);
	check_line(&line);
	style.format = LOG_FORMAT_JSON;
	log_line_make(&line, &style, 0, LOG_LEVEL_INFO, "event", fields);
	check_line(&line);
	json_scan_init(&scan, line.text, line.len);
	HOLDS(json_scan_kind(&scan) == '{');
	json_scan_skip(&scan);
	HOLDS(json_scan_end(&scan));
}

static void
check_words(const char *text)
{
	const char *p = text, *end = text + strlen(text), *before = p;
	struct token word;
	int count = 0;

	while (tokens_next(&word, &p, end)) {
		HOLDS(p > before && p <= end);
		HOLDS(word.len > 1 && word.len <= TOKEN_BYTES);
		HOLDS(strlen(word.text) == word.len);
		before = p;
		count += word.kind == WORD_PLAIN;
	}
	HOLDS(tokens_count(text, strlen(text), MAX_WORDS) ==
	      (count < MAX_WORDS ? count : MAX_WORDS));
}

static void
check_value(const char *text)
{
	check_sid(text);
	check_addr(text);
	check_addr_set(text);
	check_client(text);
	check_peer(text);
	check_choices(text);
	check_cookie(text);
	check_path(text);
	check_words(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *whole = fuzz_text(data, n), *a = fuzz_text(data, n), *b;

	if (n <= MAX_TEXT / 2) {
		b = fuzz_line(a);
		check_value(whole);
		check_value(a);
		check_origins(a, b);
		check_host(a);
		check_exchange(a, b);
		check_exchange(b, a);
		check_log(a, b);
		check_log(whole, NULL);
	}
	free(whole);
	free(a);
	return 0;
}
