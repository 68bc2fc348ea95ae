/*
 * black_box_test.c - what a connection's black box holds, who has a ring when there are few, what is left behind by
 * connections that end in disorder, and how records are shown.
 */
#include "rig.h"
#include "tests/unit/unit.h"

#define PORT 25u

struct talk {
	struct rig_wire wire;
	struct handle near, far; /* accepted by end 0; opened by end 1 */
};

static const struct conn_id id = { .worker = 1, .port = 2, .handle = { .slot = 3, .generation = 4 } };

/* ---- two stacks ---- */

static void run(struct talk *t, uint64_t us)
{
	struct instant until = instant_add(t->wire.now, us);
	for (unsigned i = 0; i < 10000 && instant_before(t->wire.now, until); i++)
		rig_turn(&t->wire, until);
}

static void events_take(struct talk *t)
{
	struct tcp_event e;
	while (tcp_next_event(t->wire.end[0].stack, &e))
		if ((e.bits & TCP_ACCEPTED) != 0)
			t->near = e.id;
	while (tcp_next_event(t->wire.end[1].stack, &e))
		CU_ASSERT((e.bits & TCP_ACCEPTED) == 0);
}

static void talk_open(struct talk *t, bool told)
{
	struct tcp_config a = rig_config(1), b = rig_config(2);
	struct endpoint to = { .addr = a.addresses[0].addr, .port = PORT };
	memset(t, 0, sizeof(*t));
	a.black_boxes_told = told;
	rig_wire_make(&t->wire, &a, &b, RIG_BLOCKS, (struct rig_faults){ .delay_us = 1000 }, 1,
	              (struct instant){ .us = 5 * SECOND_US });
	CU_ASSERT_FATAL(tcp_listen(t->wire.end[0].stack, (struct endpoint){ .port = PORT }, 1));
	CU_ASSERT_FATAL(tcp_connect(t->wire.end[1].stack, to, 0, t->wire.now, &t->far) == TCP_CONNECT_STARTED);
	run(t, SECOND_US);
	events_take(t);
	CU_ASSERT_FATAL(!handle_is_none(t->near));
}

static void say(struct talk *t, const char *text)
{
	struct tcp_stack *s = t->wire.end[0].stack;
	size_t n = byteq_write(tcp_tx(s, t->near), &t->wire.end[0].pool, span_of(text, strlen(text)));
	CU_ASSERT(n == strlen(text));
	tcp_tx_added(s, t->near, t->wire.now);
}

static struct black_box_record record_of(const struct talk *t)
{
	struct black_box_record r;
	struct tcp_info info;
	CU_ASSERT_FATAL(tcp_inspect(t->wire.end[0].stack, t->near, &r, &info));
	CU_ASSERT(endpoint_equal(info.remote, r.remote));
	return r;
}

static uint32_t count_of(const struct black_box_record *r, enum black_box_mark mark)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < r->count; i++)
		count += r->entries[i].mark == mark;
	return count;
}

static void talk_close(struct talk *t)
{
	tcp_abort(t->wire.end[1].stack, t->far, t->wire.now);
	run(t, SECOND_US);
	events_take(t);
	tcp_release(t->wire.end[0].stack, t->near, t->wire.now);
	CU_ASSERT(rig_is_empty(&t->wire.end[0]));
	CU_ASSERT(rig_is_empty(&t->wire.end[1]));
	rig_wire_free(&t->wire);
}

/* ---- what is noted ---- */

