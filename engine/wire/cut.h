/*
 * cut.h - a frame that carries several TCP segments, cut into frames that carry one each: what the segmentation offload
 * of a device does (TSO), for ports that have none.
 */
#ifndef WEIR_WIRE_CUT_H
#define WEIR_WIRE_CUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/span.h"

struct cut { /* the whole frame, and where its parts begin */
	struct span frame;
	uint16_t l3_offset, l4_offset, payload_offset;
	uint16_t segment_bytes; /* of payload, in each piece but the last; at least 1 */
	bool ipv6;
};

uint32_t cut_count(const struct cut *c);
/* Writes piece `index`, below cut_count(), as a frame; returns its bytes. `room` holds payload_offset + segment_bytes.
 * The sequence number counts on; CWR stands on the first piece only, FIN and PSH on the last (RFC 9293 3.1, RFC 3168
 * 6.1.2). `offload`: the port fills in the TCP checksum, the pseudo-header sum is left there. */
size_t cut_write(const struct cut *c, uint32_t index, bool offload, struct room room);

#endif
