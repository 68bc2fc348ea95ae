/*
 * ahead_int.h - what a burst of frames will need, seen and fetched before any of them is dealt with (ahead.c), and
 * the short way of those that are most expected (express.c).
 */
#ifndef WEIR_TCP_AHEAD_INT_H
#define WEIR_TCP_AHEAD_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "base/span.h"
#include "tcp/tcp.h"
#include "tcp/tuple_int.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/load.h"

/* What a frame seems to be, from a glance at its headers. Nothing of it is checked but lengths. */
struct ahead {
	struct span frame;  /* of one in pieces: the first, if all headers are in it and there are not too many; else none */
	const struct tcp_frame *whole;
	uint32_t bytes;     /* of the whole */
	uint8_t flags;      /* TCP_FRAME_* */
	bool same;          /* its headers are like those of the frame before it in the burst: nothing below is known then */
	uint8_t l3_at;      /* of the IP header; 0: not TCP directly in plain IPv4 or IPv6, and nothing below holds */
	uint8_t src_at;     /* of the addresses, theirs and ours, */
	uint8_t addr_bytes; /* each of so many bytes, */
	uint8_t l4_at;      /* and right behind them the ports */
	uint8_t family;     /* enum ip_family */
	bool marked;        /* congestion experienced */
	uint16_t vlan;      /* of its tag; 0: none */
	uint32_t l4_bytes;  /* without padding */
	uint32_t key;       /* of the connections heard of late */
	uint32_t hash;      /* of the flow table, if not found among those; 0: not known */
	uint32_t ref;       /* whose it seems to be, as in the flow table; FLOW_NONE: nobody's */
};

static inline bool ahead_is_chained(const struct ahead *a)
{
	return a->bytes != a->frame.bytes;
}

static inline const uint8_t *ahead_src(const struct ahead *a)
{
	return a->frame.data + a->src_at;
}

static inline const uint8_t *ahead_dst(const struct ahead *a)
{
	return a->frame.data + a->src_at + a->addr_bytes;
}

static inline const uint8_t *ahead_l4(const struct ahead *a)
{
	return a->frame.data + a->l4_at;
}

/* Bytes behind an IPv4 header without options, of which `bytes` came with it; 0: it contradicts them, or is a
 * fragment's. */
static inline uint32_t ahead_ip4_bytes(const uint8_t *ip, size_t bytes)
{
	const uint32_t fragment_bits = 0xbfff; /* reserved, more fragments, offset: all but don't-fragment */
	uint32_t all = load_be16(ip + 2);
	bool plain = all >= IP4_HEADER_BYTES && all <= bytes && (load_be16(ip + 6) & fragment_bits) == 0;
	return plain ? all - IP4_HEADER_BYTES : 0;
}

/* The same for IPv6. */
static inline uint32_t ahead_ip6_bytes(const uint8_t *ip, size_t bytes)
{
	uint32_t l4_bytes = load_be16(ip + 4);
	return l4_bytes <= bytes - IP6_HEADER_BYTES ? l4_bytes : 0;
}

/* Connections heard of late are found without the keyed hash. Anybody can compute the key and collide on purpose:
 * that costs the keyed hash, as without it, and finds nobody else's connection. */
struct recent {
	uint32_t key, ref;
};

/* `flags`: those that are believed. */
static inline void ahead_begin(struct ahead *a, const struct tcp_frame *frame, uint32_t flags)
{
	a->frame = frame->head;
	a->whole = frame;
	a->bytes = (uint32_t)frame->head.bytes;
	a->flags = (uint8_t)(frame->flags & flags);
	if (frame->more_count == 0)
		return;
	a->bytes = (uint32_t)tcp_frame_bytes(frame);
	if (a->frame.bytes < TCP_CUT_HEADERS_MAX || frame->more_count >= TCP_PIECES_MAX)
		a->frame = SPAN_NONE;
}

/* ---- ahead.c ---- */
/* Reads the headers of a frame, behind ahead_begin(); false: it is nothing plain. */
bool ahead_read(struct ahead *a);
/* The same, and whose it may be. */
void ahead_look(const struct tcp_stack *s, struct ahead *a);
/* From and to whom it is. */
struct tuple ahead_tuple(const struct ahead *a);
/* The frame of `a` was for this connection: the next one may be, too. */
void ahead_remember(struct tcp_stack *s, const struct ahead *a, uint32_t ref);
/* ---- express.c ---- */
/* How many frames of a burst, of which `a` is the first of `count` that are left, were the next bytes of an open
 * connection, which has them now. 0: nothing was touched. */
uint32_t express_input(struct tcp_stack *s, const struct ahead *a, uint32_t count, struct instant now);

#endif
