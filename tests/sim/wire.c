/*
 * wire.c - the simulated Ethernet. See wire.h.
 */
#include "wire.h"

#include <string.h>

#define ETHER_BYTES 14u

void wire_init(struct wire *w, uint64_t seed)
{
	w->hosts = 0;
	w->count = 0;
	w->order = 0;
	w->trace = HASH_START;
	w->sent = w->lost = w->delivered = 0;
	w->faults = (struct wire_faults){ .delay_us = 100 };
	prng_seed(&w->prng, seed);
	w->free_count = WIRE_FRAMES_MAX;
	for (uint32_t i = 0; i < WIRE_FRAMES_MAX; i++)
		w->free_slots[i] = (uint16_t)i;
}

uint32_t wire_join(struct wire *w, const uint8_t mac[6])
{
	memcpy(w->macs[w->hosts], mac, 6);
	return w->hosts++;
}

static bool sooner(const struct wire_frame *a, const struct wire_frame *b)
{
	return a->at.us != b->at.us ? a->at.us < b->at.us : a->order < b->order;
}

static void heap_push(struct wire *w, struct wire_frame f)
{
	uint32_t i = w->count++;
	while (i > 0 && sooner(&f, &w->heap[(i - 1) / 2])) {
		w->heap[i] = w->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	w->heap[i] = f;
}

static struct wire_frame heap_pop(struct wire *w)
{
	struct wire_frame first = w->heap[0];
	struct wire_frame last = w->heap[--w->count];
	uint32_t i = 0;
	for (;;) {
		uint32_t child = 2 * i + 1;
		if (child >= w->count)
			break;
		if (child + 1 < w->count && sooner(&w->heap[child + 1], &w->heap[child]))
			child++;
		if (!sooner(&w->heap[child], &last))
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	w->heap[i] = last;
	return first;
}

static bool is_arp(struct span frame)
{
	return frame.bytes >= ETHER_BYTES && frame.data[12] == 0x08 && frame.data[13] == 0x06;
}

static void corrupt(struct wire *w, uint8_t *data, struct span frame)
{
	if (is_arp(frame) || frame.bytes <= ETHER_BYTES)
		return;
	size_t at = ETHER_BYTES + prng_below(&w->prng, frame.bytes - ETHER_BYTES);
	data[at] ^= (uint8_t)(1 + prng_below(&w->prng, 255));
}

static void send_to(struct wire *w, uint32_t host, struct span frame, struct instant now)
{
	const struct wire_faults *f = &w->faults;
	w->sent++;
	if (w->free_count == 0 || frame.bytes > WIRE_FRAME_BYTES || prng_chance(&w->prng, f->lost)) {
		w->lost++;
		return;
	}
	uint64_t delay = f->delay_us + (f->jitter_us > 0 ? prng_below(&w->prng, f->jitter_us) : 0);
	if (f->late_us_max > 0 && prng_chance(&w->prng, f->late))
		delay += prng_below(&w->prng, f->late_us_max);
	uint16_t slot = w->free_slots[--w->free_count];
	memcpy(w->data[slot], frame.data, frame.bytes);
	if (prng_chance(&w->prng, f->corrupted))
		corrupt(w, w->data[slot], frame);
	heap_push(w, (struct wire_frame){ .at = instant_add(now, delay),
		                          .order = w->order++,
		                          .host = (uint8_t)host,
		                          .bytes = (uint16_t)frame.bytes,
		                          .slot = slot });
}

void wire_send(struct wire *w, uint32_t from, struct span frame, struct instant now)
{
	bool to_many = frame.bytes >= 6 && (frame.data[0] & 1) != 0;
	for (uint32_t host = 0; host < w->hosts; host++) {
		if (host == from || frame.bytes < 6)
			continue;
		if (!to_many && memcmp(frame.data, w->macs[host], 6) != 0)
			continue;
		send_to(w, host, frame, now);
		if (prng_chance(&w->prng, w->faults.doubled))
			send_to(w, host, frame, now);
	}
}

struct instant wire_deadline(const struct wire *w)
{
	return w->count == 0 ? INSTANT_NEVER : w->heap[0].at;
}

bool wire_next(struct wire *w, struct instant now, uint32_t *host, struct span *frame)
{
	if (w->count == 0 || !instant_reached(w->heap[0].at, now))
		return false;
	struct wire_frame f = heap_pop(w);
	*host = f.host;
	*frame = span_of(w->data[f.slot], f.bytes);
	w->free_slots[w->free_count++] = f.slot; /* read before the next frame can take the slot */
	w->trace = hash_bytes(w->trace ^ f.at.us, span_head(*frame, 64));
	w->delivered++;
	return true;
}
