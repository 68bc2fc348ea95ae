/*
 * icmp_in_test.c - ICMP errors about our segments: believed only when they quote what is in flight.
 */
#include "rig.h"
#include "tests/unit/unit.h"
#include "wire/checksum.h"
#include "wire/eth.h"
#include "wire/ip4.h"

static struct rig_wire wire;
static struct handle id;
static uint8_t sent[2048]; /* the last frame of the stack */
static size_t sent_bytes;

static void begin(void)
{
	struct tcp_config a = rig_config(1), b = rig_config(2);
	struct endpoint to = { .addr = b.addresses[0].addr, .port = 25 };
	rig_wire_make(&wire, &a, &b, 64, (struct rig_faults){ 0 }, 1,
	              (struct instant){ .us = SECOND_US });
	neigh_learn(wire.end[0].stack, 0, to.addr, b.mac, true, true, wire.now);
	CU_ASSERT_FATAL(tcp_listen(wire.end[1].stack, to, 1));
	CU_ASSERT_FATAL(tcp_connect(wire.end[0].stack, to, 1, wire.now, &id) ==
	                TCP_CONNECT_STARTED);
}

static void output_one(void)
{
	struct tcp_frame_meta meta;
	sent_bytes = tcp_output(wire.end[0].stack, (struct room){ sent, sizeof(sent) }, &meta,
	                        wire.now);
	CU_ASSERT_FATAL(sent_bytes > 0);
}

/* A router says something about the frame sent last, its sequence number changed by `off`. */
static void error(uint8_t code, uint16_t mtu, uint32_t off)
{
	uint8_t bytes[256];
	uint8_t quote[28];
	struct writer w = writer_of((struct room){ bytes, sizeof(bytes) });
	struct ip_addr router = rig_addr("198.18.0.254"), own = rig_addr("198.18.0.1");
	memcpy(quote, sent + 14, sizeof(quote));
	quote[24] = (uint8_t)(quote[24] + (off >> 24));
	quote[27] = (uint8_t)(quote[27] + off);
	static const uint8_t router_mac[6] = { 2, 0, 0, 0, 0, 0xfe };
	eth_emit(&w, wire.end[0].stack->config.mac, router_mac, ETH_IP4);
	ip4_emit(&w, router, own, IP_ICMP, 8 + sizeof(quote));
	size_t l4 = w.used;
	writer_u8(&w, 3);
	writer_u8(&w, code);
	writer_be16(&w, 0);
	writer_be32(&w, mtu);
	writer_bytes(&w, span_of(quote, sizeof(quote)));
	struct checksum sum =
		checksum_add((struct checksum){ 0 }, span_after(writer_span(&w), l4));
	writer_patch_be16(&w, l4 + 2, checksum_finish(sum));
	tcp_input(wire.end[0].stack, writer_span(&w), 0, wire.now);
}

static void a_hard_error_ends_an_opening_connection(void)
{
	struct tcp_event e;
	begin();
	output_one();
	error(3, 0, 1u << 24);
	CU_ASSERT(!tcp_next_event(wire.end[0].stack, &e)); /* not the number in flight */
	CU_ASSERT_EQUAL(wire.end[0].stack->counters.drops[TCP_DROP_ICMP_QUOTE], 1);
	error(1, 0, 0);
	CU_ASSERT(!tcp_next_event(wire.end[0].stack, &e)); /* host unreachable may pass */
	error(3, 0, 0);
	CU_ASSERT_FATAL(tcp_next_event(wire.end[0].stack, &e));
	CU_ASSERT(e.bits == TCP_CLOSED && e.why == TCP_CLOSE_UNREACHABLE);
	tcp_release(wire.end[0].stack, id, wire.now);
	CU_ASSERT(rig_is_empty(&wire.end[0]));
	rig_wire_free(&wire);
}

static void establish(void)
{
	begin();
	for (unsigned i = 0; i < 10; i++)
		rig_turn(&wire, instant_add(wire.now, 1000));
	struct tcp_info info;
	tcp_info(wire.end[0].stack, id, &info);
	CU_ASSERT_EQUAL(info.mss, 1448);
	static const uint8_t zeros[3000];
	CU_ASSERT_EQUAL(byteq_write(tcp_tx(wire.end[0].stack, id), &wire.end[0].pool,
	                            span_of(zeros, sizeof(zeros))),
	                sizeof(zeros));
	tcp_tx_added(wire.end[0].stack, id, wire.now);
	output_one();
}

static void a_hard_error_does_not_end_an_established_connection(void)
{
	struct tcp_event e;
	establish();
	error(3, 0, 0);
	while (tcp_next_event(wire.end[0].stack, &e))
		CU_ASSERT_EQUAL(e.bits & TCP_CLOSED, 0);
	rig_wire_free(&wire);
}

static void too_big_makes_segments_smaller_but_not_tiny(void)
{
	struct tcp_info info;
	establish();
	error(4, 1400, 1u << 24); /* a guess that is not in flight */
	tcp_info(wire.end[0].stack, id, &info);
	CU_ASSERT_EQUAL(info.mss, 1448);
	struct tcp_stack *s = wire.end[0].stack;
	struct ip_addr peer = rig_addr("198.18.0.2");
	CU_ASSERT(path_memory_find(&s->paths, 0, peer, wire.now) == NULL); /* nor is it remembered */
	error(4, 1400, 0);
	CU_ASSERT_FATAL(path_memory_find(&s->paths, 0, peer, wire.now) != NULL);
	CU_ASSERT_EQUAL(path_memory_find(&s->paths, 0, peer, wire.now)->mtu, 1400);
	tcp_info(wire.end[0].stack, id, &info);
	CU_ASSERT_EQUAL(info.mss, 1348);
	output_one();
	CU_ASSERT_EQUAL(sent_bytes, 14 + 1400);
	error(4, 68, 0);
	tcp_info(wire.end[0].stack, id, &info);
	CU_ASSERT_EQUAL(info.mss, TCP_PATH_MTU_MIN_V4 - 52);
	error(4, 1500, 0); /* never larger again */
	tcp_info(wire.end[0].stack, id, &info);
	CU_ASSERT_EQUAL(info.mss, TCP_PATH_MTU_MIN_V4 - 52);
	rig_wire_free(&wire);
}

UNIT("tcp/icmp_in",
     { "a hard error that quotes our SYN ends an opening connection, others do not",
       a_hard_error_ends_an_opening_connection },
     { "a hard error does not end an established connection (RFC 5927)",
       a_hard_error_does_not_end_an_established_connection },
     { "too big makes segments smaller, never below 576",
       too_big_makes_segments_smaller_but_not_tiny })
