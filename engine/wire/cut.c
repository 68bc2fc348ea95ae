/*
 * cut.c - see cut.h.
 */
#include "wire/cut.h"

#include "wire/ip4.h"
#include "wire/load.h"
#include "wire/tcp_seg.h"

#define IP4_LENGTH_OFFSET 2u
#define IP4_SOURCE_OFFSET 12u
#define IP6_LENGTH_OFFSET 4u
#define IP6_SOURCE_OFFSET 8u
#define TCP_SEQ_OFFSET 4u
#define TCP_FLAGS_OFFSET 13u
#define TCP_CHECKSUM_OFFSET 16u

uint32_t cut_count(const struct cut *c)
{
	size_t bytes = c->frame.bytes - c->payload_offset;
	return bytes == 0 ? 1 : (uint32_t)((bytes + c->segment_bytes - 1) / c->segment_bytes);
}

static struct ip_addr address_at(const uint8_t *p, bool ipv6)
{
	struct ip_addr a = { .family = ipv6 ? IP_V6 : IP_V4 };
	memcpy(a.bytes, p, ipv6 ? 16 : 4);
	return a;
}

static void patch_lengths(const struct cut *c, struct writer *w)
{
	uint16_t l4_bytes = (uint16_t)(w->used - c->l4_offset);
	if (c->ipv6) {
		writer_patch_be16(w, c->l3_offset + IP6_LENGTH_OFFSET, l4_bytes);
		return;
	}
	writer_patch_be16(w, c->l3_offset + IP4_LENGTH_OFFSET, (uint16_t)(IP4_HEADER_BYTES + l4_bytes));
	ip4_seal(w, c->l3_offset);
}

static void patch_segment(const struct cut *c, uint32_t index, struct writer *w)
{
	uint8_t *tcp = w->begin + c->l4_offset;
	uint32_t seq = load_be32(tcp + TCP_SEQ_OFFSET) + index * c->segment_bytes;
	writer_patch_be16(w, c->l4_offset + TCP_SEQ_OFFSET, (uint16_t)(seq >> 16));
	writer_patch_be16(w, c->l4_offset + TCP_SEQ_OFFSET + 2, (uint16_t)seq);
	if (index > 0)
		tcp[TCP_FLAGS_OFFSET] &= (uint8_t)~TCP_CWR;
	if (index + 1 < cut_count(c))
		tcp[TCP_FLAGS_OFFSET] &= (uint8_t)~(TCP_FIN | TCP_PSH);
	writer_patch_be16(w, c->l4_offset + TCP_CHECKSUM_OFFSET, 0);
}

size_t cut_write(const struct cut *c, uint32_t index, bool offload, struct room room)
{
	struct writer w = writer_of(room);
	struct span payload = span_after(span_after(c->frame, c->payload_offset), (size_t)index * c->segment_bytes);
	CHECK(index < cut_count(c));
	writer_bytes(&w, span_head(c->frame, c->payload_offset));
	writer_bytes(&w, span_head(payload, c->segment_bytes));
	CHECK(w.ok);
	patch_lengths(c, &w);
	patch_segment(c, index, &w);
	const uint8_t *source = w.begin + c->l3_offset + (c->ipv6 ? IP6_SOURCE_OFFSET : IP4_SOURCE_OFFSET);
	const uint8_t *destination = source + (c->ipv6 ? 16 : 4);
	tcp_seg_seal(&w, c->l4_offset, address_at(source, c->ipv6), address_at(destination, c->ipv6), offload);
	return w.used;
}
