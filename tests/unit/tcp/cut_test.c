/*
 * cut_test.c - frames of several segments, cut by the port, are to the last byte those that would have left one by one.
 *
 * One connection carries bytes both ways through a world that loses, doubles, reorders and marks; once every frame is a
 * segment, once several are cut. What the peer hears, and when, must be the same.
 */
#include "rig.h"
#include "tests/unit/unit.h"
#include "tcp/frame_cut.h"

#define TURNS 300u

static uint8_t cut_room[65536];

struct world {
	struct rig_wire wire;
	struct prng will;
	struct handle id[2];
	bool open[2];
	uint64_t digest, read;
	uint32_t large; /* frames that were cut */
};

static void hear(struct world *w, uint32_t from, const uint8_t *data, size_t bytes)
{
	static uint8_t copy[RIG_FRAME_BYTES];
	memcpy(copy, data, bytes);
	for (size_t i = 0; i < bytes; i++)
		w->digest = (w->digest ^ data[i]) * 0x100000001b3u;
	rig_send(&w->wire, 1 - from, copy, bytes);
}

static void hear_pieces(struct world *w, uint32_t from, struct span frame, const struct tcp_frame_meta *meta)
{
	static uint8_t piece[RIG_FRAME_BYTES];
	struct cut cut = frame_cut(frame, meta);
	w->large++;
	CU_ASSERT(cut_count(&cut) > 1);
	CU_ASSERT(cut_count(&cut) <= TCP_CUT_SEGMENTS_MAX);
	for (uint32_t i = 0; i < cut_count(&cut); i++)
		hear(w, from, piece, cut_write(&cut, i, false, (struct room){ piece, sizeof(piece) }));
}

static void flush(struct world *w)
{
	static uint8_t data[2048];
	for (uint32_t end = 0; end < 2; end++) {
		struct tcp_frame_meta meta;
		size_t bytes;
		while ((bytes = tcp_output(w->wire.end[end].stack, (struct room){ data, sizeof(data) }, &meta,
		                           w->wire.now)) > 0) {
			if (meta.segment_bytes > 0)
				hear_pieces(w, end, span_of(cut_room, bytes), &meta);
			else
				hear(w, end, data, bytes);
		}
	}
}

static void act(struct world *w, uint32_t end)
{
	static uint8_t bytes[40000];
	struct rig *r = &w->wire.end[end];
	struct tcp_event e;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	while (tcp_next_event(r->stack, &e))
		if ((e.bits & TCP_ACCEPTED) != 0) {
			w->id[end] = e.id;
			w->open[end] = true;
		}
	if (!w->open[end])
		return;
	w->read += rig_drop_received(r, w->id[end], w->wire.now);
	size_t wish = prng_chance(&w->will, 300) ? 0 : prng_below(&w->will, sizeof(bytes));
	size_t room = tcp_tx_room(r->stack, w->id[end]);
	(void)!byteq_write(tcp_tx(r->stack, w->id[end]), &r->pool, span_of(bytes, wish < room ? wish : room));
	tcp_tx_added(r->stack, w->id[end], w->wire.now);
}

static void run_world(struct world *w, uint64_t seed, uint32_t cut_bytes_max)
{
	struct tcp_config a = rig_config(1), b = rig_config(2);
	struct rig_faults faults = { .lost = seed % 3 * 15, .duplicated = 10, .delayed = seed % 2 * 100,
		                     .delay_us = 4000, .jitter_us = 3000 };
	a.ecn = b.ecn = seed % 4 == 0;
	b.mtu = seed % 3 == 0 ? 1280 : 1500; /* and with it the segments that it wants */
	if (cut_bytes_max > 0)
		a.cut_room = b.cut_room = (struct room){ cut_room, cut_bytes_max + TCP_CUT_HEADERS_MAX };
	a.tx_bytes_max = b.tx_bytes_max = a.rx_bytes_max = b.rx_bytes_max = 1u << 18;
	memset(w, 0, sizeof(*w));
	rig_wire_make(&w->wire, &a, &b, RIG_BLOCKS, faults, seed, (struct instant){ .us = 1000000 });
	prng_seed(&w->will, seed);
	struct endpoint to = { .addr = rig_addr(seed % 2 == 0 ? "198.18.0.2" : "2001:2::2"), .port = 25 };
	CU_ASSERT_FATAL(tcp_listen(w->wire.end[1].stack, (struct endpoint){ .port = 25 }, 1));
	CU_ASSERT_FATAL(tcp_connect(w->wire.end[0].stack, to, 0, w->wire.now, &w->id[0]) == TCP_CONNECT_STARTED);
	w->open[0] = true;
	if (seed % 5 == 0)
		tcp_nagle_set(w->wire.end[0].stack, w->id[0], true, w->wire.now);
	for (uint32_t turn = 0; turn < TURNS; turn++) {
		act(w, 0);
		act(w, 1);
		flush(w);
		w->wire.now = instant_add(w->wire.now, 1000);
		rig_deliver(&w->wire);
		tcp_expire(w->wire.end[0].stack, w->wire.now);
		tcp_expire(w->wire.end[1].stack, w->wire.now);
	}
}

static void cut_frames_are_those_sent_one_by_one(void)
{
	static const uint32_t most[] = { 14480, 3000, 60000 };
	static struct world one, many;
	uint64_t large = 0, read = 0;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		run_world(&one, seed, 0);
		run_world(&many, seed, most[seed % COUNT_OF(most)]);
		bool same = one.digest == many.digest && one.read == many.read;
		CU_ASSERT(same);
		CU_ASSERT_EQUAL(one.large, 0);
		large += many.large;
		read += one.read;
		CU_ASSERT_EQUAL(tcp_counters(one.wire.end[0].stack)->segments_out,
		                tcp_counters(many.wire.end[0].stack)->segments_out);
		if (!same)
			fprintf(stderr, "seed %llu: cut frames differ\n", (unsigned long long)seed);
		rig_wire_free(&one.wire);
		rig_wire_free(&many.wire);
	}
	CU_ASSERT(large > 3000);
	CU_ASSERT(read > 50000000);
}

UNIT("tcp/cut", { "cut frames are to the byte those sent one by one, in sixty worlds", cut_frames_are_those_sent_one_by_one })
