/*
 * report_ring.c - the ring between a worker and control. See report_ring.h.
 *
 * Indices only grow. The writer publishes a filled slot by storing head with release, the reader gives it back by
 * storing tail with release; each acquires the other's index before it touches a slot.
 */
#include "run/report_ring.h"

#include <string.h>

bool report_ring_make(struct report_ring *ring, struct arena *arena, const char *name, uint32_t slot_bytes,
                      uint32_t slot_count)
{
	CHECK((slot_count & (slot_count - 1)) == 0);
	*ring = (struct report_ring){ .slots = arena_take(arena, name, (size_t)slot_count * slot_bytes),
		                      .slot_bytes = slot_bytes,
		                      .slot_count = slot_count };
	return ring->slots != NULL || arena->begin == NULL;
}

static uint8_t *slot_of(const struct report_ring *ring, uint64_t index)
{
	return ring->slots + (size_t)(index & (ring->slot_count - 1)) * ring->slot_bytes;
}

bool report_ring_push(struct report_ring *ring, const void *report)
{
	uint64_t head = ring->head;
	uint64_t tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
	CHECK(head - tail <= ring->slot_count);
	if (head - tail == ring->slot_count) {
		__atomic_store_n(&ring->lost, ring->lost + 1, __ATOMIC_RELAXED);
		return false;
	}
	memcpy(slot_of(ring, head), report, ring->slot_bytes);
	__atomic_store_n(&ring->head, head + 1, __ATOMIC_RELEASE);
	return true;
}

bool report_ring_pop(struct report_ring *ring, void *report)
{
	uint64_t tail = ring->tail;
	if (__atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) == tail)
		return false;
	memcpy(report, slot_of(ring, tail), ring->slot_bytes);
	__atomic_store_n(&ring->tail, tail + 1, __ATOMIC_RELEASE);
	return true;
}

uint64_t report_ring_lost(const struct report_ring *ring)
{
	return __atomic_load_n(&ring->lost, __ATOMIC_RELAXED);
}
