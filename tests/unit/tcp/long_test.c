/*
 * long_test.c - connections that carry more than half of all sequence numbers without a loss: what was noted at their
 * beginning must not seem to lie ahead.
 */
#include "rig.h"
#include "tests/unit/unit.h"
#include "wire/eth.h"
#include "wire/ip4.h"

#define PORT 25u
#define MTU 9000u
#define HALF ((1u << 31) + (1u << 22)) /* of all numbers, and a little more */

static struct rig rig;
static struct instant now;
static struct handle id;
static struct conn *c;
static uint8_t frame[RIG_FRAME_BYTES];
static const uint8_t peer_mac[6] = { 2, 0, 0, 0, 0, 0x99 };

static void hear(uint8_t flags, struct seq ack)
{
	struct writer w = writer_of((struct room){ frame, sizeof(frame) });
	struct ip_addr own = rig.stack->config.addresses[0].addr, peer = rig_addr("198.18.0.9");
	bool syn = (flags & TCP_SYN) != 0;
	struct tcp_seg seg = { .src_port = 5000, .dst_port = PORT, .seq = seq_of(syn ? 0 : 1), .ack = ack, .flags = flags,
		               .window = 60000 };
	if (syn)
		seg.options = (struct tcp_options){ .mss_known = true, .mss = MTU - 40, .shift_known = true, .shift = 5 };
	eth_emit(&w, rig.stack->config.mac, peer_mac, ETH_IP4);
	ip4_emit(&w, peer, own, IP_TCP, tcp_seg_header_bytes(&seg.options));
	size_t l4 = w.used;
	tcp_seg_emit(&w, &seg);
	tcp_seg_seal(&w, l4, peer, own, false);
	CU_ASSERT_FATAL(w.ok);
	tcp_input(rig.stack, writer_span(&w), 0, now);
}

static uint32_t send_all(void)
{
	return rig_drop_output(&rig, 10000, now);
}

/* As much as there is room for. */
static void put(void)
{
	static const uint8_t zeros[65536];
	size_t room = tcp_tx_room(rig.stack, id);
	CU_ASSERT(byteq_write(tcp_tx(rig.stack, id), &rig.pool, span_of(zeros, at_most((uint32_t)room, sizeof(zeros)))) > 0);
	tcp_tx_added(rig.stack, id, now);
}

/* A connection without SACK that has sent HALF and lost nothing; the next bytes are under way. */
static void begin(uint8_t syn_flags)
{
	struct tcp_config config = rig_config(1);
	struct tcp_event e;
	config.mtu = MTU;
	config.ecn = true;
	now = (struct instant){ .us = 100 * SECOND_US };
	rig_make(&rig, &config, RIG_BLOCKS, now);
	CU_ASSERT_FATAL(tcp_listen(rig.stack, (struct endpoint){ .port = PORT }, 1));
	neigh_learn(rig.stack, 0, rig_addr("198.18.0.9"), peer_mac, true, true, now);
	hear(syn_flags, seq_of(0));
	struct tcp_frame_meta meta;
	CU_ASSERT_FATAL(tcp_output(rig.stack, (struct room){ frame, sizeof(frame) }, &meta, now) > 0);
	hear(TCP_ACK, seq_add(seq_of(load_be32(frame + meta.l2_bytes + meta.l3_bytes + 4)), 1));
	CU_ASSERT_FATAL(tcp_next_event(rig.stack, &e));
	id = e.id;
	c = conn_of(rig.stack, id);
	for (uint64_t sent = 0; sent < HALF; sent += conn_flight(c)) {
		hear(TCP_ACK, c->snd_nxt);
		now = instant_add(now, 1000);
		put();
		(void)send_all();
		while (tcp_next_event(rig.stack, &e))
			continue;
	}
	CU_ASSERT_FATAL(conn_flight(c) >= 4u * c->mss);
}

static void end(void)
{
	tcp_abort(rig.stack, id, now);
	(void)send_all();
	CU_ASSERT(rig_is_empty(&rig));
	rig_free(&rig);
}

static void the_third_duplicate_is_a_loss(void)
{
	begin(TCP_SYN);
	for (unsigned i = 0; i < TCP_DUPLICATES; i++)
		hear(TCP_ACK, c->snd_una);
	CU_ASSERT_EQUAL(rig.stack->counters.fast_retransmits, 1);
	end();
}

static void a_mark_reduces_the_window(void)
{
	begin(TCP_SYN | TCP_ECE | TCP_CWR);
	hear(TCP_ACK | TCP_ECE, c->snd_una);
	CU_ASSERT_EQUAL(rig.stack->counters.ecn_echoes, 1);
	end();
}

UNIT("tcp/long", { "after two GiB without a loss the third duplicate ACK is one", the_third_duplicate_is_a_loss },
     { "after two GiB without a mark an echo reduces the window", a_mark_reduces_the_window })