static void a_handshake_is_three_segments_and_two_states(void)
{
	struct talk t;
	talk_open(&t, false);
	struct black_box_record r = record_of(&t);
	CU_ASSERT_FATAL(r.count == 5);
	CU_ASSERT(r.earlier == 0);
	CU_ASSERT(r.entries[0].mark == BLACK_BOX_IN && r.entries[0].flags == TCP_SYN);
	CU_ASSERT(r.entries[1].mark == BLACK_BOX_STATE && r.entries[1].detail == CONN_SYN_RECEIVED);
	CU_ASSERT(r.entries[2].mark == BLACK_BOX_OUT && r.entries[2].flags == (TCP_SYN | TCP_ACK));
	CU_ASSERT(r.entries[2].ack == r.entries[0].seq + 1);
	CU_ASSERT(r.entries[3].mark == BLACK_BOX_IN && r.entries[3].flags == TCP_ACK);
	CU_ASSERT(r.entries[3].ack == r.entries[2].seq + 1);
	CU_ASSERT(r.entries[4].mark == BLACK_BOX_STATE && r.entries[4].detail == CONN_ESTABLISHED);
	CU_ASSERT(black_box_age_us(&r, 0) >= 2000);
	CU_ASSERT(black_box_age_us(&r, 4) == 0);
	talk_close(&t);
}

static void what_is_sent_again_is_marked_with_the_timer_before_it(void)
{
	struct talk t;
	talk_open(&t, false);
	t.wire.faults.lost = 1000;
	say(&t, "250 ok\r\n");
	run(&t, 3 * SECOND_US);
	struct black_box_record r = record_of(&t);
	const struct black_box_entry *last = &r.entries[r.count - 1];
	CU_ASSERT(count_of(&r, BLACK_BOX_TIMEOUT) >= 2);
	if (last->mark == BLACK_BOX_TIMEOUT) /* what it causes has not left yet */
		last--;
	CU_ASSERT(last->mark == BLACK_BOX_OUT && last->again != 0 && last->bytes == 8);
	CU_ASSERT(last[-1].mark == BLACK_BOX_TIMEOUT && last[-1].bytes >= 2);
	CU_ASSERT(last[-1].seq == last->seq && last[-1].ack >= 200 * MS_US);
	t.wire.faults.lost = 0;
	run(&t, 10 * SECOND_US);
	talk_close(&t);
}

static void a_dropped_segment_has_its_reason(void)
{
	struct talk t;
	talk_open(&t, false);
	struct tcp_stack *s = t.wire.end[0].stack;
	struct conn *c = conn_of(s, t.near);
	struct packet p = { .ip = { .src = c->remote, .dst = stack_addr(s, c->local) } };
	struct tcp_seg seg = { .src_port = c->remote_port,
		               .dst_port = PORT,
		               .seq = seq_add(c->rcv_adv, 5000),
		               .ack = c->snd_una,
		               .flags = TCP_RST };
	seg.options.stamps_known = true;
	CU_ASSERT(input_segment(s, c, &p, &seg, t.wire.now) == FRAME_TAKEN);
	stack_drop(s, TCP_DROP_ARP); /* is about something else */
	struct black_box_record r = record_of(&t);
	const struct black_box_entry *last = &r.entries[r.count - 1];
	CU_ASSERT(last->mark == BLACK_BOX_IN && last->flags == TCP_RST);
	CU_ASSERT(last->detail == TCP_DROP_OUT_OF_WINDOW + 1);
	talk_close(&t);
}

static void what_comes_twice_is_marked(void)
{
	struct talk t;
	talk_open(&t, false);
	struct tcp_stack *far = t.wire.end[1].stack;
	t.wire.faults.duplicated = 1000;
	CU_ASSERT(byteq_write(tcp_tx(far, t.far), &t.wire.end[1].pool, SPAN("EHLO")) == 4);
	tcp_tx_added(far, t.far, t.wire.now);
	run(&t, 20 * MS_US);
	struct black_box_record r = record_of(&t);
	unsigned first = 0, again = 0;
	for (uint32_t i = 0; i < r.count; i++) {
		bool data = r.entries[i].mark == BLACK_BOX_IN && r.entries[i].bytes == 4;
		first += data && r.entries[i].again == 0;
		again += data && r.entries[i].again == 1;
	}
	CU_ASSERT(first == 1 && again == 1);
	t.wire.faults.duplicated = 0;
	byteq_consume(tcp_rx(t.wire.end[0].stack, t.near), &t.wire.end[0].pool, 4);
	talk_close(&t);
}

