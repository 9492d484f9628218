/*
 * The address of the client, which the limits and the log go by: that of the
 * web server's peer, or what a proxy that is trusted says of it.
 */
#ifndef HTTP_CLIENT_ADDRESS_H
#define HTTP_CLIENT_ADDRESS_H

#include "base/addr.h"
#include "server/cgi.h"

/*
 * REMOTE_ADDR; and only while the address so far is one of the trusted, the one
 * before it in X-Forwarded-For, from the right: each proxy adds its peer there,
 * so that what a client wrote itself stands left of what is believed. An entry
 * is an address, in brackets or not, perhaps with a port. One that is not ends
 * the walk: the last address that was good counts. All zeros without a
 * REMOTE_ADDR that is an address: those clients are counted as one.
 */
struct addr client_address(const struct cgi *, const struct addr_set *trusted);

#endif
