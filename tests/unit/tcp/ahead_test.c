/*
 * ahead_test.c - frames that come in bursts: the first look and the short way change nothing but the time it takes.
 *
 * Each world is run twice from one seed, its frames delivered one by one and in bursts. Eight connections carry bytes
 * both ways, are shut, aborted, released and opened again while frames are lost, doubled, reordered and damaged.
 * Every frame that leaves must be the same in both.
 */
#include "rig.h"
#include "tests/unit/unit.h"
#include "tcp/ahead_int.h"
#include "wire/load.h"

#define ENDS 8u
#define TURNS 400u

struct player { /* one connection, seen from one end */
	struct handle id;
	bool open;
};

struct play {
	struct rig_wire wire;
	struct prng will; /* what the applications do */
	struct player player[2][ENDS];
	bool bursts, offload;
	uint64_t digest; /* of all frames that left */
	uint64_t read;
	uint32_t largest; /* burst */
};

static void note(uint64_t *digest, const uint8_t *data, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		*digest = (*digest ^ data[i]) * 0x100000001b3u;
}

static void flush(struct play *p)
{
	static uint8_t data[RIG_FRAME_BYTES];
	struct room room = { .data = data, .bytes = sizeof(data) };
	for (uint32_t i = 0; i < 2; i++) {
		struct tcp_frame_meta meta;
		size_t bytes;
		while ((bytes = tcp_output(p->wire.end[i].stack, room, &meta, p->wire.now)) > 0) {
			note(&p->digest, data, bytes);
			rig_send(&p->wire, 1 - i, data, bytes);
		}
	}
}

static void deliver_to(struct play *p, uint32_t end, struct rig_frame **all, uint32_t count)
{
	struct tcp_frame frames[TCP_BURST_MAX] = { 0 };
	struct tcp_stack *s = p->wire.end[end].stack;
	for (uint32_t i = 0; i < count; i++)
		frames[i].head = span_of(all[i]->data, all[i]->bytes);
	p->largest = count > p->largest ? count : p->largest;
	if (p->bursts)
		tcp_input_burst(s, frames, count, p->wire.now);
	for (uint32_t i = 0; i < count && !p->bursts; i++)
		tcp_input(s, frames[i].head, 0, p->wire.now);
	for (uint32_t i = 0; i < count; i++)
		free(all[i]);
}

/* Frames for both ends come mixed; each end's stay in their order. */
static void deliver(struct play *p)
{
	struct rig_frame *all[2][TCP_BURST_MAX];
	uint32_t count[2] = { 0 };
	struct rig_wire *w = &p->wire;
	while (w->frames != NULL && instant_reached(w->frames->at, w->now)) {
		struct rig_frame *f = w->frames;
		uint32_t to = f->to;
		w->frames = f->next;
		all[to][count[to]++] = f;
		if (count[to] == TCP_BURST_MAX) {
			deliver_to(p, to, all[to], count[to]);
			count[to] = 0;
		}
	}
	for (uint32_t to = 0; to < 2; to++)
		deliver_to(p, to, all[to], count[to]);
}

static void take_events(struct play *p, uint32_t end)
{
	struct tcp_event e;
	while (tcp_next_event(p->wire.end[end].stack, &e)) {
		struct player *mine = NULL;
		for (uint32_t i = 0; i < ENDS; i++)
			if (p->player[end][i].open && handle_equal(p->player[end][i].id, e.id))
				mine = &p->player[end][i];
		for (uint32_t i = 0; i < ENDS && mine == NULL; i++)
			if (!p->player[end][i].open)
				*(mine = &p->player[end][i]) = (struct player){ .id = e.id, .open = true };
		if (mine == NULL || (e.bits & TCP_CLOSED) != 0) {
			tcp_release(p->wire.end[end].stack, e.id, p->wire.now);
			if (mine != NULL)
				mine->open = false;
		}
	}
}

static void act(struct play *p, uint32_t end, struct player *player)
{
	static const uint8_t zeros[4000];
	struct rig *r = &p->wire.end[end];
	struct instant now = p->wire.now;
	uint64_t what = prng_below(&p->will, 100);
	if (!player->open) {
		struct endpoint remote = { .addr = rig_addr(what % 2 == 0 ? "198.18.0.2" : "2001:2::2"), .port = 25 };
		player->open = end == 0 && tcp_connect(r->stack, remote, 0, now, &player->id) == TCP_CONNECT_STARTED;
		return;
	}
	p->read += rig_drop_received(r, player->id, now);
	size_t room = tcp_tx_room(r->stack, player->id);
	size_t bytes = prng_below(&p->will, sizeof(zeros));
	if (what < 90 && room > 0) {
		(void)!byteq_write(tcp_tx(r->stack, player->id), &r->pool, span_of(zeros, bytes < room ? bytes : room));
		tcp_tx_added(r->stack, player->id, now);
	} else if (what < 92) {
		tcp_shut(r->stack, player->id, now);
	} else if (what < 94) {
		tcp_abort(r->stack, player->id, now);
		player->open = false;
	} else if (what < 96) {
		tcp_release(r->stack, player->id, now);
		player->open = false;
	}
}

