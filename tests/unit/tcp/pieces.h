/*
 * pieces.h - datagrams cut into fragments and given to one stack, for the tests of tcp/fragment.c.
 */
#ifndef WEIR_TESTS_TCP_PIECES_H
#define WEIR_TESTS_TCP_PIECES_H

#include "rig.h"
#include "tests/unit/unit.h"
#include "wire/checksum.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

#define PORT 25u
#define SIZE_MOST 60000u

static struct rig rig;
static struct instant now;
static const uint8_t peer_mac[6] = { 2, 0, 0, 0, 0, 0x99 };

struct datagram { /* what is cut */
	uint8_t family, protocol;
	uint32_t id;
	uint8_t source; /* last byte of the address */
	uint32_t bytes;
	uint8_t data[SIZE_MOST];
};

static struct datagram d;

static inline void open_up(void)
{
	struct tcp_config config = rig_config(1);
	config.fragments = true;
	now = (struct instant){ .us = 100 * SECOND_US };
	rig_make(&rig, &config, RIG_BLOCKS, now);
	CU_ASSERT_FATAL(tcp_listen(rig.stack, (struct endpoint){ .port = PORT }, 1));
	neigh_learn(rig.stack, 0, rig_addr("198.18.0.9"), peer_mac, true, true, now);
	neigh_learn(rig.stack, 0, rig_addr("2001:2::9"), peer_mac, true, true, now);
}

static inline void pass_time(uint64_t us)
{
	now = instant_add(now, us);
	for (unsigned i = 0; i < 40 && instant_reached(tcp_deadline(rig.stack), now); i++)
		tcp_expire(rig.stack, now);
}

static inline void close_down(void)
{
	const struct fragments *f = rig.stack->fragments;
	pass_time(61 * SECOND_US);
	CU_ASSERT(f->live == 0 && f->dead == 0);
	CU_ASSERT(f->chunks_free == FRAGMENT_CHUNKS);
	for (unsigned i = 0; i < FRAGMENT_SOURCES; i++)
		CU_ASSERT_FATAL(f->sources[i] == 0);
	for (unsigned i = 0; i < FRAGMENT_DATAGRAMS_MAX; i++)
		CU_ASSERT_FATAL(f->buckets[i] == 0);
	CU_ASSERT(fragment_deadline(f).us == INSTANT_NEVER.us);
	rig_free(&rig);
}

static inline uint64_t dropped(enum tcp_drop reason)
{
	return tcp_counters(rig.stack)->drops[reason];
}

static inline uint64_t whole(void)
{
	return tcp_counters(rig.stack)->reassembled;
}

/* ---- making datagrams and pieces ---- */

static inline struct ip_addr source_of(uint8_t family, uint8_t last)
{
	struct ip_addr a = rig_addr(family == IP_V4 ? "198.18.0.9" : "2001:2::9");
	a.bytes[family == IP_V4 ? 3 : 15] = last;
	if (family == IP_V6)
		a.bytes[7] = last; /* another /64 too */
	if (family == IP_V6 && last == 9)
		a.bytes[7] = 0;
	return a;
}

static inline struct ip_addr own_of(uint8_t family)
{
	return rig.stack->config.addresses[family == IP_V4 ? 0 : 1].addr;
}

/* An echo request, whose answer tells what came together. */
static inline void echo_make(uint8_t family, uint32_t bytes, uint32_t id)
{
	struct writer w = writer_of((struct room){ d.data, sizeof(d.data) });
	d.family = family;
	d.protocol = family == IP_V4 ? IP_ICMP : IP_ICMP6;
	d.id = id;
	d.source = 9;
	d.bytes = bytes;
	writer_u8(&w, family == IP_V4 ? 8 : 128);
	writer_u8(&w, 0);
	writer_be16(&w, 0);
	writer_be32(&w, 0x12345678);
	while (w.used < bytes)
		writer_u8(&w, (uint8_t)(w.used * 7 + w.used / 256));
	struct ip_addr src = source_of(family, 9), dst = own_of(family);
	struct checksum sum = family == IP_V4 ? (struct checksum){ 0 } :
	                                        checksum_pseudo(src, dst, IP_ICMP6, bytes);
	writer_patch_be16(&w, 2, checksum_finish(checksum_add(sum, writer_span(&w))));
	CU_ASSERT_FATAL(w.ok);
}

