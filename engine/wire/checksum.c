/*
 * checksum.c - see checksum.h.
 *
 * Two 32-bit halves of each eight bytes are added into 64 bits, which cannot overflow below 2^32
 * steps, so that the inner loop needs no carry and compilers may vectorise it.
 */
#include "wire/checksum.h"

#include <string.h>

static uint64_t load_native64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static uint16_t native_be16(uint16_t v)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (uint16_t)(v << 8 | v >> 8);
#else
	return v;
#endif
}

static uint64_t add_tail(uint64_t sum, const uint8_t *p, size_t bytes)
{
	uint8_t padded[8] = { 0 };
	memcpy(padded, p, bytes);
	uint64_t v = load_native64(padded);
	return sum + (v & UINT32_MAX) + (v >> 32);
}

struct checksum checksum_add(struct checksum c, struct span s)
{
	const uint8_t *p = s.data;
	size_t left = s.bytes;
	uint64_t low = 0;
	uint64_t high = 0;
	for (; left >= 32; left -= 32, p += 32) {
		for (unsigned i = 0; i < 4; i++) {
			uint64_t v = load_native64(p + 8 * i);
			low += v & UINT32_MAX;
			high += v >> 32;
		}
	}
	for (; left >= 8; left -= 8, p += 8) {
		uint64_t v = load_native64(p);
		low += v & UINT32_MAX;
		high += v >> 32;
	}
	/* Folded once here, so that sums of many pieces stay far from overflow. */
	uint64_t sum = (low & UINT32_MAX) + (low >> 32) + (high & UINT32_MAX) + (high >> 32);
	if (left > 0)
		sum = add_tail(sum, p, left);
	return (struct checksum){ .sum = c.sum + sum };
}

struct checksum checksum_pseudo(struct ip_addr src, struct ip_addr dst, uint8_t protocol,
                                uint32_t bytes)
{
	struct checksum c = { .sum = 0 };
	c = checksum_add(c, span_of(src.bytes, ip_addr_bytes(src)));
	c = checksum_add(c, span_of(dst.bytes, ip_addr_bytes(dst)));
	c.sum += native_be16(protocol);
	c.sum += native_be16((uint16_t)(bytes >> 16));
	c.sum += native_be16((uint16_t)bytes);
	return c;
}

uint16_t checksum_partial(struct checksum c)
{
	uint64_t sum = (c.sum & UINT32_MAX) + (c.sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return native_be16((uint16_t)sum);
}

uint16_t checksum_finish(struct checksum c)
{
	return (uint16_t)~checksum_partial(c);
}
