/*
 * pacing_test.c - how many segments leave in a millisecond, with pacing and without.
 */
#include "rig.h"
#include "tests/unit/unit.h"

#define RTT_US 40000u

struct flow {
	struct rig_wire wire;
	struct handle id;
	uint32_t most; /* data segments of one millisecond */
	uint64_t read;
};

static void count_segments(struct flow *f)
{
	static uint8_t data[RIG_FRAME_BYTES];
	uint32_t here = 0;
	for (uint32_t end = 0; end < 2; end++) {
		struct tcp_frame_meta meta;
		size_t bytes;
		while ((bytes = tcp_output(f->wire.end[end].stack, (struct room){ data, sizeof(data) }, &meta,
		                           f->wire.now)) > 0) {
			here += end == 0 && bytes > 1000;
			rig_send(&f->wire, 1 - end, data, bytes);
		}
	}
	f->most = here > f->most ? here : f->most;
}

/* Milliseconds until `bytes` have arrived. */
static uint32_t transfer(struct flow *f, bool pacing, size_t bytes)
{
	static uint8_t zeros[65536];
	struct tcp_config a = rig_config(1), b = rig_config(2);
	struct rig_faults faults = { .delay_us = RTT_US / 2 };
	a.pacing = pacing;
	a.tx_bytes_max = b.rx_bytes_max = 1u << 20;
	memset(f, 0, sizeof(*f));
	rig_wire_make(&f->wire, &a, &b, RIG_BLOCKS, faults, 1, (struct instant){ .us = 1000000 });
	struct endpoint to = { .addr = rig_addr("198.18.0.2"), .port = 25 };
	CU_ASSERT_FATAL(tcp_listen(f->wire.end[1].stack, (struct endpoint){ .port = 25 }, 1));
	CU_ASSERT_FATAL(tcp_connect(f->wire.end[0].stack, to, 0, f->wire.now, &f->id) == TCP_CONNECT_STARTED);
	uint32_t ms = 0;
	for (size_t written = 0; f->read < bytes && ms < 60000; ms++) {
		size_t room = tcp_tx_room(f->wire.end[0].stack, f->id);
		size_t piece = bytes - written < sizeof(zeros) ? bytes - written : sizeof(zeros);
		piece = ms < 100 ? 0 : piece < room ? piece : room; /* the handshake comes first */
		written += byteq_write(tcp_tx(f->wire.end[0].stack, f->id), &f->wire.end[0].pool, span_of(zeros, piece));
		tcp_tx_added(f->wire.end[0].stack, f->id, f->wire.now);
		count_segments(f);
		f->wire.now = instant_add(f->wire.now, 1000);
		rig_deliver(&f->wire);
		tcp_expire(f->wire.end[0].stack, f->wire.now);
		tcp_expire(f->wire.end[1].stack, f->wire.now);
		f->read += rig_drop_all_received(&f->wire.end[1], f->wire.now);
	}
	CU_ASSERT_EQUAL(f->read, bytes);
	return ms;
}

static void portions_replace_bursts_and_cost_no_time(void)
{
	static struct flow burst, paced;
	uint32_t without = transfer(&burst, false, 400000);
	uint32_t with = transfer(&paced, true, 400000);
	CU_ASSERT(burst.most >= 10); /* the initial window, and each ACK's answer */
	CU_ASSERT(paced.most <= 8);
	CU_ASSERT(with < without + 2 * RTT_US / 1000);
	rig_wire_free(&burst.wire);
	rig_wire_free(&paced.wire);
}

/* Nothing else waits with the data, and what waits does not keep the stack awake for ever. */
static void who_waits_is_woken_in_the_next_millisecond(void)
{
	static struct flow f;
	(void)transfer(&f, true, 100000);
	struct tcp_stack *s = f.wire.end[0].stack;
	struct tcp_frame_meta meta;
	static uint8_t data[RIG_FRAME_BYTES], bytes[60000];
	for (uint32_t i = 0; i < 100; i++) /* the last ACKs */
		rig_turn(&f.wire, instant_add(f.wire.now, 1000));
	f.wire.now = (struct instant){ .us = f.wire.now.us / 1000 * 1000 + 300 };
	(void)!byteq_write(tcp_tx(s, f.id), &f.wire.end[0].pool, span_of(bytes, sizeof(bytes)));
	tcp_tx_added(s, f.id, f.wire.now);
	while (tcp_output(s, (struct room){ data, sizeof(data) }, &meta, f.wire.now) > 0)
		continue;
	CU_ASSERT_FALSE(link_empty(&s->paced));
	CU_ASSERT_EQUAL(tcp_deadline(s).us, f.wire.now.us / 1000 * 1000 + 1000);
	tcp_expire(s, tcp_deadline(s));
	CU_ASSERT(link_empty(&s->paced));
	CU_ASSERT(tcp_output(s, (struct room){ data, sizeof(data) }, &meta, s->now) > 0);
	tcp_abort(s, f.id, s->now);
	CU_ASSERT(instant_before(s->now, tcp_deadline(s)));
	rig_wire_free(&f.wire);
}

/* A portion is used up while an ACK is due, so that the connection does not rest; then all leaves with the next one. */
static void who_waits_no_more_does_not_rest_until_the_next_millisecond(void)
{
	static struct flow f;
	(void)transfer(&f, true, 100000);
	struct tcp_stack *s = f.wire.end[0].stack;
	struct conn *c = (void *)s->conns.memory;
	struct tcp_frame_meta meta;
	static uint8_t data[RIG_FRAME_BYTES], bytes[20000];
	for (uint32_t i = 0; i < 100; i++) /* the last ACKs */
		rig_turn(&f.wire, instant_add(f.wire.now, 1000));
	(void)!byteq_write(tcp_tx(s, f.id), &f.wire.end[0].pool, span_of(bytes, sizeof(bytes)));
	tcp_tx_added(s, f.id, f.wire.now);
	size_t sent = SIZE_MAX;
	uint32_t portions = 0;
	for (; conn_unsent(c) > 0 && portions < 20; portions++) {
		f.wire.now = instant_add(f.wire.now, 1000);
		for (sent = SIZE_MAX; sent > 1000 && conn_unsent(c) > 0;) {
			conn_ack_now(s, c);
			sent = tcp_output(s, (struct room){ data, sizeof(data) }, &meta, f.wire.now);
		}
	}
	CU_ASSERT(portions > 1 && conn_unsent(c) == 0);
	CU_ASSERT(tcp_output(s, (struct room){ data, sizeof(data) }, &meta, f.wire.now) == 0);
	CU_ASSERT(link_empty(&s->paced));
	tcp_abort(s, f.id, s->now);
	rig_wire_free(&f.wire);
}

UNIT("tcp/pacing", { "portions of a millisecond replace bursts, and cost no time", portions_replace_bursts_and_cost_no_time },
     { "who waits is woken in the next millisecond", who_waits_is_woken_in_the_next_millisecond },
     { "who waits no more does not rest until the next millisecond", who_waits_no_more_does_not_rest_until_the_next_millisecond })
