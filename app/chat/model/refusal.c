/*
 * An error names its kind in one of a few members, at its top or inside
 * another. Its prose is looked at last, since it may be about anything.
 */
#include "chat/model/refusal.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/json_scan.h"
#include "chat/model/retry.h"

#define MAX_INSIDE 6 /* depth of an error in errors */

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Lower case letters and digits, and nothing between them. */
struct plain {
	size_t len;
	char text[2048];
};

struct said {
	int status;         /* or 0 */
	struct plain names; /* of its kind */
	struct plain prose;
};

/*
 * The words, as a struct plain has them.
 */

static const char *const too_long[] = {
	"contextlength",
	"contextwindow",
	"contextsize",
	"contextlimit",
	"contextoverflow",
	"maximumcontext",
	"maxcontext",
	"toomanytokens",
	"toolargeformodel",
	"promptistoolong",
	"prompttoolong",
	"inputistoolong",
	"inputtoolong",
	"inputlength",
	"inputtokencount",
	"requesttoolarge",
	"reducethelength",
	"reduceyourmessagesize",
	"reduceyourprompt",
	"maxprompttokens",
	"maximumpromptlength",
	"maximumnumberoftokens",
	"stringabovemaxlength",
	"maximummodellength",
	"modeltokenlimit",
	"promptexceeds",
	"promptlength",
	"promptistoolarge",
	"prompttoolarge",
	"payloadtoolarge",
	"payloadsizeexceeds",
	"arraytoolong",
	"arrayabovemaxlength",
	"inputsmusthave",
	"tokensmaxnewtokensmustbe",
};

/* Of what there is too much, and that there is, in one text. */
static const char *const of_what[] = { "token", "prompt", "messages",
	"conversation" };

static const char *const too_much[] = { "exceed", "toolong", "toolarge",
	"longerthan", "greaterthan", "largerthan" };

/* Or of something else: of tokens a minute, of the answer, of its limit. */
static const char *const of_another[] = { "permin", "perday", "persecond",
	"quota", "ratelimit", "maxtokens", "maxcompletiontokens",
	"maxoutputtokens", "completiontokens", "outputtokens" };

static const char *const passing[] = {
	"overload",
	"ratelimit",
	"toomanyrequests",
	"unavailable",
	"resourceexhausted",
	"capacity",
	"tryagain",
	"retry",
	"timeout",
	"timedout",
	"busy",
	"loading",
	"servererror",
	"internalerror",
	"apierror",
	"networkerror",
	"connectionerror",
	"badgateway",
	"throttl",
	"systemresource",
};

static const char *const own_fault[] = {
	"invalidrequest",
	"invalidargument",
	"invalidparameter",
	"invalidvalue",
	"invalidprompt",
	"badrequest",
	"unsupported",
	"notsupported",
	"contentfilter",
	"contentpolicy",
	"contentmanagement",
	"moderation",
	"unprocessable",
	"validationerror",
	"extraforbidden",
};

