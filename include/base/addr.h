/*
 * Addresses on the internet, of clients and of the proxies before us: 16 bytes
 * for both versions, an IPv4 address in the form that IPv6 has for it
 * (RFC 4291, section 2.5.5.2: ::ffff:192.0.2.1). Values only: no socket, and
 * no name is ever looked up.
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDR_TEXT_SIZE 50	/* the longest address, "/128" and a NUL */

/* In network byte order. All zeros, "::", is nobody's: not known. */
struct addr {
	uint8_t	b[16];
};

/*
 * Read an address: dotted decimal or an IPv6 address (RFC 4291, section 2.2),
 * whose zone ("%eth0", RFC 4007, section 11) is left out. False when it is
 * anything else, with a port or blanks too; then *addr is as before.
 */
bool addr_parse(struct addr *, const char *, size_t);

bool addr_equal(const struct addr *, const struct addr *);
bool addr_is_v4(const struct addr *);

/*
 * Whom an address stands for, when something is counted: IPv4 itself, of IPv6
 * the network of 64 bits, since one line has at least so many (RFC 6177).
 */
struct addr addr_key(const struct addr *);

/* Write it: "192.0.2.1", or as RFC 5952 has it; "-" when it is not known. */
void addr_text(char out[ADDR_TEXT_SIZE], const struct addr *);

/*
 * Write the network only, so that it leads to no person: "192.0.2.0/24" or
 * "2001:db8:1::/48"; "-" when it is not known.
 */
void addr_text_prefix(char out[ADDR_TEXT_SIZE], const struct addr *);

/* How much of an address is shown. */
enum addr_shown {
	ADDR_FULL,
	ADDR_PREFIX,
	ADDR_NONE,
};

/* Write so much of it; returns out, or NULL for ADDR_NONE. */
const char *addr_show(char out[ADDR_TEXT_SIZE], const struct addr *,
    enum addr_shown);

#define ADDR_MAX_RANGES 256

struct addr_range {
	struct addr	first, last;
};

/* Some addresses, as ranges in order that do not touch. */
struct addr_set {
	size_t			count;
	struct addr_range	range[ADDR_MAX_RANGES];
};

/*
 * Read a list: addresses and networks ("10.0.0.0/8", "2001:db8::/32"; RFC 4632,
 * section 3.1), with commas between them and blanks around; "" is none. False
 * when it is anything else, a network has bits behind its prefix, or there are
 * more than ADDR_MAX_RANGES; then the set is empty.
 */
bool addr_set_parse(struct addr_set *, const char *list);

bool addr_set_has(const struct addr_set *, const struct addr *);

#endif
