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
	view->l3_offset = ETH_HEADER_BYTES;
	for (unsigned tags = 0; view->type == ETH_TAG || view->type == ETH_TAG_OUTER; tags++) {
		if (tags == ETH_TAGS_MAX)
			return false;
		(void)reader_be16(&r); /* priority and VLAN number: the port has sorted that out */
		view->type = reader_be16(&r);
		view->l3_offset += 4;
	}
	view->payload = r.left;
	return r.ok;
}

void eth_emit(struct writer *w, const uint8_t *dst, const uint8_t *src, uint16_t type)
{
	writer_bytes(w, span_of(dst, ETH_MAC_BYTES));
	writer_bytes(w, span_of(src, ETH_MAC_BYTES));
	writer_be16(w, type);
}
