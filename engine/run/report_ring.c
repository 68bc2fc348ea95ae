/*
 * report_ring.c - the ring between a worker and control. See report_ring.h.
 *
 * Indices only grow. The writer publishes a filled slot by storing head with release, the reader gives it back by
 * storing tail with release; each acquires the other's index before it touches a slot.
 */
#include "run/report_ring.h"

bool report_ring_make(struct report_ring *ring, struct arena *arena)
{
	*ring = (struct report_ring){
		.slots = arena_take(arena, "reports", REPORT_RING_SLOTS * sizeof(struct relay_report))
	};
	return ring->slots != NULL || arena->begin == NULL;
}

bool report_ring_push(struct report_ring *ring, const struct relay_report *report)
{
	uint64_t head = ring->head;
	uint64_t tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
	CHECK(head - tail <= REPORT_RING_SLOTS);
	if (head - tail == REPORT_RING_SLOTS) {
		__atomic_store_n(&ring->lost, ring->lost + 1, __ATOMIC_RELAXED);
		return false;
	}
	ring->slots[head % REPORT_RING_SLOTS] = *report;
	__atomic_store_n(&ring->head, head + 1, __ATOMIC_RELEASE);
	return true;
}

bool report_ring_pop(struct report_ring *ring, struct relay_report *report)
{
	uint64_t tail = ring->tail;
	if (__atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) == tail)
		return false;
	*report = ring->slots[tail % REPORT_RING_SLOTS];
	__atomic_store_n(&ring->tail, tail + 1, __ATOMIC_RELEASE);
	return true;
}

uint64_t report_ring_lost(const struct report_ring *ring)
{
	return __atomic_load_n(&ring->lost, __ATOMIC_RELAXED);
}
