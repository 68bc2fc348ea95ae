/*
 * icmp.h - ICMP (RFC 792) and ICMPv6 (RFC 4443): echo, and errors that quote a TCP segment.
 *
 * Both versions share one representation; the type numbers stay those of the version at hand. What
 * an error means for a connection is `enum icmp_error`, so that the TCP layer knows no type
 * numbers.
 */
#ifndef WEIR_WIRE_ICMP_H
#define WEIR_WIRE_ICMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/check.h"
#include "base/span.h"
#include "wire/ip.h"
#include "wire/seq.h"

#define ICMP_HEADER_BYTES 8u

enum icmp_kind {
	ICMP_OTHER = 1, /* not for us to act on */
	ICMP_ECHO_REQUEST,
	ICMP_ECHO_REPLY,
	ICMP_NEIGHBOUR, /* ND: see nd.h */
	ICMP_HARD_ERROR, /* protocol, port unreachable, prohibited (RFC 1122 4.2.3.9) */
	ICMP_SOFT_ERROR, /* network, host unreachable, time exceeded: may pass by itself */
	ICMP_TOO_BIG,
};

struct icmp_message {
	enum icmp_kind kind;
	uint8_t type, code;
	uint32_t word; /* the second header word: echo id and sequence, or the MTU */
	struct span body;
};

struct icmp_quote { /* the TCP segment of ours that an error is about */
	struct endpoint local, remote;
	struct seq seq;
};

/* False: too short or bad checksum. `checked`: the port verified the checksum. */
MUST_USE bool icmp_parse(const struct ip_view *ip, bool checked, struct icmp_message *m);
/* False: the quote is not a first fragment of TCP with ports and sequence number. */
MUST_USE bool icmp_quote_parse(uint8_t family, const struct icmp_message *m, struct icmp_quote *q);
/* The MTU that a TOO_BIG reports; 0 where the router gave none (RFC 1191 4, old routers). */
uint32_t icmp_reported_mtu(uint8_t family, const struct icmp_message *m);
/* An echo reply to `request`, ICMP header and body; src and dst are those of the reply. */
void icmp_echo_emit(struct writer *w, struct ip_addr src, struct ip_addr dst,
                    const struct icmp_message *request);

#endif