static void run_play(struct play *p, uint64_t seed, bool bursts)
{
	struct tcp_config a = rig_config(1);
	struct tcp_config b = rig_config(2);
	struct rig_faults faults = { .lost = 20, .duplicated = 20, .delayed = 300, .damaged = 10,
		                     .delay_us = 5000, .jitter_us = 5000 };
	memset(p, 0, sizeof(*p));
	p->bursts = bursts;
	rig_wire_make(&p->wire, &a, &b, RIG_BLOCKS, faults, seed, (struct instant){ .us = 1000000 });
	prng_seed(&p->will, seed * 7 + 1);
	CU_ASSERT_FATAL(tcp_listen(p->wire.end[1].stack, (struct endpoint){ .port = 25 }, 1));
	for (uint32_t turn = 0; turn < TURNS; turn++) {
		for (uint32_t end = 0; end < 2; end++) {
			take_events(p, end);
			for (uint32_t i = 0; i < ENDS; i++)
				act(p, end, &p->player[end][i]);
		}
		flush(p);
		p->wire.now = instant_add(p->wire.now, 5000);
		deliver(p);
		for (uint32_t end = 0; end < 2; end++)
			tcp_expire(p->wire.end[end].stack, p->wire.now);
	}
}

static void bursts_do_what_single_frames_do(void)
{
	static struct play one, many;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		run_play(&one, seed, false);
		run_play(&many, seed, true);
		bool same = one.digest == many.digest && one.read == many.read && one.wire.carried == many.wire.carried &&
		            memcmp(&one.wire.end[1].stack->counters, &many.wire.end[1].stack->counters,
		                   sizeof(struct tcp_counters)) == 0;
		CU_ASSERT(same);
		CU_ASSERT(many.largest >= 16);
		CU_ASSERT(many.read > 100000);
		CU_ASSERT(many.wire.end[1].stack->counters.predicted > many.wire.end[1].stack->counters.segments_in / 20);
		if (!same)
			fprintf(stderr, "seed %llu: bursts differ\n", (unsigned long long)seed);
		rig_wire_free(&one.wire);
		rig_wire_free(&many.wire);
	}
}

/* ---- the first look ---- */

static struct ahead looked(struct rig *r, uint8_t *frame, size_t bytes)
{
	struct tcp_frame whole = { .head = span_of(frame, bytes) };
	struct ahead a;
	ahead_begin(&a, &whole, 0);
	ahead_look(r->stack, &a);
	return a;
}

static void what_is_no_plain_segment_is_not_looked_at(void)
{
	static const uint8_t ip4[] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6,
		                       0, 0, 198, 18, 0, 2, 198, 18, 0, 1, 1, 2, 0, 25, 0, 0, 0, 0, 0, 0, 0, 0, 0x50,
		                       0x10, 0, 0, 0, 0, 0, 0 };
	static const struct { uint8_t at, value; } changes[] = {
		{ 12, 9 }, { 14, 0x46 }, { 17, 39 }, { 16, 1 }, { 20, 0x20 }, { 20, 0x80 }, { 21, 1 }, { 23, 17 }
	};
	struct rig r;
	struct tcp_config config = rig_config(1);
	uint8_t frame[sizeof(ip4)];
	rig_make(&r, &config, 8, (struct instant){ .us = 1000000 });
	memcpy(frame, ip4, sizeof(ip4));
	struct ahead a = looked(&r, frame, sizeof(frame));
	CU_ASSERT_FATAL(a.l3_at != 0);
	CU_ASSERT_EQUAL(a.l4_bytes, 20);
	CU_ASSERT_EQUAL(load_be16(ahead_l4(&a)), 0x0102);
	CU_ASSERT_EQUAL(a.ref, FLOW_NONE);
	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		memcpy(frame, ip4, sizeof(ip4));
		frame[changes[i].at] = changes[i].value;
		CU_ASSERT_EQUAL(looked(&r, frame, sizeof(frame)).l3_at, 0);
	}
	for (size_t bytes = 0; bytes < sizeof(ip4); bytes++)
		CU_ASSERT_EQUAL(looked(&r, memcpy(frame, ip4, sizeof(ip4)), bytes).l3_at, 0);
	rig_free(&r);
}

UNIT("tcp/ahead", { "bursts do what single frames do, in sixty worlds", bursts_do_what_single_frames_do },
     { "what is no plain segment is not looked at", what_is_no_plain_segment_is_not_looked_at })
