/*
 * large_test.c - frames that the port put together of several segments (LRO): up to 64 KiB, in pieces, and with lengths
 * that lie.
 */
#include "rig.h"
#include "tests/lib/scatter.h"
#include "tests/unit/unit.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

#define PORT 25u
#define MSS 1460u /* as announced over IPv4 */
#define HEADS 200u
#define HEADERS4 (ETH_HEADER_BYTES + IP4_HEADER_BYTES + TCP_HEADER_BYTES)
#define PAYLOAD4_MAX (UINT16_MAX - IP4_HEADER_BYTES - TCP_HEADER_BYTES)
#define PAYLOAD6_MAX (UINT16_MAX - TCP_HEADER_BYTES)

static struct rig rig;
static struct instant now;
static struct handle id;
static struct seq next, ack;
static bool v6;
static struct scatter pieces;
static uint8_t room[TCP_LARGE_BYTES_MAX + 100];
static const uint8_t peer_mac[6] = { 2, 0, 0, 0, 0, 0x99 };

static uint8_t byte_of(uint32_t seq)
{
	return (uint8_t)(seq * 7 ^ seq >> 8);
}

static struct span frame_make(uint8_t flags, struct seq seq, uint32_t bytes)
{
	struct writer w = writer_of((struct room){ room, sizeof(room) });
	struct ip_addr own = rig.stack->config.addresses[v6 ? 1 : 0].addr;
	struct ip_addr peer = rig_addr(v6 ? "2001:2::9" : "198.18.0.9");
	struct tcp_seg seg = { .src_port = 5000, .dst_port = PORT, .seq = seq, .ack = ack, .flags = flags, .window = 60000 };
	uint16_t l4_bytes = (uint16_t)(TCP_HEADER_BYTES + bytes);
	if ((flags & TCP_SYN) != 0) {
		seg.options = (struct tcp_options){ .mss_known = true, .mss = MSS, .shift_known = true };
		l4_bytes = tcp_seg_header_bytes(&seg.options);
		seg.ack = seq_of(0);
	}
	eth_emit(&w, rig.stack->config.mac, peer_mac, v6 ? ETH_IP6 : ETH_IP4);
	if (v6)
		ip6_emit(&w, peer, own, IP_TCP, l4_bytes, IP_HOP_LIMIT);
	else
		ip4_emit(&w, peer, own, IP_TCP, l4_bytes);
	size_t l4 = w.used;
	tcp_seg_emit(&w, &seg);
	for (uint32_t i = 0; i < bytes; i++)
		writer_u8(&w, byte_of(seq.v + i));
	tcp_seg_seal(&w, l4, peer, own, false);
	CU_ASSERT_FATAL(w.ok);
	return writer_span(&w);
}

/* The first piece has so many bytes, the others `rest`. */
static void arrive_cut(struct span frame, size_t head, size_t rest)
{
	struct tcp_frame f = { .more = pieces.spans, .flags = TCP_FRAME_FINAL };
	scatter_again(&pieces);
	f.head = scatter_piece(&pieces, span_head(frame, head));
	for (frame = span_after(frame, head); frame.bytes > 0; frame = span_after(frame, rest))
		pieces.spans[f.more_count++] = scatter_piece(&pieces, span_head(frame, rest));
	CU_ASSERT_EQUAL(tcp_input_burst(rig.stack, &f, 1, now), 0);
}

static void arrive(struct span frame)
{
	arrive_cut(frame, HEADS, 2048);
}

static const struct conn *conn(void)
{
	return slab_get(&rig.stack->conns, id);
}

static uint64_t drops(enum tcp_drop drop)
{
	return tcp_counters(rig.stack)->drops[drop];
}

static void begin(bool ip6)
{
	struct tcp_config config = rig_config(1);
	struct tcp_event e;
	uint8_t out[RIG_FRAME_BYTES];
	struct tcp_frame_meta meta;
	config.rx_bytes_max = 1u << 20;
	config.large_frames = true;
	now = (struct instant){ .us = 100 * SECOND_US };
	v6 = ip6;
	next = seq_of(UINT32_MAX - 30000);
	scatter_init(&pieces, 1, 1);
	rig_make(&rig, &config, RIG_BLOCKS, now);
	CU_ASSERT_FATAL(tcp_listen(rig.stack, (struct endpoint){ .port = PORT }, 1));
	neigh_learn(rig.stack, 0, rig_addr("198.18.0.9"), peer_mac, true, true, now);
	neigh_learn(rig.stack, 0, rig_addr("2001:2::9"), peer_mac, true, true, now);
	arrive_cut(frame_make(TCP_SYN, next, 0), 5, 3);
	CU_ASSERT_FATAL(tcp_output(rig.stack, (struct room){ out, sizeof(out) }, &meta, now) > 0);
	next = seq_add(next, 1);
	ack = seq_add(seq_of(load_be32(out + meta.l2_bytes + meta.l3_bytes + 4)), 1);
	arrive(frame_make(TCP_ACK, next, 0));
	CU_ASSERT_FATAL(tcp_next_event(rig.stack, &e));
	id = e.id;
	((struct conn *)slab_get(&rig.stack->conns, id))->quick_acks = 0; /* each segment of a start has an ACK anyway */
	((struct conn *)slab_get(&rig.stack->conns, id))->rcv_adv = seq_add(next, 1u << 19);
}