static void
plain_add(struct plain *to, const char *s, size_t n)
{
	for (size_t i = 0; i < n && to->len < sizeof(to->text); i++) {
		char c = s[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			to->text[to->len++] = c;
	}
}

static bool
plain_holds(const struct plain *p, const char *const table[], size_t rows)
{
	for (size_t i = 0; i < rows; i++)
		if (memmem(p->text, p->len, table[i], strlen(table[i])) != NULL)
			return true;
	return false;
}

#define HOLDS(p, table) plain_holds(p, table, COUNT(table))

/*
 * Where they stand.
 */

static bool
is_one_of(const struct json_scan *s, const char *const names[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (json_scan_named(s, names[i]))
			return true;
	return false;
}

/* What tells the kind of an error. */
static bool
names_kind(const struct json_scan *s)
{
	static const char *const names[] = { "code", "type", "status",
		"status_code", "statusCode", "http_code", "http_status",
		"error_code", "error_type", "reason", "finish_reason" };

	return is_one_of(s, names, COUNT(names));
}

/* What may be the visitor's own. */
static bool
names_input(const struct json_scan *s)
{
	static const char *const names[] = { "input", "prompt", "messages",
		"failed_generation" };

	return is_one_of(s, names, COUNT(names));
}

static bool
is_status(int64_t n)
{
	return n >= 400 && n <= 599;
}

/* Three digits, and no more of them. */
static int
status_of_text(const char *s, size_t n)
{
	int status = 0;

	if (n < 3 || (n > 3 && s[3] >= '0' && s[3] <= '9'))
		return 0;
	for (int i = 0; i < 3; i++) {
		if (s[i] < '0' || s[i] > '9')
			return 0;
		status = status * 10 + (s[i] - '0');
	}
	return is_status(status) ? status : 0;
}

static void
said_status(struct said *said, int64_t status)
{
	if (said->status == 0 && is_status(status))
		said->status = (int)status;
}

static void
read_text(struct said *said, struct json_scan *s, bool kind)
{
	const char *text;
	size_t n;

	if (!json_scan_string(s, &text, &n))
		return;
	if (kind)
		said_status(said, status_of_text(text, n));
	plain_add(kind ? &said->names : &said->prose, text, n);
}

static void
read_number(struct said *said, struct json_scan *s, bool kind)
{
	int64_t n = json_scan_integer(s, 0);

	if (kind)
		said_status(said, n);
}

/* An array's members are of the kind that its name said. */
static void
read_any(struct said *said, struct json_scan *s, bool kind, int depth)
{
	char c = json_scan_kind(s);

	if ((c == '{' || c == '[') && depth == MAX_INSIDE) {
		json_scan_skip(s);
	} else if (c == '{') {
		json_scan_object(s);
		while (json_scan_member(s))
			if (names_input(s))
				json_scan_skip(s);
			else
				read_any(said, s, names_kind(s), depth + 1);
	} else if (c == '[') {
		json_scan_array(s);
		while (json_scan_element(s))
			read_any(said, s, kind, depth + 1);
	} else if (c == '"') {
		read_text(said, s, kind);
	} else {
		read_number(said, s, kind);
	}
}

static void
read_said(struct said *said, const char *words, size_t n)
{
	struct json_scan scan;

	said->status = 0;
	said->names.len = said->prose.len = 0;
	json_scan_init(&scan, words, n);
	if (json_scan_kind(&scan) != '{' && json_scan_kind(&scan) != '[')
		plain_add(&said->prose, words, n);
	else
		read_any(said, &scan, false, 0);
}

/*
 * What is meant.
 */

static bool
says_length(const struct plain *p)
{
	return HOLDS(p, too_long) || (HOLDS(p, of_what) && HOLDS(p, too_much) &&
					 !HOLDS(p, of_another));
}

/*
 * Too many tokens a minute are not a matter of length, unless this request has
 * them all.
 */
static bool
means_length(const struct said *said, int status)
{
	static const char *const of_one[] = { "toolargefor" };

	if (status == 429)
		return HOLDS(&said->prose, of_one);
	if (status == 413)
		return true;
	return status != 401 && status != 403 && status != 404 &&
	       (says_length(&said->names) || says_length(&said->prose));
}

static enum refusal
meant_by(const struct plain *p, enum refusal otherwise)
{
	if (HOLDS(p, own_fault))
		return REFUSAL_REQUEST;
	return HOLDS(p, passing) ? REFUSAL_PASSING : otherwise;
}

static enum refusal
meant(const struct said *said, int status)
{
	if (status >= 200 && status < 300)
		status = said->status;
	if (means_length(said, status))
		return REFUSAL_LENGTH;
	if (status != 0)
		return retry_is_passing(status) ? REFUSAL_PASSING
		                                : REFUSAL_REQUEST;
	return meant_by(&said->names, meant_by(&said->prose, REFUSAL_FAILURE));
}

/* A visitor's words may be among them. */
static void
said_wipe(struct said *said)
{
	explicit_bzero(said->names.text, said->names.len);
	explicit_bzero(said->prose.text, said->prose.len);
}

enum refusal
refusal_read(int status, const char *words, size_t n)
{
	enum refusal refusal;
	struct said said;

	read_said(&said, words, n);
	refusal = meant(&said, status);
	said_wipe(&said);
	return refusal;
}

int
refusal_status(const char *words, size_t n)
{
	struct said said;

	read_said(&said, words, n);
	said_wipe(&said);
	return said.status;
}
