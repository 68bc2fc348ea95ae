/*
 * checksum.c - see checksum.h.
 *
 * Eight bytes a step into two sums, whose overflows are counted and added at the end (RFC 1071 2
 * (C), "parallel summation"): compilers make an add and an add-with-carry of each step.
 */
#include "wire/checksum.h"

#include <stdbool.h>
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

/* The last bytes, with zeros behind them. */
static uint64_t load_tail(const uint8_t *p, size_t bytes)
{
	uint8_t padded[8] = { 0 };
	memcpy(padded, p, bytes);
	return load_native64(padded);
}

struct wide { /* a 64-bit sum and how often it overflowed */
	uint64_t sum, carries;
};

static inline void wide_add(struct wide *w, uint64_t v)
{
	w->sum += v;
	w->carries += w->sum < v;
}

/* To a few more than 32 bits, so that many pieces add up without overflow: 2^64, 2^32 and 1 are the
 * same modulo 2^16 - 1. */
static uint64_t wide_fold(struct wide w)
{
	return (w.sum & UINT32_MAX) + (w.sum >> 32) + w.carries;
}

struct checksum checksum_add(struct checksum c, struct span s)
{
	const uint8_t *p = s.data;
	size_t left = s.bytes;
	struct wide even = { 0 };
	struct wide odd = { 0 };
	for (; left >= 32; left -= 32, p += 32) {
		wide_add(&even, load_native64(p));
		wide_add(&odd, load_native64(p + 8));
		wide_add(&even, load_native64(p + 16));
		wide_add(&odd, load_native64(p + 24));
	}
	for (; left >= 8; left -= 8, p += 8)
		wide_add(&even, load_native64(p));
	if (left > 0)
		wide_add(&odd, load_tail(p, left));
	return (struct checksum){ .sum = c.sum + wide_fold(even) + wide_fold(odd) };
}

static uint16_t fold(struct checksum c)
{
	uint64_t sum = (c.sum & UINT32_MAX) + (c.sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)((sum & UINT16_MAX) + (sum >> 16));
}

/* What begins at an odd place has its bytes in the other halves of the words: its sum is swapped (RFC 1071 2.B). */
struct checksum checksum_add_all(struct checksum c, const struct span *spans, uint32_t count)
{
	bool odd = false;
	for (uint32_t i = 0; i < count; i++) {
		uint16_t sum = fold(checksum_add((struct checksum){ 0 }, spans[i]));
		c.sum += odd ? (uint16_t)(sum << 8 | sum >> 8) : sum;
		odd ^= spans[i].bytes % 2 != 0;
	}
	return c;
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
	return native_be16(fold(c));
}

uint16_t checksum_finish(struct checksum c)
{
	return (uint16_t)~checksum_partial(c);
}