static void end(void)
{
	tcp_abort(rig.stack, id, now);
	(void)rig_drop_output(&rig, 100, now);
	rig_free(&rig);
}

/* So many bytes have come in order and are what was sent; an ACK is due or it is not. */
static bool has(uint32_t bytes, bool due)
{
	static uint8_t copy[1u << 17];
	struct byteq *rx = tcp_rx(rig.stack, id);
	size_t copied = byteq_copy_out(rx, 0, (struct room){ copy, sizeof(copy) });
	bool right = copied == bytes && seq_eq(conn()->rcv_nxt, seq_add(next, bytes));
	for (uint32_t i = 0; i < copied; i++)
		right = right && copy[i] == byte_of(next.v + i);
	byteq_consume(rx, &rig.pool, byteq_bytes(rx));
	right = right && ((conn()->flags & CONN_ACK_NOW) != 0) == due;
	next = seq_add(next, bytes);
	(void)rig_drop_output(&rig, 100, now);
	((struct conn *)slab_get(&rig.stack->conns, id))->unacked = 0;
	return right;
}

static const struct black_box_entry *last_entry(void)
{
	const struct black_box *ring = black_box_of(&rig.stack->boxes, &conn()->head);
	return &ring->entries[(ring->count - 1) % BLACK_BOX_ENTRIES];
}

/* ---- what is right ---- */

static void five_segments_are_taken_piece_by_piece(void)
{
	for (uint32_t round = 0; round < 2; round++) {
		begin(round == 1);
		uint64_t predicted = tcp_counters(rig.stack)->predicted;
		arrive(frame_make(TCP_ACK | TCP_PSH, next, 5 * 1440));
		CU_ASSERT_EQUAL(tcp_counters(rig.stack)->predicted, predicted + 1);
		CU_ASSERT(last_entry()->mark == BLACK_BOX_RUN && last_entry()->detail == 5 && last_entry()->bytes == 5 * 1440);
		CU_ASSERT_EQUAL(conn()->unacked, 5);
		CU_ASSERT_EQUAL(conn()->events, TCP_READABLE);
		CU_ASSERT(has(5 * 1440, true));
		end();
	}
}

static void two_segments_make_an_ack_due_and_one_does_not(void)
{
	begin(false);
	arrive(frame_make(TCP_ACK, next, MSS));
	CU_ASSERT(has(MSS, false));
	arrive(frame_make(TCP_ACK, next, MSS + 1));
	CU_ASSERT(has(MSS + 1, true));
	arrive_cut(frame_make(TCP_ACK, next, 2 * 1448), 30, 1000); /* the long way */
	CU_ASSERT(has(2 * 1448, true));
	arrive(frame_make(TCP_ACK | TCP_URG, next, MSS));
	CU_ASSERT(has(MSS, false));
	end();
}

static void headers_may_be_cut_anywhere(void)
{
	for (uint32_t round = 0; round < 2; round++) {
		begin(round == 1);
		for (size_t head = 0; head < 130; head++)
			for (size_t rest = 1; rest < 200; rest += 66) {
				arrive_cut(frame_make(TCP_ACK, next, 3001), head, rest);
				CU_ASSERT_FATAL(has(3001, true));
			}
		end();
	}
}

static void what_is_out_of_order_waits_whole(void)
{
	begin(false);
	arrive(frame_make(TCP_ACK, seq_add(next, 1000), 20000));
	CU_ASSERT_EQUAL(conn()->acks_owed, 1);
	CU_ASSERT_EQUAL(rig_drop_output(&rig, 100, now), 1);
	arrive(frame_make(TCP_ACK, seq_add(next, 500), 3000)); /* of which we have much */
	CU_ASSERT_EQUAL(rig_drop_output(&rig, 100, now), 1);
	arrive(frame_make(TCP_ACK, next, 500));
	CU_ASSERT(has(21000, true));
	end();
}

static void sixty_four_kib_are_the_most(void)
{
	begin(false);
	arrive(frame_make(TCP_ACK, next, PAYLOAD4_MAX));
	CU_ASSERT(has(PAYLOAD4_MAX, true));
	arrive_cut(frame_make(TCP_ACK, next, PAYLOAD4_MAX), 60, 9000);
	CU_ASSERT(has(PAYLOAD4_MAX, true));
	end();
	begin(true);
	arrive(frame_make(TCP_ACK, next, PAYLOAD6_MAX));
	CU_ASSERT(has(PAYLOAD6_MAX, true));
	arrive_cut(frame_make(TCP_ACK, next, PAYLOAD6_MAX), 118, 100); /* more pieces than are looked at one by one */
	CU_ASSERT(has(PAYLOAD6_MAX, true));
	end();
}