static void of_many_entries_the_last_stay(void)
{
	struct talk t;
	talk_open(&t, false);
	for (unsigned i = 0; i < 40; i++) {
		say(&t, "x");
		run(&t, 50 * MS_US);
	}
	struct black_box_record r = record_of(&t);
	CU_ASSERT(r.count == BLACK_BOX_ENTRIES);
	CU_ASSERT(r.earlier >= 5 + 80 - BLACK_BOX_ENTRIES);
	for (uint32_t i = 1; i < r.count; i++)
		CU_ASSERT(black_box_age_us(&r, i) <= black_box_age_us(&r, i - 1));
	talk_close(&t);
}

/* ---- what is left behind ---- */

static void a_reset_by_the_peer_leaves_one_record(void)
{
	struct talk t;
	struct black_box_record r;
	talk_open(&t, true);
	tcp_abort(t.wire.end[1].stack, t.far, t.wire.now);
	run(&t, SECOND_US);
	CU_ASSERT_FATAL(tcp_black_box_next(t.wire.end[0].stack, &r));
	CU_ASSERT(r.why == TCP_CLOSE_RESET && r.state == CONN_ESTABLISHED);
	CU_ASSERT(handle_equal(r.id, t.near));
	CU_ASSERT(r.entries[r.count - 1].mark == BLACK_BOX_CLOSED);
	CU_ASSERT(r.entries[r.count - 2].mark == BLACK_BOX_IN && (r.entries[r.count - 2].flags & TCP_RST) != 0);
	CU_ASSERT(!tcp_black_box_next(t.wire.end[0].stack, &r));
	CU_ASSERT(tcp_counters(t.wire.end[0].stack)->black_boxes == 1);
	events_take(&t);
	tcp_release(t.wire.end[0].stack, t.near, t.wire.now);
	rig_wire_free(&t.wire);
}

static void an_end_in_order_and_our_own_abort_leave_none(void)
{
	struct talk t;
	struct black_box_record r;
	talk_open(&t, true);
	tcp_abort(t.wire.end[0].stack, t.near, t.wire.now);
	run(&t, SECOND_US);
	CU_ASSERT(!tcp_black_box_next(t.wire.end[0].stack, &r));
	rig_wire_free(&t.wire);
	talk_open(&t, true);
	tcp_release(t.wire.end[0].stack, t.near, t.wire.now);
	run(&t, SECOND_US);
	tcp_release(t.wire.end[1].stack, t.far, t.wire.now);
	run(&t, SECOND_US);
	CU_ASSERT(tcp_counters(t.wire.end[0].stack)->closed == 1);
	CU_ASSERT(!tcp_black_box_next(t.wire.end[0].stack, &r));
	rig_wire_free(&t.wire);
}

static void a_stale_name_finds_nothing(void)
{
	struct talk t;
	struct black_box_record r;
	struct tcp_info info;
	talk_open(&t, false);
	struct handle old = t.near;
	struct tcp_stack *s = t.wire.end[0].stack;
	old.generation++;
	CU_ASSERT(!tcp_inspect(s, old, &r, &info));
	CU_ASSERT(!tcp_inspect(s, HANDLE_NONE, &r, &info));
	CU_ASSERT(!tcp_inspect(s, (struct handle){ .slot = UINT32_MAX, .generation = 1 }, &r, &info));
	talk_close(&t);
}

