/*
 * rig.h - stacks under virtual time, for tests: one stack with its memory, and two of them joined
 * by a wire that loses, delays, duplicates and damages frames as one seed says.
 *
 * Everything is deterministic; a failing seed is the whole reproduction.
 */
#ifndef WEIR_TESTS_TCP_RIG_H
#define WEIR_TESTS_TCP_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "tcp/stack_int.h"
#include "tcp/tcp.h"
#include "tests/lib/plain_config.h"
#include "wire/icmp.h"
#include "wire/ip6.h"
#include "wire/nd.h"

#define RIG_BLOCKS 512u
#define RIG_FRAME_BYTES 9216u

struct rig {
	struct arena arena;
	void *memory;
	void *block_memory;
	struct block_pool pool;
	struct tcp_stack *stack;
};

static inline struct ip_addr rig_addr(const char *text)
{
	return plain_addr(text);
}

static inline struct tcp_config rig_config(unsigned number)
{
	return plain_config(number);
}

/* Behind an Ethernet header: a neighbour with this address and MAC asks for ours. */
static inline void rig_solicitation(struct writer *w, struct ip_addr own, struct ip_addr peer, const uint8_t mac[6])
{
	struct ip_addr group = nd_solicited_node(own);
	struct nd_message m = { .kind = ND_SOLICIT, .target = own };
	memcpy(m.mac, mac, sizeof(m.mac));
	ip6_emit(w, peer, group, IP_ICMP6, ND_BYTES, ND_HOP_LIMIT);
	nd_emit(w, peer, group, &m);
}

static inline void rig_make(struct rig *r, const struct tcp_config *config, uint32_t blocks,
                            struct instant now)
{
	struct arena dry;
	arena_init(&dry, NULL, 0);
	if (tcp_make(&dry, config, &r->pool, NULL, now) != NULL)
		abort();
	r->memory = aligned_alloc(64, dry.used);
	r->block_memory = aligned_alloc(4096, (size_t)blocks * BLOCK_BYTES);
	arena_init(&r->arena, r->memory, dry.used);
	block_pool_init(&r->pool, r->block_memory, blocks);
	r->stack = tcp_make(&r->arena, config, &r->pool, NULL, now);
	if (r->stack == NULL)
		abort();
}

static inline void rig_free(struct rig *r)
{
	free(r->memory);
	free(r->block_memory);
}

/* Nothing is left: no connection, no entry, no block, no timer. */
static inline bool rig_is_empty(const struct rig *r)
{
	const struct tcp_stack *s = r->stack;
	return s->conns.used == 0 && s->waits.slab.used == 0 && s->reasms.used == 0 && s->searches.used == 0 &&
	       s->flows.count == 0 && s->half_open == 0 && s->sources.count == 0 && r->pool.free_count == r->pool.total &&
	       s->wheel.count == 0 && link_empty(&s->ready) && link_empty(&s->events) && link_empty(&s->stalled);
}

/* Takes what the stack has to send and forgets it, up to `most` frames; how many there were. */
static inline uint32_t rig_drop_output(struct rig *r, uint32_t most, struct instant now)
{
	static uint8_t frame[RIG_FRAME_BYTES];
	struct tcp_frame_meta meta;
	uint32_t frames = 0;
	while (frames < most &&
	       tcp_output(r->stack, (struct room){ frame, sizeof(frame) }, &meta, now) > 0)
		frames++;
	return frames;
}

/* Reads all that a connection has received, and forgets it; how many bytes that was. */
static inline size_t rig_drop_received(struct rig *r, struct handle id, struct instant now)
{
	struct byteq *rx = tcp_rx(r->stack, id);
	size_t bytes = byteq_bytes(rx);
	byteq_consume(rx, &r->pool, bytes);
	tcp_rx_taken(r->stack, id, now);
	return bytes;
}

/* The same of all connections, and of their news. */
static inline size_t rig_drop_all_received(struct rig *r, struct instant now)
{
	struct tcp_event e;
	size_t bytes = 0;
	while (tcp_next_event(r->stack, &e))
		if ((e.bits & TCP_READABLE) != 0)
			bytes += rig_drop_received(r, e.id, now);
	return bytes;
}

/* ---- the wire ---- */

struct rig_faults { /* per mille of frames */
	uint32_t lost, duplicated, delayed, damaged;
	uint32_t delay_us, jitter_us;
};

