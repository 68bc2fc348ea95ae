/*
 * eth.h - Ethernet II frames, with one VLAN tag or none (IEEE 802.1Q).
 *
 * A second tag, or one of a provider's bridge (802.1ad), is no part of this format: it stands as the
 * type, and who gets the frame refuses it there. A tag of VLAN 0 only carries a priority (802.1Q
 * 9.6): the frame reads as untagged.
 */
#ifndef WEIR_WIRE_ETH_H
#define WEIR_WIRE_ETH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/span.h"

#define ETH_HEADER_BYTES 14u
#define ETH_TAG_BYTES 4u
#define ETH_HEADER_BYTES_MAX (ETH_HEADER_BYTES + ETH_TAG_BYTES)
#define ETH_MAC_BYTES 6u
#define ETH_VLAN_MASK 0x0fffu /* of a tag: the rest is priority */

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
	uint16_t type; /* behind the tag */
	uint16_t vlan; /* 0: none */
	uint16_t l3_offset;
	struct span payload; /* with any padding; the next layer's own length cuts it */
};

extern const uint8_t eth_broadcast[ETH_MAC_BYTES];

/* False: too short. */
MUST_USE bool eth_parse(struct span frame, struct eth_view *view);
/* `vlan` 0: without a tag. */
void eth_emit_vlan(struct writer *w, const uint8_t *dst, const uint8_t *src, uint16_t vlan, uint16_t type);

static inline void eth_emit(struct writer *w, const uint8_t *dst, const uint8_t *src, uint16_t type)
{
	eth_emit_vlan(w, dst, src, 0, type);
}

/* Of a frame to that VLAN. */
static inline uint16_t eth_header_bytes(uint16_t vlan)
{
	return vlan == 0 ? ETH_HEADER_BYTES : ETH_HEADER_BYTES_MAX;
}

static inline bool eth_is_tag(uint16_t type)
{
	return type == ETH_TAG || type == ETH_TAG_OUTER;
}

static inline bool eth_is_group(const uint8_t *mac)
{
	return (mac[0] & 1) != 0;
}

#endif
