/*
 * ip4.h - IPv4 headers (RFC 791). Options are skipped, fragments refused.
 */
#ifndef WEIR_WIRE_IP4_H
#define WEIR_WIRE_IP4_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "wire/ip.h"

#define IP4_HEADER_BYTES 20u

/* `l3` is the frame behind the Ethernet header, `l3_offset` where that was. `checked`: the port has
 * verified the header checksum. */
MUST_USE enum ip_outcome ip4_parse(struct span l3, uint16_t l3_offset, bool checked,
                                   struct ip_view *view);
/* A header without options, don't-fragment set, identification 0 (atomic, RFC 6864 4.1). */
void ip4_emit(struct writer *w, struct ip_addr src, struct ip_addr dst, uint8_t protocol,
              uint16_t payload_bytes);
/* Fills in the checksum of a header at `begin`, whatever stood there. */
void ip4_seal(struct writer *w, size_t begin);
/* Gives a header that ip4_emit() wrote at `begin` another ECN field. */
void ip4_mark(struct writer *w, size_t begin, enum ip_ecn ecn);

#endif
