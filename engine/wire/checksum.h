/*
 * checksum.h - the Internet checksum (RFC 1071), in pieces.
 *
 * A sum is built with checksum_add() and checksum_pseudo() in any order and ends in
 * checksum_finish(). Every piece but the last must have an even number of bytes, but for those that
 * checksum_add_all() is given together. The running sum is
 * kept in the machine's own byte order (RFC 1071 2.B: the order does not matter until the end),
 * eight bytes a step.
 */
#ifndef WEIR_WIRE_CHECKSUM_H
#define WEIR_WIRE_CHECKSUM_H

#include <stdint.h>

#include "base/addr.h"
#include "base/check.h"
#include "base/span.h"

struct checksum {
	uint64_t sum;
};

MUST_USE struct checksum checksum_add(struct checksum c, struct span s);
/* Spans of any lengths, one behind the other. */
MUST_USE struct checksum checksum_add_all(struct checksum c, const struct span *spans, uint32_t count);
/* The pseudo header of RFC 9293 3.1 (IPv4) and RFC 8200 8.1 (IPv6). Both addresses are of one
 * family. */
MUST_USE struct checksum checksum_pseudo(struct ip_addr src, struct ip_addr dst, uint8_t protocol,
                                         uint32_t bytes);
/* The value for the checksum field. Over bytes that contain a right checksum it is 0. */
uint16_t checksum_finish(struct checksum c);
/* The folded sum without the final complement: what a port that finishes checksums wants in the
 * field. */
uint16_t checksum_partial(struct checksum c);

#endif
