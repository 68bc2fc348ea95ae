/*
 * ip6.h - IPv6 headers and extension header chains (RFC 8200).
 *
 * Hop-by-hop and destination options are skipped unread, routing headers only with no segments left
 * and never type 0 (RFC 5095); fragments are refused. The chain is bounded: at most
 * IP6_EXTENSIONS_MAX headers and IP6_EXTENSION_BYTES_MAX bytes, and each step moves on by at least
 * eight bytes.
 */
#ifndef WEIR_WIRE_IP6_H
#define WEIR_WIRE_IP6_H

#include <stdint.h>

#include "base/span.h"
#include "wire/ip.h"

#define IP6_HEADER_BYTES 40u
#define IP6_FRAGMENT_BYTES 8u
#define IP6_EXTENSIONS_MAX 8u
#define IP6_EXTENSION_BYTES_MAX 256u

MUST_USE enum ip_outcome ip6_parse(struct span l3, uint16_t l3_offset, struct ip_view *view);
/* What stands behind a fragment header, once it is whole: the rest of the header chain is taken off view->payload. A
 * second fragment header is IP_BAD_EXTENSION. */
MUST_USE enum ip_outcome ip6_rest_parse(struct ip_view *view);
void ip6_emit(struct writer *w, struct ip_addr src, struct ip_addr dst, uint8_t protocol,
              uint16_t payload_bytes, uint8_t hop_limit);
/* Gives a header that ip6_emit() wrote at `begin` another ECN field. */
void ip6_mark(struct writer *w, size_t begin, enum ip_ecn ecn);

#endif