static void rows_walk_over_all_connections_in_bounded_steps(void)
{
	struct talk t;
	struct tcp_row rows[4];
	uint32_t slot = 0, found = 0, steps = 0;
	talk_open(&t, false);
	const struct tcp_stack *s = t.wire.end[0].stack;
	for (; slot < s->conns.count; steps++)
		found += tcp_rows(s, &slot, 10, rows + found, 4 - found, t.wire.now);
	CU_ASSERT(found == 1);
	CU_ASSERT(steps == 7); /* 64 slots */
	CU_ASSERT(handle_equal(rows[0].id, t.near) && strcmp(rows[0].state, "established") == 0);
	CU_ASSERT(rows[0].age_ms > 900 && rows[0].age_ms <= 1000);
	talk_close(&t);
}

/* ---- rings, when there are few ---- */

struct boxes {
	struct black_boxes b;
	struct arena arena;
	void *memory;
};

static void boxes_make(struct boxes *x, uint32_t connections)
{
	struct arena dry;
	arena_init(&dry, NULL, 0);
	CU_ASSERT(!black_box_init(&x->b, &dry, connections));
	x->memory = aligned_alloc(64, dry.used);
	arena_init(&x->arena, x->memory, dry.used);
	CU_ASSERT_FATAL(black_box_init(&x->b, &x->arena, connections));
}

static void the_number_of_rings_follows_the_connections(void)
{
	CU_ASSERT(black_box_count(1) == 1);
	CU_ASSERT(black_box_count(4096) == 4096);
	CU_ASSERT(black_box_count(65536) == 4096);
	CU_ASSERT(black_box_count(1000000) == 62500);
}

static void a_ring_is_taken_over_from_who_was_quiet_longest(void)
{
	struct boxes x;
	static struct slab_head heads[4098];
	struct instant now = { .us = 10 * SECOND_US };
	boxes_make(&x, 5000);
	for (uint32_t i = 0; i < 4098; i++)
		heads[i] = (struct slab_head){ .slot = i };
	for (uint32_t i = 0; i < 4096; i++)
		(void)black_box_note(&x.b, &heads[i], now);
	CU_ASSERT(black_box_note(&x.b, &heads[4096], now) == &x.b.scrap); /* nobody is quiet yet */
	CU_ASSERT(x.b.without == 1);
	now = instant_add(now, 2 * SECOND_US);
	(void)black_box_note(&x.b, &heads[0], now);
	CU_ASSERT(black_box_note(&x.b, &heads[4096], now) != &x.b.scrap);
	CU_ASSERT(black_box_of(&x.b, &heads[0]) != NULL);
	CU_ASSERT(black_box_of(&x.b, &heads[1]) == NULL);
	CU_ASSERT(black_box_of(&x.b, &heads[4096])->count == 1);
	(void)black_box_note(&x.b, &heads[1], now); /* is back, at the cost of the next one */
	CU_ASSERT(black_box_of(&x.b, &heads[1])->count == 1);
	CU_ASSERT(black_box_of(&x.b, &heads[2]) == NULL);
	black_box_give(&x.b, &heads[1]);
	black_box_give(&x.b, &heads[2]); /* has none: nothing happens */
	(void)black_box_note(&x.b, &heads[4097], now); /* the free one */
	CU_ASSERT(black_box_of(&x.b, &heads[3]) != NULL);
	free(x.memory);
}

