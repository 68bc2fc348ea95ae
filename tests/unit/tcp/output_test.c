/*
 * output_test.c - turns between connections, the cursor over written bytes, offloaded checksums.
 */
#include "rig.h"
#include "tests/unit/unit.h"
#include "wire/checksum.h"
#include "wire/eth.h"
#include "wire/ip4.h"

#define CONNS 5u

static struct rig_wire wire;
static struct handle ids[CONNS];

static void begin(bool offload)
{
	struct tcp_config a = rig_config(1), b = rig_config(2);
	struct endpoint to = { .addr = b.addresses[0].addr, .port = 25 };
	struct tcp_event e;
	a.tx_checksum_offload = offload;
	b.rx_checksum_offload = true;
	rig_wire_make(&wire, &a, &b, RIG_BLOCKS, (struct rig_faults){ 0 }, 1,
	              (struct instant){ .us = SECOND_US });
	CU_ASSERT_FATAL(tcp_listen(wire.end[1].stack, to, 1));
	for (unsigned i = 0; i < CONNS; i++)
		CU_ASSERT_FATAL(tcp_connect(wire.end[0].stack, to, i, wire.now, &ids[i]) ==
		                TCP_CONNECT_STARTED);
	if (offload)
		return;
	for (unsigned i = 0; i < 10; i++)
		rig_turn(&wire, instant_add(wire.now, 1000));
	while (tcp_next_event(wire.end[0].stack, &e))
		CU_ASSERT((e.bits & TCP_OPENED) != 0);
}

static void write_bytes(unsigned i, size_t bytes)
{
	static const uint8_t zeros[65536];
	struct tcp_stack *s = wire.end[0].stack;
	CU_ASSERT_EQUAL_FATAL(byteq_write(tcp_tx(s, ids[i]), &wire.end[0].pool,
	                                  span_of(zeros, bytes)),
	                      bytes);
	tcp_tx_added(s, ids[i], wire.now);
}

static void connections_take_turns(void)
{
	uint8_t room[2048];
	struct tcp_frame_meta meta;
	unsigned in_row = 0, most = 0, frames = 0, heard[CONNS] = { 0 };
	uint16_t last = 0;
	size_t n;
	begin(false);
	for (unsigned i = 0; i < CONNS; i++)
		write_bytes(i, 14000);
	while ((n = tcp_output(wire.end[0].stack, (struct room){ room, sizeof(room) }, &meta,
	                       wire.now)) > 0) {
		uint16_t port = (uint16_t)(room[34] << 8 | room[35]);
		in_row = port == last ? in_row + 1 : 1;
		most = in_row > most ? in_row : most;
		last = port;
		frames++;
		for (unsigned i = 0; i < CONNS; i++) {
			struct tcp_info info;
			tcp_info(wire.end[0].stack, ids[i], &info);
			heard[i] += info.local.port == port;
		}
		if (frames == CONNS * TCP_VISIT_FRAMES)
			for (unsigned i = 0; i < CONNS; i++)
				CU_ASSERT_EQUAL(heard[i], TCP_VISIT_FRAMES);
	}
	CU_ASSERT_EQUAL(most, TCP_VISIT_FRAMES);
	CU_ASSERT_EQUAL(frames, CONNS * 10); /* the initial window: ten segments each */
	rig_wire_free(&wire);
}

static void a_port_that_finishes_checksums_gets_what_it_needs(void)
{
	uint8_t room[2048];
	struct tcp_frame_meta meta;
	begin(true);
	size_t n;
	do { /* the SYN behind the ARP exchange */
		rig_turn(&wire, instant_add(wire.now, 1000));
		neigh_learn(wire.end[0].stack, 0, rig_addr("198.18.0.2"),
		            wire.end[1].stack->config.mac, true, true, wire.now);
		n = tcp_output(wire.end[0].stack, (struct room){ room, sizeof(room) }, &meta,
		               wire.now);
		wire.now = instant_add(wire.now, 100000);
		tcp_expire(wire.end[0].stack, wire.now);
	} while (n > 0 ? room[12] == 8 && room[13] == 6 : wire.now.us < 20 * SECOND_US);
	CU_ASSERT_FATAL(n > 0);
	CU_ASSERT(meta.checksum_wanted && !meta.ipv6);
	CU_ASSERT_EQUAL(meta.l2_bytes, 14);
	CU_ASSERT_EQUAL(meta.l3_bytes, 20);
	CU_ASSERT_EQUAL(meta.l4_bytes, (room[46] >> 4) * 4);
	size_t l4 = meta.l2_bytes + meta.l3_bytes; /* the port's work */
	struct checksum sum = checksum_add((struct checksum){ 0 }, span_of(room + l4, n - l4));
	uint16_t field = checksum_finish(sum);
	room[l4 + 16] = (uint8_t)(field >> 8);
	room[l4 + 17] = (uint8_t)field;
	struct eth_view eth;
	struct ip_view ip;
	struct tcp_seg seg;
	CU_ASSERT_FATAL(eth_parse(span_of(room, n), &eth));
	CU_ASSERT_EQUAL_FATAL(ip4_parse(eth.payload, 14, false, &ip), IP_OK);
	CU_ASSERT_EQUAL(tcp_seg_parse(&ip, false, &seg), TCP_SEG_OK);
	rig_wire_free(&wire);
}

static void an_idle_connection_holds_no_block(void)
{
	begin(false);
	write_bytes(0, 5000);
	for (unsigned i = 0; i < 20; i++)
		rig_turn(&wire, instant_add(wire.now, 1000));
	struct tcp_event e;
	while (tcp_next_event(wire.end[1].stack, &e)) {
		struct byteq *q = tcp_rx(wire.end[1].stack, e.id);
		byteq_consume(q, &wire.end[1].pool, byteq_bytes(q));
		tcp_rx_taken(wire.end[1].stack, e.id, wire.now);
	}
	for (unsigned i = 0; i < 200; i++)
		rig_turn(&wire, instant_add(wire.now, 1000));
	CU_ASSERT_EQUAL(wire.end[0].pool.free_count, wire.end[0].pool.total);
	CU_ASSERT_EQUAL(wire.end[1].pool.free_count, wire.end[1].pool.total);
	struct tcp_info info;
	tcp_info(wire.end[0].stack, ids[0], &info);
	CU_ASSERT(info.all_acked && info.retransmits == 0 && info.mss == 1448);
	rig_wire_free(&wire);
}

static void more_than_the_room_cannot_be_announced(void)
{
	begin(false);
	CU_ASSERT_EQUAL(tcp_tx_room(wire.end[0].stack, ids[0]), 65536);
	write_bytes(0, 60000);
	CU_ASSERT_EQUAL(tcp_tx_room(wire.end[0].stack, ids[0]), 5536);
	tcp_shut(wire.end[0].stack, ids[0], wire.now);
	CU_ASSERT_EQUAL(tcp_tx_room(wire.end[0].stack, ids[0]), 0);
	rig_wire_free(&wire);
}

UNIT("tcp/output", { "connections take turns, a few frames each", connections_take_turns },
     { "a port that finishes checksums gets the pseudo-header sum and the lengths",
       a_port_that_finishes_checksums_gets_what_it_needs },
     { "an idle connection holds no block", an_idle_connection_holds_no_block },
     { "room shrinks with what is held and is 0 after tcp_shut()",
       more_than_the_room_cannot_be_announced })