struct rig_frame {
	struct rig_frame *next;
	struct instant at;
	uint32_t to;
	uint32_t bytes;
	uint8_t data[];
};

struct rig_wire {
	struct rig end[2];
	struct rig_faults faults;
	struct prng prng;
	struct instant now;
	struct rig_frame *frames; /* by time */
	uint64_t carried;
};

static inline void rig_put(struct rig_wire *w, uint32_t to, const uint8_t *data, size_t bytes,
                           uint64_t delay_us)
{
	struct rig_frame *f = malloc(sizeof(*f) + bytes);
	f->at = instant_add(w->now, delay_us);
	f->to = to;
	f->bytes = (uint32_t)bytes;
	memcpy(f->data, data, bytes);
	struct rig_frame **at = &w->frames;
	while (*at != NULL && (*at)->at.us <= f->at.us)
		at = &(*at)->next;
	f->next = *at;
	*at = f;
}

/* Neighbour resolution is spared: that it can fail has tests of its own, and ARP has no checksum.
 * */
static inline bool rig_resolves(const uint8_t *data)
{
	bool arp = data[12] == 8 && data[13] == 6;
	bool nd = data[12] == 0x86 && data[20] == IP_ICMP6;
	return arp || nd;
}

static inline void rig_send(struct rig_wire *w, uint32_t to, uint8_t *data, size_t bytes)
{
	const struct rig_faults *f = &w->faults;
	uint64_t delay = f->delay_us;
	w->carried++;
	if (rig_resolves(data)) {
		rig_put(w, to, data, bytes, delay);
		return;
	}
	if (prng_chance(&w->prng, f->lost))
		return;
	if (prng_chance(&w->prng, f->delayed))
		delay += prng_below(&w->prng, f->jitter_us + 1);
	if (prng_chance(&w->prng, f->duplicated))
		rig_put(w, to, data, bytes, delay + prng_below(&w->prng, f->jitter_us + 1));
	if (prng_chance(&w->prng, f->damaged))
		data[14 + prng_below(&w->prng, bytes - 14)] ^=
			(uint8_t)(1u << prng_below(&w->prng, 8));
	rig_put(w, to, data, bytes, delay);
}

static inline void rig_flush(struct rig_wire *w)
{
	static uint8_t data[RIG_FRAME_BYTES];
	struct room room = { .data = data, .bytes = sizeof(data) };
	for (uint32_t i = 0; i < 2; i++) {
		struct tcp_frame_meta meta;
		size_t bytes;
		while ((bytes = tcp_output(w->end[i].stack, room, &meta, w->now)) > 0)
			rig_send(w, 1 - i, data, bytes);
	}
}

static inline void rig_deliver(struct rig_wire *w)
{
	while (w->frames != NULL && instant_reached(w->frames->at, w->now)) {
		struct rig_frame *f = w->frames;
		w->frames = f->next;
		tcp_input(w->end[f->to].stack, span_of(f->data, f->bytes), 0, w->now);
		free(f);
	}
}

static inline struct instant rig_next(const struct rig_wire *w)
{
	struct instant at = w->frames != NULL ? w->frames->at : INSTANT_NEVER;
	at = instant_earlier(at, tcp_deadline(w->end[0].stack));
	return instant_earlier(at, tcp_deadline(w->end[1].stack));
}

/* One turn: to the next thing that happens, but no farther than `until`. */
static inline void rig_turn(struct rig_wire *w, struct instant until)
{
	rig_flush(w);
	struct instant at = instant_earlier(rig_next(w), until);
	if (instant_before(w->now, at))
		w->now = at;
	rig_deliver(w);
	tcp_expire(w->end[0].stack, w->now);
	tcp_expire(w->end[1].stack, w->now);
}

static inline void rig_wire_make(struct rig_wire *w, const struct tcp_config *a,
                                 const struct tcp_config *b, uint32_t blocks,
                                 struct rig_faults faults, uint64_t seed, struct instant now)
{
	memset(w, 0, sizeof(*w));
	w->now = now;
	w->faults = faults;
	prng_seed(&w->prng, seed);
	rig_make(&w->end[0], a, blocks, now);
	rig_make(&w->end[1], b, blocks, now);
}

static inline void rig_wire_free(struct rig_wire *w)
{
	while (w->frames != NULL) {
		struct rig_frame *f = w->frames;
		w->frames = f->next;
		free(f);
	}
	rig_free(&w->end[0]);
	rig_free(&w->end[1]);
}

#endif
