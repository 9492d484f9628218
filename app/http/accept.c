/* Weighted lists, read once and without a copy. */
#include "http/accept.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define WEIGHT_MAX 1000

/* An element of a weighted list (RFC 9110, section 12.4.2). */
struct choice {
	const char *name;
	size_t len;
	int weight; /* 0 to WEIGHT_MAX */
};

static int
weight_parse(const char *p)
{
	int unit = WEIGHT_MAX;
	int weight;

	if (*p != '0' && *p != '1')
		return 0;
	weight = (*p++ - '0') * unit;
	if (*p++ != '.')
		return weight;
	for (; unit > 1 && *p >= '0' && *p <= '9'; p++) {
		unit /= 10;
		weight += (*p - '0') * unit;
	}
	return weight < WEIGHT_MAX ? weight : WEIGHT_MAX;
}

/* The weight among the parameters from p to end. */
static int
choice_weight(const char *p, const char *end)
{
	while ((p = memchr(p, ';', (size_t)(end - p))) != NULL) {
		p++;
		p += strspn(p, " \t");
		if ((*p == 'q' || *p == 'Q') && p[1] == '=')
			return weight_parse(p + 2);
	}
	return WEIGHT_MAX;
}

/* Step through a list; false at its end. */
static bool
choice_next(const char **list, struct choice *c)
{
	const char *p = *list + strspn(*list, ", \t");

	if (*p == '\0')
		return false;
	c->name = p;
	c->len = strcspn(p, ",; \t");
	*list = p + strcspn(p, ",");
	c->weight = choice_weight(p + c->len, *list);
	return true;
}

/* Whether a choice is this language or a variety of it, as "en-GB" is. */
static bool
choice_speaks(const struct choice *c, const char *language)
{
	size_t n = strlen(language);

	return c->len >= n && strncasecmp(c->name, language, n) == 0 &&
	       (c->len == n || c->name[n] == '-');
}

enum lang
accept_language(const char *header)
{
	struct choice c;
	int fr = -1, en = -1, any = 0;

	while (fr < WEIGHT_MAX && choice_next(&header, &c)) {
		if (choice_speaks(&c, "fr") && c.weight > fr)
			fr = c.weight;
		else if (choice_speaks(&c, "en") && c.weight > en)
			en = c.weight;
		else if (choice_speaks(&c, "*"))
			any = c.weight;
	}
	return (en < 0 ? any : en) > (fr < 0 ? any : fr) ? LANG_EN : LANG_FR;
}

/*
 * What the most specific range that takes in a type says of it (section
 * 12.5.1): 2 names the type itself, 1 "text/" and the like, 0 all types.
 */
struct taste {
	int level; /* -1: none takes it in */
	int weight;
};

static int
choice_level(const struct choice *c, const char *type, size_t major)
{
	if (c->len == strlen(type) && strncasecmp(c->name, type, c->len) == 0)
		return 2;
	if (c->len == major + 1 && c->name[major] == '*' &&
	    strncasecmp(c->name, type, major) == 0)
		return 1;
	return c->len == 3 && memcmp(c->name, "*/*", 3) == 0 ? 0 : -1;
}

/* type: with its slash at major - 1. */
static void
taste_add(struct taste *t, const struct choice *c, const char *type)
{
	int level = choice_level(c, type, strcspn(type, "/") + 1);

	if (level < t->level || level == -1)
		return;
	if (level > t->level || c->weight > t->weight)
		t->weight = c->weight;
	t->level = level;
}

bool
accept_events(const char *header)
{
	struct taste events = { -1, 0 }, json = { -1, 0 };
	struct choice c;

	while (choice_next(&header, &c)) {
		taste_add(&events, &c, "text/event-stream");
		taste_add(&json, &c, "application/json");
	}
	if (events.level < 2 || events.weight == 0)
		return false;
	return events.weight > json.weight ||
	       (events.weight == json.weight && json.level < 1);
}
