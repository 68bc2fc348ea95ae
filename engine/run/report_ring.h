/*
 * report_ring.h - reports from one worker to control: one writer, one reader, no lock. Used for transactions
 * (struct relay_report) and for connections that ended in disorder (struct conn_report).
 *
 * A full ring refuses: the report is then lost and counted by the writer; a worker never waits for control.
 */
#ifndef WEIR_RUN_REPORT_RING_H
#define WEIR_RUN_REPORT_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/check.h"

#define REPORT_RING_SLOTS 4096u /* a power of two; control empties it every few ms */

struct report_ring {
	uint8_t *slots;
	uint32_t slot_bytes, slot_count;
	uint64_t lost; /* the writer's */
	_Alignas(64) uint64_t head; /* next slot to write; the writer's */
	_Alignas(64) uint64_t tail; /* next slot to read; the reader's */
};

/* Of `slot_count` (a power of two) reports of `slot_bytes`; `name` for the memory table. False: does not fit. With a
 * counting arena true, and the ring is not usable. */
MUST_USE bool report_ring_make(struct report_ring *ring, struct arena *arena, const char *name,
                               uint32_t slot_bytes, uint32_t slot_count);
/* `report` points to slot_bytes bytes, which are copied. */
bool report_ring_push(struct report_ring *ring, const void *report);
MUST_USE bool report_ring_pop(struct report_ring *ring, void *report);
uint64_t report_ring_lost(const struct report_ring *ring);

#endif
