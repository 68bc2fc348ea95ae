/*
 * cut.c - see cut.h.
 */
#include "wire/cut.h"

#include "wire/checksum.h"
#include "wire/ip4.h"
#include "wire/load.h"
#include "wire/tcp_seg.h"

#define IP4_LENGTH_OFFSET 2u
#define IP4_CHECKSUM_OFFSET 10u
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

static void store_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void store_be32(uint8_t *p, uint32_t v)
{
	store_be16(p, (uint16_t)(v >> 16));
	store_be16(p + 2, (uint16_t)v);
}

static void write_lengths(const struct cut *c, uint8_t *ip, size_t l4_bytes)
{
	struct checksum none = { 0 };
	if (c->ipv6) {
		store_be16(ip + IP6_LENGTH_OFFSET, (uint16_t)l4_bytes);
		return;
	}
	store_be16(ip + IP4_LENGTH_OFFSET, (uint16_t)(IP4_HEADER_BYTES + l4_bytes));
	store_be16(ip + IP4_CHECKSUM_OFFSET, 0);
	store_be16(ip + IP4_CHECKSUM_OFFSET, checksum_finish(checksum_add(none, span_of(ip, IP4_HEADER_BYTES))));
}

static struct ip_addr address_at(const uint8_t *p, bool ipv6)
{
	struct ip_addr a = { .family = ipv6 ? IP_V6 : IP_V4 };
	memcpy(a.bytes, p, ipv6 ? 16 : 4);
	return a;
}

static void write_checksum(const struct cut *c, const uint8_t *ip, uint8_t *tcp, size_t l4_bytes, bool offload)
{
	const uint8_t *source = ip + (c->ipv6 ? IP6_SOURCE_OFFSET : IP4_SOURCE_OFFSET);
	struct checksum sum = checksum_pseudo(address_at(source, c->ipv6), address_at(source + (c->ipv6 ? 16 : 4), c->ipv6),
	                                      IP_TCP, (uint32_t)l4_bytes);
	store_be16(tcp + TCP_CHECKSUM_OFFSET, 0);
	store_be16(tcp + TCP_CHECKSUM_OFFSET,
	           offload ? checksum_partial(sum) : checksum_finish(checksum_add(sum, span_of(tcp, l4_bytes))));
}

size_t cut_write(const struct cut *c, uint32_t index, bool offload, struct room room)
{
	size_t begin = (size_t)index * c->segment_bytes;
	struct span payload = span_head(span_after(span_after(c->frame, c->payload_offset), begin), c->segment_bytes);
	size_t l4_bytes = c->payload_offset - c->l4_offset + payload.bytes;
	CHECK(index < cut_count(c));
	CHECK(room.bytes >= c->payload_offset + payload.bytes);
	memcpy(room.data, c->frame.data, c->payload_offset);
	if (payload.bytes > 0)
		memcpy(room.data + c->payload_offset, payload.data, payload.bytes);
	uint8_t *ip = room.data + c->l3_offset;
	uint8_t *tcp = room.data + c->l4_offset;
	store_be32(tcp + TCP_SEQ_OFFSET, load_be32(tcp + TCP_SEQ_OFFSET) + (uint32_t)begin);
	if (index > 0)
		tcp[TCP_FLAGS_OFFSET] &= (uint8_t)~TCP_CWR;
	if (index + 1 < cut_count(c))
		tcp[TCP_FLAGS_OFFSET] &= (uint8_t)~(TCP_FIN | TCP_PSH);
	write_lengths(c, ip, l4_bytes);
	write_checksum(c, ip, tcp, l4_bytes, offload);
	return c->payload_offset + payload.bytes;
}
