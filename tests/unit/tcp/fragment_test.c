/*
 * fragment_test.c - datagrams in pieces: put together whatever the order, and each rule against those that lie.
 */
#include "pieces.h"
#include "tests/unit/unit.h"

/* ---- what is put together ---- */

static void pieces_in_any_order_make_the_datagram(void)
{
	static const uint8_t orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	static const uint32_t cuts[] = { 0, 512, 1024, 1401 };
	open_up();
	for (unsigned i = 0; i < 12; i++) {
		echo_make(i % 2 == 0 ? IP_V4 : IP_V6, 1401, i);
		for (unsigned k = 0; k < 3; k++) {
			unsigned at = orders[i / 2][k];
			CU_ASSERT(!echoed());
			piece(cuts[at], cuts[at + 1], at < 2);
		}
		CU_ASSERT(echoed());
	}
	CU_ASSERT(whole() == 12);
	close_down();
}

static void the_largest_datagram_fits_and_its_answer_does_not(void)
{
	open_up();
	echo_make(IP_V4, SIZE_MOST, 1);
	for (uint32_t at = 0; at < SIZE_MOST; at += 1480)
		piece(at, at + 1480 < SIZE_MOST ? at + 1480 : SIZE_MOST, at + 1480 < SIZE_MOST);
	CU_ASSERT(whole() == 1);
	CU_ASSERT(dropped(TCP_DROP_CONTROL_SIZE) == 1);
	close_down();
}

static void a_segment_in_pieces_reaches_its_connection(void)
{
	struct tcp_event e;
	open_up();
	segment_make(IP_V6, TCP_SYN, seq_of(100), seq_of(0), 0);
	piece(0, 20, false); /* atomic */
	static uint8_t frame[RIG_FRAME_BYTES];
	struct tcp_frame_meta meta;
	CU_ASSERT_FATAL(tcp_output(rig.stack, (struct room){ frame, sizeof(frame) }, &meta, now) > 0);
	struct conn *c = (void *)rig.stack->conns.memory;
	segment_make(IP_V6, TCP_ACK | TCP_PSH, seq_of(101), c->snd_nxt, 3000);
	piece(1400, 2800, true);
	piece(0, 1400, true);
	CU_ASSERT(!tcp_next_event(rig.stack, &e));
	piece(2800, 3020, false);
	CU_ASSERT_FATAL(tcp_next_event(rig.stack, &e));
	CU_ASSERT(byteq_bytes(tcp_rx(rig.stack, e.id)) == 3000);
	tcp_abort(rig.stack, e.id, now);
	close_down();
}

static void an_atomic_fragment_does_not_wait_for_others(void)
{
	open_up();
	echo_make(IP_V6, 64, 5);
	piece(0, 32, true); /* the same identification, of another packet */
	piece(0, 64, false);
	CU_ASSERT(echoed());
	CU_ASSERT(rig.stack->fragments->live == 1 && whole() == 0); /* RFC 6946 4 */
	close_down();
}

static void where_they_are_refused_even_atomic_ones_are(void)
{
	struct tcp_config config = rig_config(1);
	rig_make(&rig, &config, RIG_BLOCKS, now);
	echo_make(IP_V6, 64, 5);
	piece(0, 64, false);
	d.family = IP_V4;
	piece(0, 32, true);
	CU_ASSERT(dropped(TCP_DROP_IP_FRAGMENT) == 2);
	rig_free(&rig);
}

static void a_mark_on_any_piece_marks_the_whole(void)
{
	open_up();
	echo_make(IP_V4, 64, 6);
	piece_ecn(0, 32, true, IP_ECT_0);
	piece_ecn(32, 64, false, IP_CE);
	CU_ASSERT(whole() == 1);
	echo_make(IP_V4, 64, 7);
	piece_ecn(0, 32, true, IP_NOT_ECT);
	piece_ecn(32, 64, false, IP_CE);
	CU_ASSERT(whole() == 1 && dropped(TCP_DROP_FRAGMENT_ECN) == 1);
	close_down();
}

static void one_identification_of_two_sources_or_protocols_is_two_datagrams(void)
{
	open_up();
	echo_make(IP_V4, 64, 8);
	piece(0, 32, true);
	d.source = 10;
	piece(0, 32, true);
	d.source = 9;
	segment_make(IP_V4, TCP_ACK, seq_of(1), seq_of(1), 44);
	d.id = 8;
	piece(0, 32, true);
	CU_ASSERT(rig.stack->fragments->live == 3);
	echo_make(IP_V4, 64, 8);
	piece(32, 64, false);
	CU_ASSERT(echoed());
	CU_ASSERT(rig.stack->fragments->live == 2);
	close_down();
}

/* ---- those that lie ---- */

