/*
 * Servers agree on no form of an error; what they have in common are the names
 * of a few members.
 */
#include "chat/model/chunk_told.h"

#include <string.h>

/* What a member may tell. */
enum told {
	TOLD_NOTHING,
	TOLD_ERROR,
	TOLD_KIND,
	TOLD_WORDS,
	TOLD_CODE,
	TOLD_BASE,
	TOLD_DETAIL,
};

static bool
is_word(const char *text, size_t n, const char *word)
{
	return strlen(word) == n && memcmp(text, word, n) == 0;
}

bool
chunk_told_filled(struct json_scan *s)
{
	const char *text;
	size_t n;
	char kind = json_scan_kind(s);

	if (kind == '"')
		return json_scan_string(s, &text, &n) && n > 0;
	if (kind == '[') {
		json_scan_array(s);
		for (n = 0; json_scan_element(s); n++)
			json_scan_skip(s);
		return n > 0;
	}
	json_scan_skip(s);
	return kind == '{';
}

/* None when it is null, false, zero or empty. */
static bool
read_is_error(struct json_scan *s)
{
	char kind = json_scan_kind(s);

	if (kind == '-' || (kind >= '0' && kind <= '9'))
		return json_scan_integer(s, 1) != 0;
	if (kind != 't')
		return chunk_told_filled(s);
	json_scan_skip(s);
	return true;
}

static bool
read_is_word_error(struct json_scan *s)
{
	const char *text;
	size_t n;

	return json_scan_string(s, &text, &n) && is_word(text, n, "error");
}

/* A code that tells success is none. */
static bool
read_is_code(struct json_scan *s)
{
	const char *text;
	int64_t code;
	size_t n;

	if (json_scan_kind(s) == '"')
		return json_scan_string(s, &text, &n) && n > 0 &&
		       !is_word(text, n, "0") && !is_word(text, n, "200");
	code = json_scan_integer(s, 0);
	return code != 0 && code != 200;
}

static bool
read_is_text(struct json_scan *s)
{
	const char *text;
	size_t n;

	return json_scan_string(s, &text, &n) && n > 0;
}

/* MiniMax's, which comes with each answer, too. */
static bool
read_base_resp(struct json_scan *s)
{
	bool error = false;

	if (!json_scan_object(s))
		return false;
	while (json_scan_member(s))
		if (json_scan_named(s, "status_code"))
			error = read_is_code(s);
		else
			json_scan_skip(s);
	return error;
}

/* The length alone tells most names apart: no table is as quick as this. */
static enum told
told_named(const struct json_scan *s)
{
	if (json_scan_named(s, "error") || json_scan_named(s, "errors") ||
	    json_scan_named(s, "err") || json_scan_named(s, "error_code") ||
	    json_scan_named(s, "error_msg"))
		return TOLD_ERROR;
	if (json_scan_named(s, "object") || json_scan_named(s, "type"))
		return TOLD_KIND;
	if (json_scan_named(s, "message") || json_scan_named(s, "msg") ||
	    json_scan_named(s, "title"))
		return TOLD_WORDS;
	if (json_scan_named(s, "code") || json_scan_named(s, "status") ||
	    json_scan_named(s, "statusCode") ||
	    json_scan_named(s, "status_code"))
		return TOLD_CODE;
	if (json_scan_named(s, "base_resp"))
		return TOLD_BASE;
	return json_scan_named(s, "detail") ? TOLD_DETAIL : TOLD_NOTHING;
}

bool
chunk_told_read(struct chunk_told *told, struct json_scan *s)
{
	switch (told_named(s)) {
	case TOLD_ERROR:
		told->error |= read_is_error(s);
		return true;
	case TOLD_KIND:
		told->whole |= read_is_word_error(s);
		return true;
	case TOLD_WORDS:
		told->message |= read_is_text(s);
		return true;
	case TOLD_CODE:
		told->code |= read_is_code(s);
		return true;
	case TOLD_BASE:
		told->error |= read_base_resp(s);
		return true;
	case TOLD_DETAIL:
		told->message = told->code = chunk_told_filled(s);
		return true;
	default:
		return false;
	}
}
