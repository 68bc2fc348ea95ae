/*
 * tcp_path.c - see tcp_path.h.
 */
#include "tcp_path.h"

#include <stdlib.h>
#include <string.h>

#include "wire/eth.h"

void path_init(struct path *p, const struct path_plan *plan, uint64_t seed)
{
	*p = (struct path){ .plan = *plan, .trace = HASH_START };
	prng_seed(&p->prng, seed);
}

void path_free(struct path *p)
{
	for (uint32_t i = 0; i < p->count; i++)
		free(p->heap[i].data);
	free(p->heap);
}

static bool sooner(const struct path_frame *a, const struct path_frame *b)
{
	return a->at.us != b->at.us ? a->at.us < b->at.us : a->order < b->order;
}

static void push(struct path *p, struct span frame, struct instant at, bool corrupt)
{
	if (p->count == p->room) {
		p->room = p->room > 0 ? p->room * 2 : 64;
		p->heap = realloc(p->heap, p->room * sizeof(*p->heap));
	}
	struct path_frame f = { .at = at, .order = p->order++, .bytes = (uint32_t)frame.bytes };
	f.data = malloc(frame.bytes);
	if (f.data == NULL || p->heap == NULL)
		abort();
	memcpy(f.data, frame.data, frame.bytes);
	if (corrupt)
		f.data[ETH_HEADER_BYTES + prng_below(&p->prng, frame.bytes - ETH_HEADER_BYTES)] ^=
			(uint8_t)(1 + prng_below(&p->prng, 255));
	uint32_t i = p->count++;
	for (; i > 0 && sooner(&f, &p->heap[(i - 1) / 2]); i = (i - 1) / 2)
		p->heap[i] = p->heap[(i - 1) / 2];
	p->heap[i] = f;
}

static bool is_discovery(struct span frame)
{
	bool arp = frame.data[12] == 0x08 && frame.data[13] == 0x06;
	bool nd = frame.data[12] == 0x86 && frame.data[20] == 58 && frame.data[54] >= 133;
	return arp || nd;
}

/* The two states of a path with bursts. */
static bool is_lost(struct path *p)
{
	const struct path_plan *plan = &p->plan;
	if (prng_chance(&p->prng, p->bad ? plan->burst_ends : plan->burst_begins))
		p->bad = !p->bad;
	return prng_chance(&p->prng, p->bad ? plan->burst_lost : plan->lost);
}

/* When a frame has left the bottleneck; false: its queue is full. */
static bool pass_bottleneck(struct path *p, size_t bytes, struct instant now, struct instant *out)
{
	uint64_t rate = p->plan.bytes_per_second;
	*out = now;
	if (rate == 0)
		return true;
	uint64_t wait_us = instant_since(now, p->busy_until);
	if (wait_us * rate / SECOND_US > p->plan.queue_bytes)
		return false;
	struct instant begin = { .us = now.us + wait_us };
	p->busy_until = instant_add(begin, bytes * SECOND_US / rate + 1);
	*out = p->busy_until;
	return true;
}

static bool too_big(const struct path *p, struct span frame, struct instant now)
{
	bool over = p->plan.mtu_until.us != 0 && instant_reached(p->plan.mtu_until, now);
	return p->plan.mtu != 0 && instant_reached(p->plan.mtu_since, now) && !over &&
	       frame.bytes > p->plan.mtu + ETH_HEADER_BYTES;
}

static uint64_t delay_of(struct path *p)
{
	const struct path_plan *plan = &p->plan;
	uint64_t us = plan->delay_us + prng_below(&p->prng, plan->jitter_us + 1);
	if (prng_chance(&p->prng, plan->late))
		us += prng_below(&p->prng, plan->late_us + 1);
	return us;
}

uint32_t path_send(struct path *p, struct span frame, struct instant now)
{
	struct instant out;
	p->carried++;
	if (is_discovery(frame)) {
		push(p, frame, instant_add(now, p->plan.delay_us), false);
		return 0;
	}
	if (too_big(p, frame, now)) {
		p->lost++;
		return p->plan.mtu_silent ? 0 : p->plan.mtu;
	}
	if (is_lost(p) || !pass_bottleneck(p, frame.bytes, now, &out)) {
		p->lost++;
		return 0;
	}
	bool doubled = prng_chance(&p->prng, p->plan.doubled);
	for (unsigned i = 0; i < (doubled ? 2u : 1u); i++)
		push(p, frame, instant_add(out, delay_of(p)), prng_chance(&p->prng, p->plan.corrupted));
	return 0;
}

struct instant path_deadline(const struct path *p)
{
	return p->count > 0 ? p->heap[0].at : INSTANT_NEVER;
}

static void sink_down(struct path *p, struct path_frame last)
{
	uint32_t i = 0;
	for (;;) {
		uint32_t child = 2 * i + 1;
		if (child >= p->count)
			break;
		if (child + 1 < p->count && sooner(&p->heap[child + 1], &p->heap[child]))
			child++;
		if (!sooner(&p->heap[child], &last))
			break;
		p->heap[i] = p->heap[child];
		i = child;
	}
	p->heap[i] = last;
}

bool path_next(struct path *p, struct instant now, struct path_frame *frame)
{
	if (p->count == 0 || !instant_reached(p->heap[0].at, now))
		return false;
	*frame = p->heap[0];
	p->count--;
	if (p->count > 0)
		sink_down(p, p->heap[p->count]);
	struct span head = span_head(span_of(frame->data, frame->bytes), 80);
	p->trace = hash_bytes(p->trace ^ frame->at.us, head);
	return true;
}

void path_done(struct path_frame *frame)
{
	free(frame->data);
}