/* Against a slow model: whoever has a ring, has all that was noted since it got it. */
static void rings_change_hands_and_none_is_lost(void)
{
	struct boxes x;
	static struct slab_head heads[8000];
	struct prng p;
	struct instant now = { .us = 1 };
	uint32_t rings = 0;
	boxes_make(&x, 8000);
	prng_seed(&p, 7);
	for (uint32_t i = 0; i < 8000; i++)
		heads[i] = (struct slab_head){ .slot = i };
	for (uint32_t i = 0; i < 200000; i++) {
		struct slab_head *h = &heads[prng_below(&p, 8000)];
		now = instant_add(now, prng_below(&p, 1000));
		if (prng_chance(&p, 300))
			black_box_give(&x.b, h);
		else
			(void)black_box_note(&x.b, h, now);
	}
	for (uint32_t i = 0; i < 8000; i++)
		rings += black_box_of(&x.b, &heads[i]) != NULL;
	for (uint32_t at = x.b.free; at != 0; at = x.b.rings[at].older)
		rings++;
	CU_ASSERT(rings == x.b.count);
	uint32_t listed = 0;
	for (uint32_t at = x.b.oldest; at != 0; at = x.b.rings[at].newer, listed++)
		if (x.b.rings[at].newer != 0) {
			const struct black_box *newer = &x.b.rings[x.b.rings[at].newer];
			CU_ASSERT(newer->last.us + BLACK_BOX_SETTLE_US >= x.b.rings[at].moved_us);
		}
	for (uint32_t at = x.b.free; at != 0; at = x.b.rings[at].older)
		listed++;
	CU_ASSERT(listed == x.b.count);
	free(x.memory);
}

static void records_are_ten_a_second_and_no_more_than_fit(void)
{
	struct boxes x;
	struct black_box_record r;
	unsigned made = 0;
	struct instant now = { .us = 3 * SECOND_US };
	boxes_make(&x, 10);
	for (unsigned i = 0; i < 100; i++)
		made += black_box_push(&x.b, now) != NULL;
	CU_ASSERT(made == BLACK_BOX_PER_SECOND);
	now = instant_add(now, SECOND_US);
	for (unsigned i = 0; i < 100; i++)
		made += black_box_push(&x.b, now) != NULL;
	CU_ASSERT(made == BLACK_BOX_PENDING_MAX);
	while (black_box_pull(&x.b, &r))
		made--;
	CU_ASSERT(made == 0);
	now = instant_add(now, SECOND_US);
	CU_ASSERT(black_box_push(&x.b, now) != NULL);
	free(x.memory);
}

/* ---- how it is shown ---- */

static void names_of_connections_are_read_back(void)
{
	char buffer[CONN_ID_TEXT_BYTES];
	struct conn_id back;
	struct text t = text_of(buffer, sizeof(buffer));
	text_conn_id(&t, id);
	CU_ASSERT_STRING_EQUAL(buffer, "1.2.3.4");
	CU_ASSERT(conn_id_parse(text_as_span(&t), &back));
	CU_ASSERT(back.worker == 1 && back.port == 2 && back.handle.slot == 3 && back.handle.generation == 4);
	CU_ASSERT(!conn_id_parse(SPAN("1.2.3"), &back));
	CU_ASSERT(!conn_id_parse(SPAN("1.2.3.4.5"), &back));
	CU_ASSERT(!conn_id_parse(SPAN("1.2.3."), &back));
	CU_ASSERT(!conn_id_parse(SPAN("1.2.3.4294967296"), &back));
	CU_ASSERT(!conn_id_parse(SPAN(""), &back));
}

static void an_entry_survives_its_digits(void)
{
	const struct black_box_entry e = { .at_us = 0x01020304, .seq = 0xfffffffe, .ack = 7, .window = 0x8001,
		                           .bytes = 1448, .mark = BLACK_BOX_IN, .flags = TCP_ACK, .again = 1, .detail = 9 };
	struct black_box_entry back;
	char hex[BLACK_BOX_HEX_BYTES];
	black_box_entry_hex(&e, hex);
	CU_ASSERT_STRING_EQUAL(hex, "01020304fffffffe00000007800105a801100109");
	CU_ASSERT(black_box_entry_parse(span_of(hex, strlen(hex)), &back));
	CU_ASSERT(memcmp(&e, &back, sizeof(e)) == 0);
	CU_ASSERT(!black_box_entry_parse(span_of(hex, strlen(hex) - 1), &back));
	hex[5] = 'g';
	CU_ASSERT(!black_box_entry_parse(span_of(hex, strlen(hex)), &back));
}