static void whoever_overlaps_costs_the_whole_datagram(void)
{
	const uint8_t families[] = { IP_V4, IP_V6 };
	open_up();
	for (unsigned i = 0; i < 2; i++) {
		overlap(families[i], 0, 400, 392, 1000, 1); /* by its front, teardrop */
		overlap(families[i], 400, 1000, 0, 408, 2); /* by its end */
		overlap(families[i], 400, 800, 480, 560, 3); /* inside */
		overlap(families[i], 400, 480, 320, 800, 4); /* around */
		overlap(families[i], 400, 480, 400, 560, 5); /* the same front */
		overlap(families[i], 80, 1000, 800, 1000, 6); /* a second end */
	}
	CU_ASSERT(whole() == 0);
	close_down();
}

static void an_exact_copy_is_only_dropped(void)
{
	open_up();
	echo_make(IP_V6, 1200, 1);
	piece(0, 800, true);
	piece(0, 800, true);
	piece(800, 1200, false);
	CU_ASSERT(echoed());
	CU_ASSERT(dropped(TCP_DROP_FRAGMENT_DOUBLED) == 1);
	echo_make(IP_V6, 1200, 2);
	piece(0, 800, true);
	d.data[700] ^= 1;
	piece(0, 800, true); /* not a copy */
	CU_ASSERT(dropped(TCP_DROP_FRAGMENT_OVERLAP) == 1);
	close_down();
}

static void ends_that_contradict_each_other_are_given_up(void)
{
	open_up();
	echo_make(IP_V4, 1000, 1);
	piece(496, 1000, false);
	piece(200, 400, false); /* ends before */
	CU_ASSERT(dropped(TCP_DROP_FRAGMENT_OVERLAP) == 1);
	echo_make(IP_V4, 1000, 2);
	piece(200, 400, false);
	piece(800, 960, true); /* lies behind the end */
	CU_ASSERT(dropped(TCP_DROP_FRAGMENT_OVERLAP) == 2);
	echo_make(IP_V4, 1000, 3);
	piece(800, 960, true);
	piece(200, 400, false); /* the same, the other way round */
	CU_ASSERT(dropped(TCP_DROP_FRAGMENT_OVERLAP) == 3);
	echo_make(IP_V4, 1000, 4);
	piece(800, 960, false);
	piece(400, 960, true); /* goes on at the end */
	CU_ASSERT(dropped(TCP_DROP_FRAGMENT_OVERLAP) == 4);
	close_down();
}

static void lengths_that_cannot_be_open_nothing(void)
{
	open_up();
	echo_make(IP_V6, 1000, 1);
	piece(0, 500, true); /* not of eights */
	piece(0, 0, true);
	CU_ASSERT(dropped(TCP_DROP_FRAGMENT_LENGTH) == 2);
	d.id = 2;
	static uint8_t frame[2048];
	struct writer w = writer_of((struct room){ frame, sizeof(frame) });
	eth_emit(&w, rig.stack->config.mac, peer_mac, ETH_IP4); /* the ping of death */
	ip4_emit(&w, source_of(IP_V4, 9), own_of(IP_V4), IP_ICMP, 1000);
	writer_patch_be16(&w, ETH_HEADER_BYTES + 6, 0x1fff);
	ip4_mark(&w, ETH_HEADER_BYTES, IP_NOT_ECT);
	writer_zeros(&w, 1000);
	frame_in(&w);
	CU_ASSERT(dropped(TCP_DROP_FRAGMENT_LENGTH) == 3);
	CU_ASSERT(rig.stack->fragments->live == 0);
	close_down();
}

static void a_first_piece_without_all_headers_is_given_up(void)
{
	open_up();
	segment_make(IP_V4, TCP_ACK, seq_of(1), seq_of(1), 100);
	piece(0, 16, true);
	piece(16, 120, false);
	CU_ASSERT(dropped(TCP_DROP_FRAGMENT_TINY) == 1 && dropped(TCP_DROP_FRAGMENT_DEAD) == 1);
	segment_make(IP_V4, TCP_ACK, seq_of(1), seq_of(1), 100);
	d.id = 2;
	piece(16, 120, false); /* lies within the header (RFC 3128) */
	CU_ASSERT(dropped(TCP_DROP_FRAGMENT_TINY) == 2);
	segment_make(IP_V6, TCP_ACK, seq_of(1), seq_of(1), 100);
	d.data[12] = 0xf0; /* sixty bytes of header, of which forty come */
	piece(0, 40, true);
	CU_ASSERT(dropped(TCP_DROP_FRAGMENT_TINY) == 3);
	echo_make(IP_V6, 100, 4);
	d.protocol = 60; /* destination options, longer than the piece */
	d.data[0] = IP_TCP;
	d.data[1] = 10;
	piece(0, 40, true);
	CU_ASSERT(dropped(TCP_DROP_FRAGMENT_TINY) == 4);
	CU_ASSERT(rig.stack->fragments->live == 0 && rig.stack->fragments->dead == 4);
	close_down();
}