/* A segment with so many zeros as data. */
static inline void segment_make(uint8_t family, uint8_t flags, struct seq seq, struct seq ack, uint32_t bytes)
{
	struct writer w = writer_of((struct room){ d.data, sizeof(d.data) });
	struct tcp_seg seg = { .src_port = 5000, .dst_port = PORT, .seq = seq, .ack = ack, .flags = flags,
		               .window = 60000 };
	d = (struct datagram){ .family = family, .protocol = IP_TCP, .id = 77, .source = 9 };
	tcp_seg_emit(&w, &seg);
	writer_zeros(&w, bytes);
	tcp_seg_seal(&w, 0, source_of(family, 9), own_of(family), false);
	CU_ASSERT_FATAL(w.ok);
	d.bytes = (uint32_t)w.used;
}

static inline void frame_in(const struct writer *w)
{
	CU_ASSERT_FATAL(w->ok);
	tcp_input(rig.stack, writer_span(w), 0, now);
}

/* Bytes [begin, end) of the datagram; `ecn` as on this piece. */
static inline void piece_ecn(uint32_t begin, uint32_t end, bool more, enum ip_ecn ecn)
{
	static uint8_t frame[TCP_FRAME_BYTES_MAX];
	struct writer w = writer_of((struct room){ frame, sizeof(frame) });
	struct ip_addr src = source_of(d.family, d.source), dst = own_of(d.family);
	uint16_t bytes = (uint16_t)(end - begin);
	eth_emit(&w, rig.stack->config.mac, peer_mac, d.family == IP_V4 ? ETH_IP4 : ETH_IP6);
	if (d.family == IP_V4) {
		ip4_emit(&w, src, dst, d.protocol, bytes);
		writer_patch_be16(&w, ETH_HEADER_BYTES + 4, (uint16_t)d.id);
		writer_patch_be16(&w, ETH_HEADER_BYTES + 6, (uint16_t)(begin / 8 | (more ? 0x2000 : 0)));
		ip4_mark(&w, ETH_HEADER_BYTES, ecn);
	} else {
		ip6_emit(&w, src, dst, 44, (uint16_t)(bytes + 8), 64);
		ip6_mark(&w, ETH_HEADER_BYTES, ecn);
		writer_u8(&w, d.protocol);
		writer_u8(&w, 0);
		writer_be16(&w, (uint16_t)(begin | more));
		writer_be32(&w, d.id);
	}
	writer_bytes(&w, span_of(d.data + begin, bytes));
	frame_in(&w);
}

static inline void piece(uint32_t begin, uint32_t end, bool more)
{
	piece_ecn(begin, end, more, IP_NOT_ECT);
}

/* Is the next frame out an echo reply with this datagram's bytes? */
static inline bool echoed(void)
{
	static uint8_t frame[RIG_FRAME_BYTES];
	struct tcp_frame_meta meta;
	struct eth_view eth;
	struct ip_view ip;
	size_t bytes = tcp_output(rig.stack, (struct room){ frame, sizeof(frame) }, &meta, now);
	if (bytes == 0 || !eth_parse(span_of(frame, bytes), &eth))
		return false;
	enum ip_outcome outcome = d.family == IP_V4 ? ip4_parse(eth.payload, eth.l3_offset, false, &ip) :
	                                              ip6_parse(eth.payload, eth.l3_offset, &ip);
	return outcome == IP_OK && ip.payload.bytes == d.bytes &&
	       memcmp(ip.payload.data + 4, d.data + 4, d.bytes - 4) == 0;
}

/* [a, b) and [x, y) of one datagram are too much. */
static inline void overlap(uint8_t family, uint32_t a, uint32_t b, uint32_t x, uint32_t y, uint32_t id)
{
	uint64_t before = dropped(TCP_DROP_FRAGMENT_OVERLAP), late = dropped(TCP_DROP_FRAGMENT_DEAD);
	echo_make(family, 1000, id);
	piece(a, b, b < 1000);
	piece(x, y, y < 1000);
	CU_ASSERT(dropped(TCP_DROP_FRAGMENT_OVERLAP) == before + 1);
	piece(0, 200, true);
	piece(200, 1000, false);
	CU_ASSERT(dropped(TCP_DROP_FRAGMENT_DEAD) == late + 2);
	CU_ASSERT(!echoed());
}

#endif
