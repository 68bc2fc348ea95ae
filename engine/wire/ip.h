/*
 * ip.h - what both IP versions yield: one validated view of a packet.
 *
 * The lengths in it were checked against the frame once; later layers use `payload` and never read
 * a length field of the packet again (RELIABILITY: trusting a length twice is how stacks have been
 * broken).
 */
#ifndef WEIR_WIRE_IP_H
#define WEIR_WIRE_IP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/check.h"
#include "base/span.h"

#define IP_HOP_LIMIT 64u

enum ip_protocol { IP_ICMP = 1, IP_TCP = 6, IP_ICMP6 = 58 };

enum ip_outcome { /* of a parse; everything but IP_OK is a drop */
	IP_OK = 1,
	IP_BAD_HEADER,   /* too short, wrong version, lengths that contradict each other */
	IP_BAD_CHECKSUM, /* IPv4 header */
	IP_FRAGMENT,     /* the view is of this piece: fragment_* says which, payload is its bytes */
	IP_BAD_EXTENSION /* IPv6: chain too long, routing header with segments left, RH0, unknown */
};

struct ip_view {
	struct ip_addr src, dst;
	uint8_t protocol; /* of the payload, behind IPv6 extension headers */
	uint8_t hop_limit;
	uint8_t traffic_class;
	uint16_t l3_offset, l4_offset; /* from the start of the frame */
	struct span payload;
	/* of IP_FRAGMENT only */
	uint32_t fragment_id;
	uint32_t fragment_offset; /* bytes */
	bool fragment_more;
};

enum ip_ecn { IP_NOT_ECT = 0, IP_ECT_1 = 1, IP_ECT_0 = 2, IP_CE = 3 }; /* RFC 3168 5 */

static inline enum ip_ecn ip_ecn_of(const struct ip_view *ip)
{
	return (enum ip_ecn)(ip->traffic_class & 3);
}

/* Can this be the source of a packet for us? Not unspecified, loopback, multicast or broadcast
 * (RFC 1122 3.2.1.3, RFC 4291 2.7). */
bool ip_source_plausible(struct ip_addr a);
bool ip_is_multicast(struct ip_addr a);

#endif