static void neighbour_discovery_does_not_come_in_pieces(void)
{
	open_up();
	echo_make(IP_V6, 32, 1);
	memset(d.data, 0, 32);
	d.data[0] = 136;
	memcpy(d.data + 8, source_of(IP_V6, 9).bytes, 16);
	struct checksum sum = checksum_pseudo(source_of(IP_V6, 9), own_of(IP_V6), IP_ICMP6, 32);
	uint16_t field = checksum_finish(checksum_add(sum, span_of(d.data, 32)));
	d.data[2] = (uint8_t)(field >> 8);
	d.data[3] = (uint8_t)field;
	piece(0, 32, false);
	d.id = 2;
	piece(0, 16, true);
	piece(16, 32, false);
	CU_ASSERT(dropped(TCP_DROP_ND_FRAGMENT) == 2); /* RFC 6980 */
	close_down();
}

static void fragments_of_a_fragment_are_refused(void)
{
	open_up();
	echo_make(IP_V6, 64, 1);
	d.protocol = 44;
	memset(d.data, 0, 16);
	d.data[0] = IP_ICMP6;
	piece(0, 64, false);
	CU_ASSERT(dropped(TCP_DROP_IP_EXTENSION) == 1);
	d.id = 2;
	piece(0, 32, true);
	CU_ASSERT(dropped(TCP_DROP_FRAGMENT_TINY) == 1);
	close_down();
}

static void what_is_not_for_us_is_not_kept(void)
{
	open_up();
	echo_make(IP_V4, 64, 1);
	d.source = 1; /* ourselves */
	piece(0, 32, true);
	CU_ASSERT(dropped(TCP_DROP_IP_SOURCE) == 1);
	static uint8_t frame[256];
	struct writer w = writer_of((struct room){ frame, sizeof(frame) });
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 };
	eth_emit(&w, all, peer_mac, ETH_IP4);
	ip4_emit(&w, source_of(IP_V4, 9), own_of(IP_V4), IP_ICMP, 32);
	writer_patch_be16(&w, ETH_HEADER_BYTES + 6, 0x2000);
	ip4_mark(&w, ETH_HEADER_BYTES, IP_NOT_ECT);
	writer_zeros(&w, 32);
	frame_in(&w);
	CU_ASSERT(dropped(TCP_DROP_IP_FRAGMENT) == 1);
	CU_ASSERT(rig.stack->fragments->live == 0);
	close_down();
}

/* With several workers nobody knows whether the segment's connection is another's: an RST could end it. */
static void among_several_workers_a_stray_segment_in_pieces_is_not_answered(void)
{
	static uint8_t frame[RIG_FRAME_BYTES];
	struct tcp_frame_meta meta;
	open_up();
	rig.stack->config.port_stride = 2;
	for (unsigned syn = 0; syn < 2; syn++) {
		segment_make(IP_V4, syn ? TCP_SYN : TCP_ACK, seq_of(1), seq_of(1), 100);
		d.id = syn;
		piece(0, 64, true);
		piece(64, 120, false);
	}
	CU_ASSERT(whole() == 2 && dropped(TCP_DROP_FOREIGN) == 2);
	CU_ASSERT(tcp_output(rig.stack, (struct room){ frame, sizeof(frame) }, &meta, now) == 0);
	close_down();
}

UNIT("tcp/fragment",
     { "pieces in any order make the datagram", pieces_in_any_order_make_the_datagram },
     { "the largest datagram fits and its answer does not", the_largest_datagram_fits_and_its_answer_does_not },
     { "a segment in pieces reaches its connection", a_segment_in_pieces_reaches_its_connection },
     { "an atomic fragment does not wait for others", an_atomic_fragment_does_not_wait_for_others },
     { "where they are refused even atomic ones are", where_they_are_refused_even_atomic_ones_are },
     { "a mark on any piece marks the whole", a_mark_on_any_piece_marks_the_whole },
     { "one identification of two sources or protocols is two datagrams", one_identification_of_two_sources_or_protocols_is_two_datagrams },
     { "whoever overlaps costs the whole datagram", whoever_overlaps_costs_the_whole_datagram },
     { "an exact copy is only dropped", an_exact_copy_is_only_dropped },
     { "ends that contradict each other are given up", ends_that_contradict_each_other_are_given_up },
     { "lengths that cannot be open nothing", lengths_that_cannot_be_open_nothing },
     { "a first piece without all headers is given up", a_first_piece_without_all_headers_is_given_up },
     { "neighbour discovery does not come in pieces", neighbour_discovery_does_not_come_in_pieces },
     { "fragments of a fragment are refused", fragments_of_a_fragment_are_refused },
     { "what is not for us is not kept", what_is_not_for_us_is_not_kept },
     { "among several workers a stray segment in pieces is not answered", among_several_workers_a_stray_segment_in_pieces_is_not_answered })
