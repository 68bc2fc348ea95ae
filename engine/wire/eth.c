/*
 * eth.c - see eth.h. First step of a frame's path: wire/eth -> wire/ip4|ip6 -> wire/tcp_seg ->
 * tcp/input.
 */
#include "wire/eth.h"

#include "wire/load.h"


const uint8_t eth_broadcast[ETH_MAC_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

bool eth_parse(struct span frame, struct eth_view *view)
{
	struct reader r = reader_of(frame);
	struct span header = reader_take(&r, ETH_HEADER_BYTES);
	if (!r.ok)
		return false;
	view->dst = header.data;
	view->src = header.data + ETH_MAC_BYTES;
	view->type = load_be16(header.data + 2 * ETH_MAC_BYTES);
	view->vlan = 0;
	view->l3_offset = ETH_HEADER_BYTES;
	if (view->type == ETH_TAG) {
		view->vlan = reader_be16(&r) & ETH_VLAN_MASK;
		view->type = reader_be16(&r);
		view->l3_offset = ETH_HEADER_BYTES_MAX;
	}
	view->payload = r.left;
	return r.ok;
}

void eth_emit_vlan(struct writer *w, const uint8_t *dst, const uint8_t *src, uint16_t vlan, uint16_t type)
{
	writer_bytes(w, span_of(dst, ETH_MAC_BYTES));
	writer_bytes(w, span_of(src, ETH_MAC_BYTES));
	if (vlan != 0) {
		writer_be16(w, ETH_TAG);
		writer_be16(w, vlan);
	}
	writer_be16(w, type);
}
