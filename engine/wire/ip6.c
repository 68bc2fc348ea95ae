/*
 * ip6.c - see ip6.h.
 */
#include "wire/ip6.h"

#include "wire/load.h"

enum ip6_extension {
	IP6_HOP_BY_HOP = 0,
	IP6_ROUTING = 43,
	IP6_FRAGMENT = 44,
	IP6_DESTINATION = 60,
};

static struct ip_addr ip6_addr(const uint8_t *p)
{
	struct ip_addr a = { .family = IP_V6 };
	memcpy(a.bytes, p, 16);
	return a;
}

static bool is_extension(uint8_t protocol)
{
	return protocol == IP6_HOP_BY_HOP || protocol == IP6_ROUTING ||
	       protocol == IP6_FRAGMENT || protocol == IP6_DESTINATION;
}

/* One extension header is taken off *rest; *protocol becomes what it announces. */
static enum ip_outcome skip_extension(struct span *rest, uint8_t *protocol)
{
	if (rest->bytes < 8)
		return IP_BAD_EXTENSION;
	if (*protocol == IP6_FRAGMENT)
		return IP_FRAGMENT;
	size_t bytes = 8 + (size_t)rest->data[1] * 8;
	if (bytes > rest->bytes)
		return IP_BAD_EXTENSION;
	if (*protocol == IP6_ROUTING && (rest->data[2] == 0 || rest->data[3] != 0))
		return IP_BAD_EXTENSION;
	*protocol = rest->data[0];
	*rest = span_after(*rest, bytes);
	return IP_OK;
}

static enum ip_outcome skip_chain(struct span *rest, uint8_t *protocol)
{
	size_t all = rest->bytes;
	for (unsigned count = 0; is_extension(*protocol); count++) {
		if (count == IP6_EXTENSIONS_MAX)
			return IP_BAD_EXTENSION;
		enum ip_outcome outcome = skip_extension(rest, protocol);
		if (outcome != IP_OK)
			return outcome;
		if (all - rest->bytes > IP6_EXTENSION_BYTES_MAX)
			return IP_BAD_EXTENSION;
	}
	return IP_OK;
}

/* The fragment header is taken off *rest, which then is what this piece brings (RFC 8200 4.5). */
static void take_fragment(struct span *rest, uint8_t *protocol, struct ip_view *view)
{
	uint16_t piece = load_be16(rest->data + 2);
	view->fragment_offset = piece & 0xfff8u;
	view->fragment_more = (piece & 1) != 0;
	view->fragment_id = load_be32(rest->data + 4);
	*protocol = rest->data[0];
	*rest = span_after(*rest, IP6_FRAGMENT_BYTES);
}

enum ip_outcome ip6_parse(struct span l3, uint16_t l3_offset, struct ip_view *view)
{
	if (l3.bytes < IP6_HEADER_BYTES || l3.data[0] >> 4 != 6)
		return IP_BAD_HEADER;
	uint16_t payload_bytes = load_be16(l3.data + 4);
	if (payload_bytes > l3.bytes - IP6_HEADER_BYTES)
		return IP_BAD_HEADER;
	struct span rest = span_head(span_after(l3, IP6_HEADER_BYTES), payload_bytes);
	uint8_t protocol = l3.data[6];
	enum ip_outcome outcome = skip_chain(&rest, &protocol);
	if (outcome == IP_FRAGMENT)
		take_fragment(&rest, &protocol, view);
	else if (outcome != IP_OK)
		return outcome;
	view->traffic_class = (uint8_t)(load_be16(l3.data) >> 4);
	view->hop_limit = l3.data[7];
	view->protocol = protocol;
	view->src = ip6_addr(l3.data + 8);
	view->dst = ip6_addr(l3.data + 24);
	view->l3_offset = l3_offset;
	view->l4_offset = (uint16_t)(l3_offset + IP6_HEADER_BYTES + payload_bytes - rest.bytes);
	view->payload = rest;
	return outcome;
}

enum ip_outcome ip6_rest_parse(struct ip_view *view)
{
	enum ip_outcome outcome = skip_chain(&view->payload, &view->protocol);
	return outcome == IP_FRAGMENT ? IP_BAD_EXTENSION : outcome;
}

void ip6_emit(struct writer *w, struct ip_addr src, struct ip_addr dst, uint8_t protocol,
              uint16_t payload_bytes, uint8_t hop_limit)
{
	writer_be32(w, 0x60000000);
	writer_be16(w, payload_bytes);
	writer_u8(w, protocol);
	writer_u8(w, hop_limit);
	writer_bytes(w, span_of(src.bytes, 16));
	writer_bytes(w, span_of(dst.bytes, 16));
}

/* The traffic class lies across the first two bytes, its ECN field in the upper half of the second's. */
void ip6_mark(struct writer *w, size_t begin, enum ip_ecn ecn)
{
	writer_patch_be16(w, begin, (uint16_t)(0x6000u | (uint32_t)ecn << 4));
}