static struct black_box_record shown(uint8_t family)
{
	struct black_box_record r = { .state = CONN_ESTABLISHED, .why = TCP_CLOSE_TIMEOUT, .send_shift = 7,
		                      .receive_shift = 5, .earlier = 2, .count = 4, .last = { .us = 2000000 } };
	r.local.addr = rig_addr(family == IP_V4 ? "198.18.0.1" : "2001:2::1");
	r.remote.addr = rig_addr(family == IP_V4 ? "198.18.0.2" : "2001:2::2");
	r.local.port = PORT;
	r.remote.port = 40000;
	r.entries[0] = (struct black_box_entry){ .at_us = 500000, .seq = 10, .ack = 20, .window = 100, .bytes = 5,
		                                 .mark = BLACK_BOX_IN, .flags = TCP_ACK | TCP_PSH,
		                                 .detail = TCP_DROP_PAWS + 1 };
	r.entries[1] = (struct black_box_entry){ .at_us = 900000, .seq = 20, .ack = 400000, .bytes = 1,
		                                 .mark = BLACK_BOX_TIMEOUT };
	r.entries[2] = (struct black_box_entry){ .at_us = 900000, .seq = 20, .ack = 15, .window = 200, .bytes = 1448,
		                                 .mark = BLACK_BOX_OUT, .flags = TCP_ACK, .again = 1 };
	r.entries[3] = (struct black_box_entry){ .at_us = 2000000, .mark = BLACK_BOX_CLOSED,
		                                 .detail = TCP_CLOSE_TIMEOUT };
	return r;
}

static void a_record_is_text_of_one_line_an_entry(void)
{
	char buffer[BLACK_BOX_TEXT_BYTES];
	struct black_box_record r = shown(IP_V4);
	struct text t = text_of(buffer, sizeof(buffer));
	black_box_text(&t, &r, id, 1700000002000000);
	CU_ASSERT_STRING_EQUAL(buffer,
	                       "connection 1.2.3.4, ours 198.18.0.1:25, theirs 198.18.0.2:40000, timed out, windows "
	                       "times 2^7 (theirs) 2^5 (ours), 0 is 1700000000.500000, before it 2\n"
	                       "+0.000000 in  PSH,ACK seq 10 ack 20 len 5 win 100, timestamp older than the last one "
	                       "(RFC 7323 5)\n"
	                       "+0.400000 retransmission timeout no. 1, not acknowledged from seq 20 on, rto 400 ms\n"
	                       "+0.400000 out ACK seq 20 ack 15 len 1448 win 200, repeated\n"
	                       "+1.500000 closed: timed out\n");
}

/* Walks over the blocks of a capture; returns how many packets it has. */
static unsigned walk(struct span file, unsigned *comments, uint32_t *original)
{
	unsigned packets = 0;
	*comments = 0;
	while (file.bytes >= 12) {
		struct reader r = reader_of(file);
		uint32_t type = reader_be32(&r), bytes = reader_be32(&r);
		CU_ASSERT_FATAL(bytes >= 12 && bytes % 4 == 0 && bytes <= file.bytes);
		struct reader end = reader_of(span_after(file, bytes - 4));
		CU_ASSERT(reader_be32(&end) == bytes);
		if (type == 6) {
			packets++;
			(void)reader_take(&r, 12);
			uint32_t captured = reader_be32(&r);
			*original = reader_be32(&r);
			(void)reader_take(&r, (captured + 3) / 4 * 4);
			while (reader_be16(&r) == 1) {
				(*comments)++;
				(void)reader_take(&r, (reader_be16(&r) + 3u) / 4 * 4);
			}
			CU_ASSERT(r.ok);
		}
		file = span_after(file, bytes);
	}
	CU_ASSERT(file.bytes == 0);
	return packets;
}

