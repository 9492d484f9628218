/* Addresses as bytes, so that they compare like numbers, whatever version. */
#include "base/addr.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define V4_AT      12 /* where the bytes of IPv4 begin */
#define V4_BITS    (V4_AT * 8)
#define ALL_BITS   128
#define KEY_BITS   64 /* of IPv6 */
#define PREFIX_V4  24 /* of what addr_text_prefix shows */
#define PREFIX_V6  48
#define MAX_SUFFIX 4 /* "/128" */
#define BLANKS     " \t"
#define SEPARATORS "," BLANKS

static const uint8_t mapped[V4_AT] = { [10] = 0xff, [11] = 0xff };

/* The zone's mark, or the end. */
static size_t
zone_at(const char *s, size_t n)
{
	const char *mark = memchr(s, '%', n);

	return mark == NULL ? n : (size_t)(mark - s);
}

bool
addr_parse(struct addr *addr, const char *s, size_t n)
{
	char text[INET6_ADDRSTRLEN];
	struct addr v4;
	size_t zone;

	if (memchr(s, '\0', n) != NULL)
		return false;
	if (n < sizeof(text) && memchr(s, ':', n) == NULL) {
		memcpy(text, s, n);
		text[n] = '\0';
		memcpy(v4.b, mapped, sizeof(mapped));
		if (inet_pton(AF_INET, text, v4.b + V4_AT) != 1)
			return false;
		*addr = v4;
		return true;
	}
	if ((zone = zone_at(s, n)) >= sizeof(text) || n - zone == 1)
		return false;
	memcpy(text, s, zone);
	text[zone] = '\0';
	return inet_pton(AF_INET6, text, addr->b) == 1;
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

bool
addr_is_v4(const struct addr *addr)
{
	return memcmp(addr->b, mapped, sizeof(mapped)) == 0;
}

/* The address with its bits from `bits` on set to one value, 0 or 0xff. */
static struct addr
addr_fill(const struct addr *addr, unsigned bits, uint8_t value)
{
	struct addr out = *addr;
	uint8_t mask = (uint8_t)(0xff >> bits % 8);
	unsigned i = bits / 8;

	if (i == sizeof(out.b))
		return out;
	out.b[i] = (uint8_t)((out.b[i] & ~mask) | (value & mask));
	memset(out.b + i + 1, value, sizeof(out.b) - i - 1);
	return out;
}

struct addr
addr_key(const struct addr *addr)
{
	return addr_is_v4(addr) ? *addr : addr_fill(addr, KEY_BITS, 0);
}

static bool
is_unknown(const struct addr *addr)
{
	static const struct addr unknown;

	return addr_equal(addr, &unknown);
}

static char *
decimal_write(char *p, uint8_t n)
{
	if (n >= 100)
		*p++ = (char)('0' + n / 100);
	if (n >= 10)
		*p++ = (char)('0' + n / 10 % 10);
	*p++ = (char)('0' + n % 10);
	return p;
}

static char *
v4_write(char *p, const uint8_t *b)
{
	for (int i = 0; i < 4; i++) {
		p = decimal_write(p, b[i]);
		*p++ = '.';
	}
	return p - 1;
}

/* Of the 8 groups, the longest run of at least two zeros; the first of them. */
static int
zeros_find(const unsigned group[8], int *len)
{
	int best = -1, n;

	*len = 1;
	for (int i = 0; i < 8; i += n + 1) {
		for (n = 0; i + n < 8 && group[i + n] == 0; n++)
			;
		if (n > *len) {
			*len = n;
			best = i;
		}
	}
	return best;
}

static char *
group_write(char *p, unsigned group)
{
	int shift = 12;

	while (shift > 0 && group >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*p++ = "0123456789abcdef"[group >> shift & 0xf];
	return p;
}

/* RFC 5952, section 4. */
static char *
v6_write(char *p, const uint8_t *b)
{
	unsigned group[8];
	int zeros, len, i;

	for (i = 0; i < 8; i++)
		group[i] = (unsigned)b[2 * i] << 8 | b[2 * i + 1];
	zeros = zeros_find(group, &len);
	for (i = 0; i < 8; i++) {
		if (i == zeros) {
			*p++ = ':';
			*p++ = ':';
			i += len - 1;
			continue;
		}
		if (i > 0 && p[-1] != ':')
			*p++ = ':';
		p = group_write(p, group[i]);
	}
	return p;
}

/* By hand: it stands in the line of every request. Returns the end. */
static char *
addr_write(char out[ADDR_TEXT_SIZE], const struct addr *addr)
{
	return addr_is_v4(addr) ? v4_write(out, addr->b + V4_AT)
	                        : v6_write(out, addr->b);
}

void
addr_text(char out[ADDR_TEXT_SIZE], const struct addr *addr)
{
	if (is_unknown(addr))
		*out++ = '-';
	else
		out = addr_write(out, addr);
	*out = '\0';
}

void
addr_text_prefix(char out[ADDR_TEXT_SIZE], const struct addr *addr)
{
	struct addr net = *addr;

	if (addr_is_v4(addr)) {
		net.b[V4_AT + PREFIX_V4 / 8] = 0;
		out = v4_write(out, net.b + V4_AT);
		memcpy(out, "/24", sizeof("/24"));
	} else if (is_unknown(addr)) {
		addr_text(out, addr);
	} else {
		net = addr_fill(addr, PREFIX_V6, 0);
		out = v6_write(out, net.b);
		memcpy(out, "/48", sizeof("/48"));
	}
}

const char *
addr_show(
    char out[ADDR_TEXT_SIZE], const struct addr *addr, enum addr_shown shown)
{
	if (shown == ADDR_NONE)
		return NULL;
	if (shown == ADDR_PREFIX)
		addr_text_prefix(out, addr);
	else
		addr_text(out, addr);
	return out;
}

/*
 * Sets.
 */

/* The digits behind a slash; false when they are not a number up to max. */
static bool
bits_parse(unsigned *bits, const char *s, size_t n, unsigned max)
{
	size_t i;

	*bits = 0;
	if (n == 0 || n >= MAX_SUFFIX)
		return false;
	for (i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		*bits = *bits * 10 + (unsigned)(s[i] - '0');
	}
	return *bits <= max;
}

static bool
range_parse(struct addr_range *r, const char *s, size_t n)
{
	const char *slash = memchr(s, '/', n);
	size_t len = slash == NULL ? n : (size_t)(slash - s);
	unsigned bits = ALL_BITS, whole = 0;

	if (memchr(s, '%', n) != NULL || !addr_parse(&r->first, s, len))
		return false;
	if (memchr(s, ':', len) == NULL)
		whole = V4_BITS;
	if (slash != NULL) {
		if (!bits_parse(
			&bits, slash + 1, n - len - 1, ALL_BITS - whole))
			return false;
		bits += whole;
	}
	r->last = addr_fill(&r->first, bits, 0);
	if (!addr_equal(&r->first, &r->last))
		return false;
	r->last = addr_fill(&r->first, bits, 0xff);
	return true;
}

static int
range_compare(const void *a, const void *b)
{
	const struct addr_range *x = a, *y = b;
	int order = memcmp(x->first.b, y->first.b, sizeof(x->first.b));

	return order != 0 ? order
	                  : memcmp(y->last.b, x->last.b, sizeof(x->last.b));
}

/* Networks lie within each other or apart, so the first of two has both. */
static void
set_sort(struct addr_set *set)
{
	size_t i, kept = 0;

	qsort(set->range, set->count, sizeof(set->range[0]), range_compare);
	for (i = 0; i < set->count; i++) {
		if (kept > 0 &&
		    memcmp(set->range[kept - 1].last.b, set->range[i].first.b,
			sizeof(struct addr)) >= 0)
			continue;
		set->range[kept++] = set->range[i];
	}
	set->count = kept;
}

bool
addr_set_parse(struct addr_set *set, const char *list)
{
	bool ok = list[strspn(list, BLANKS)] == '\0';
	size_t n;

	set->count = 0;
	if (ok)
		return true;
	do {
		list += strspn(list, BLANKS);
		n = strcspn(list, SEPARATORS);
		ok = set->count < ADDR_MAX_RANGES &&
		     range_parse(&set->range[set->count], list, n);
		if (ok)
			set->count++;
		list += n + strspn(list + n, BLANKS);
	} while (ok && *list++ == ',');
	if (!ok || list[-1] != '\0') {
		set->count = 0;
		return false;
	}
	set_sort(set);
	return true;
}

bool
addr_set_has(const struct addr_set *set, const struct addr *addr)
{
	size_t low = 0, high = set->count, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (memcmp(set->range[middle].last.b, addr->b,
			sizeof(addr->b)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < set->count &&
	       memcmp(set->range[low].first.b, addr->b, sizeof(addr->b)) <= 0;
}