static void several_large_frames_are_one_run(void)
{
	struct tcp_frame burst[3];
	begin(false);
	scatter_again(&pieces);
	pieces.most = 3000;
	for (uint32_t i = 0; i < 3; i++) {
		struct span frame = frame_make(TCP_ACK, seq_add(next, i * 9000), 9000);
		burst[i] = scatter_frame(&pieces, frame, TCP_FRAME_FINAL);
		while (burst[i].head.bytes < TCP_CUT_HEADERS_MAX)
			burst[i] = scatter_frame(&pieces, frame, TCP_FRAME_FINAL);
	}
	CU_ASSERT_EQUAL(tcp_input_burst(rig.stack, burst, 3, now), 0);
	CU_ASSERT(last_entry()->mark == BLACK_BOX_RUN && last_entry()->detail == 21 && last_entry()->bytes == 27000);
	CU_ASSERT(has(27000, true));
	end();
}

/* ---- what is wrong ---- */

static void lengths_that_lie_are_refused(void)
{
	for (uint32_t round = 0; round < 2; round++) {
		begin(round == 1);
		for (size_t head = 50; head < 250; head += 100) {
			uint64_t before = drops(TCP_DROP_IP_HEADER);
			struct span frame = frame_make(TCP_ACK, next, 5000);
			arrive_cut(span_head(frame, frame.bytes - 1), head, 1000); /* a byte less than IP says */
			CU_ASSERT_EQUAL(drops(TCP_DROP_IP_HEADER), before + 1);
			CU_ASSERT(has(0, false));
			memset(room + frame.bytes, 0x55, 50); /* more than IP says is padding */
			arrive_cut(span_of(room, frame.bytes + 50), head, 1000);
			CU_ASSERT(has(5000, true));
		}
		end();
	}
}

static void what_is_too_long_is_refused(void)
{
	struct tcp_config config = rig_config(1);
	begin(false);
	struct span frame = frame_make(TCP_ACK, next, PAYLOAD4_MAX);
	CU_ASSERT(frame.bytes < TCP_LARGE_BYTES_MAX);
	arrive_cut(span_of(room, TCP_LARGE_BYTES_MAX + 1), 30, 9000);
	CU_ASSERT_EQUAL(drops(TCP_DROP_ETHERNET), 1);
	CU_ASSERT(has(0, false));
	end();
	rig_make(&rig, &config, 16, now); /* of a port that puts nothing together */
	tcp_input(rig.stack, span_of(room, TCP_FRAME_BYTES_MAX + 1), 0, now);
	CU_ASSERT_EQUAL(drops(TCP_DROP_ETHERNET), 1);
	rig_free(&rig);
}

static void a_wrong_sum_in_any_piece_is_noticed(void)
{
	begin(false);
	for (uint32_t at = HEADERS4; at < HEADERS4 + 5000; at += 777) {
		uint64_t before = drops(TCP_DROP_TCP_CHECKSUM);
		struct span frame = frame_make(TCP_ACK, next, 5000);
		room[at] ^= 0x10;
		arrive_cut(frame, 201, 333);
		CU_ASSERT_EQUAL(drops(TCP_DROP_TCP_CHECKSUM), before + 1);
		CU_ASSERT(has(0, false));
	}
	end();
}

static void what_lies_beyond_the_window_is_cut_away(void)
{
	begin(false);
	((struct conn *)slab_get(&rig.stack->conns, id))->rcv_adv = seq_add(next, 3333);
	arrive(frame_make(TCP_ACK, next, 9000));
	CU_ASSERT(has(3333, true));
	end();
}

UNIT("tcp/large", { "a frame of five segments is taken piece by piece", five_segments_are_taken_piece_by_piece },
     { "two segments in a frame make an ACK due, one does not", two_segments_make_an_ack_due_and_one_does_not },
     { "headers may be cut anywhere", headers_may_be_cut_anywhere },
     { "what is out of order waits whole", what_is_out_of_order_waits_whole },
     { "64 KiB are the most there is, and are taken", sixty_four_kib_are_the_most },
     { "several large frames are one run", several_large_frames_are_one_run },
     { "lengths that lie are refused, padding is cut away", lengths_that_lie_are_refused },
     { "what is too long is refused", what_is_too_long_is_refused },
     { "a wrong sum in any piece is noticed", a_wrong_sum_in_any_piece_is_noticed },
     { "what lies beyond the window is cut away", what_lies_beyond_the_window_is_cut_away })
