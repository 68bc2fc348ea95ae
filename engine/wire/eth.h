/*
 * eth.h - Ethernet II frames, with up to two VLAN tags skipped (802.1Q, 802.1ad).
 */
#ifndef WEIR_WIRE_ETH_H
#define WEIR_WIRE_ETH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/span.h"

#define ETH_HEADER_BYTES 14u
#define ETH_TAGS_MAX 2u
#define ETH_MAC_BYTES 6u

enum eth_type {
	ETH_IP4 = 0x0800,
	ETH_ARP = 0x0806,
	ETH_TAG = 0x8100,
	ETH_IP6 = 0x86dd,
	ETH_TAG_OUTER = 0x88a8,
};

struct eth_view {
	const uint8_t *dst; /* six bytes each, borrowed */
	const uint8_t *src;
	uint16_t type; /* behind the tags */
	uint16_t l3_offset;
	struct span payload; /* with any padding; the next layer's own length cuts it */
};

extern const uint8_t eth_broadcast[ETH_MAC_BYTES];

/* False: too short, or more than ETH_TAGS_MAX tags. */
MUST_USE bool eth_parse(struct span frame, struct eth_view *view);
void eth_emit(struct writer *w, const uint8_t *dst, const uint8_t *src, uint16_t type);

static inline bool eth_is_group(const uint8_t *mac)
{
	return (mac[0] & 1) != 0;
}

#endif