static void a_capture_has_a_packet_for_each_segment_and_comments_for_the_rest(void)
{
	static uint8_t file[BLACK_BOX_PCAPNG_BYTES];
	const uint8_t families[] = { IP_V4, IP_V6 };
	for (unsigned i = 0; i < 2; i++) {
		struct black_box_record r = shown(families[i]);
		struct writer w = writer_of((struct room){ .data = file, .bytes = sizeof(file) });
		unsigned comments;
		uint32_t original;
		black_box_pcapng(&w, &r, id, 1700000002000000);
		CU_ASSERT(w.ok);
		CU_ASSERT(walk(writer_span(&w), &comments, &original) == 2);
		CU_ASSERT(comments == 4); /* dropped; the timer and the repetition; the end */
		CU_ASSERT(original == 1448u + (families[i] == IP_V4 ? 54u : 74u));
	}
}

static void the_largest_record_fits(void)
{
	static uint8_t file[BLACK_BOX_PCAPNG_BYTES];
	char buffer[BLACK_BOX_TEXT_BYTES];
	struct black_box_record r = shown(IP_V6);
	memset(&r.local.addr.bytes, 0xff, 16);
	memset(&r.remote.addr.bytes, 0xff, 16);
	r.earlier = UINT32_MAX;
	for (unsigned kind = 0; kind < 256; kind++) {
		unsigned comments;
		uint32_t original;
		r.count = BLACK_BOX_ENTRIES;
		for (unsigned i = 0; i < BLACK_BOX_ENTRIES; i++) {
			memset(&r.entries[i], 0xff, sizeof(r.entries[i]));
			r.entries[i].mark = (uint8_t)(kind == 255 ? 1 + i % 2 : kind);
			r.entries[i].detail = (uint8_t)(kind == 255 ? 1 + i : kind);
		}
		r.entries[0].mark = BLACK_BOX_IN;
		struct text t = text_of(buffer, sizeof(buffer));
		black_box_text(&t, &r, (struct conn_id){ UINT32_MAX, UINT32_MAX, { UINT32_MAX, UINT32_MAX } }, INT64_MAX);
		CU_ASSERT(!t.cut);
		struct writer w = writer_of((struct room){ .data = file, .bytes = sizeof(file) });
		black_box_pcapng(&w, &r, id, INT64_MAX);
		CU_ASSERT(w.ok);
		CU_ASSERT(walk(writer_span(&w), &comments, &original) >= 1);
	}
}

UNIT("tcp/black_box",
     { "a handshake is three segments and two states", a_handshake_is_three_segments_and_two_states },
     { "what is sent again is marked with the timer before it", what_is_sent_again_is_marked_with_the_timer_before_it },
     { "a dropped segment has its reason", a_dropped_segment_has_its_reason },
     { "what comes twice is marked", what_comes_twice_is_marked },
     { "of many entries the last stay", of_many_entries_the_last_stay },
     { "a reset by the peer leaves one record", a_reset_by_the_peer_leaves_one_record },
     { "an end in order and our own abort leave none", an_end_in_order_and_our_own_abort_leave_none },
     { "a stale name finds nothing", a_stale_name_finds_nothing },
     { "rows walk over all connections in bounded steps", rows_walk_over_all_connections_in_bounded_steps },
     { "the number of rings follows the connections", the_number_of_rings_follows_the_connections },
     { "a ring is taken over from who was quiet longest", a_ring_is_taken_over_from_who_was_quiet_longest },
     { "rings change hands and none is lost", rings_change_hands_and_none_is_lost },
     { "records are ten a second and no more than fit", records_are_ten_a_second_and_no_more_than_fit },
     { "names of connections are read back", names_of_connections_are_read_back },
     { "an entry survives its digits", an_entry_survives_its_digits },
     { "a record is text of one line an entry", a_record_is_text_of_one_line_an_entry },
     { "a capture has a packet for each segment and comments for the rest", a_capture_has_a_packet_for_each_segment_and_comments_for_the_rest },
     { "the largest record fits", the_largest_record_fits })
