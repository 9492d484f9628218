/*
 * What a model says, through the filter: however it is cut, the same comes out.
 * Where nothing can be code, no number, address or picture is left that is not
 * a source's.
 */
#include "fuzz.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "chat/grounding/cite_filter.h"

#define OUT_MAX (1 << 20)
#define COUNT   3

static const struct cite_url urls[COUNT] = {
	{ "https://s.fr/a", 14 },
	{ "https://s.fr/ab", 15 },
	{ "", 0 },
};

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

static void
filter(struct buf *out, const char *text, size_t n, uint32_t seed, bool cut)
{
	const struct cite_conf conf = { urls, COUNT, CITE_MARKERS, false };
	struct cite_filter f;
	size_t len;

	buf_init(out, OUT_MAX);
	cite_filter_init(&f, &conf);
	for (; n > 0; n -= len, text += len) {
		len = cut ? fuzz_cut(&seed, n) : n;
		cite_filter_add(&f, text, len, out);
		HOLDS(f.held.len < CITE_HELD_MAX);
	}
	cite_filter_end(&f, out);
	HOLDS(f.held.len == 0 && !out->failed);
	cite_filter_free(&f);
}

/* The bytes of the longest source's address that stands here; 0: none. */
static size_t
known_at(const char *p, const char *end)
{
	size_t best = 0;

	for (int i = 0; i < COUNT; i++)
		if (urls[i].len > best && (size_t)(end - p) >= urls[i].len &&
		    memcmp(p, urls[i].text, urls[i].len) == 0)
			best = urls[i].len;
	return best;
}

static void
check_number(const char *p, const char *end)
{
	const char *digits = p + 1;
	unsigned n = 0;

	for (p++; p < end && isdigit((unsigned char)*p); p++)
		n = n < 10000 ? n * 10 + (unsigned)(*p - '0') : n;
	if (p < end && p > digits && p - digits < 4 && *p == ']')
		HOLDS(n >= 1 && n <= COUNT);
}

static void
check_target(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '<'))
		p++;
	HOLDS(known_at(p, end) > 0);
}

static void
check_out(const char *p, size_t n)
{
	const char *end = p + n, *begin = p;
	size_t known;

	for (; p < end; p++) {
		if ((known = known_at(p, end)) > 0) {
			p += known - 1;
			continue;
		}
		HOLDS(end - p < 3 || memcmp(p, "://", 3) != 0);
		HOLDS(end - p < 4 || strncasecmp(p, "www.", 4) != 0 ||
		      (p > begin && isalnum((unsigned char)p[-1])));
		if (*p == '[')
			check_number(p, end);
		if (end - p > 2 && memcmp(p, "](", 2) == 0 &&
		    (p == begin || p[-1] != '\\'))
			check_target(p + 2, end);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = fuzz_copy(data, n);
	uint32_t seed = n > 0 ? data[n / 2] * 2654435761u : 0;
	struct buf whole, cut;

	filter(&whole, text, n, seed, false);
	filter(&cut, text, n, seed, true);
	HOLDS(whole.len == cut.len &&
	      (whole.len == 0 || memcmp(whole.data, cut.data, cut.len) == 0));
	if (whole.len > 0 && memchr(text, '`', n) == NULL &&
	    memchr(text, '~', n) == NULL)
		check_out(whole.data, whole.len);
	buf_free(&whole);
	buf_free(&cut);
	free(text);
	return 0;
}
