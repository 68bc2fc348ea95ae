/*
 * report_ring.h - transaction reports from one worker to control: one writer, one reader, no lock.
 *
 * A full ring refuses: the report is then lost and counted by the writer; a worker never waits for control.
 */
#ifndef WEIR_RUN_REPORT_RING_H
#define WEIR_RUN_REPORT_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/check.h"
#include "relay/relay.h"

#define REPORT_RING_SLOTS 4096u /* a power of two; control empties it every few ms */

struct report_ring {
	struct relay_report *slots;
	uint64_t lost; /* the writer's */
	_Alignas(64) uint64_t head; /* next slot to write; the writer's */
	_Alignas(64) uint64_t tail; /* next slot to read; the reader's */
};

/* False: does not fit. With a counting arena true, and the ring is not usable. */
MUST_USE bool report_ring_make(struct report_ring *ring, struct arena *arena);
bool report_ring_push(struct report_ring *ring, const struct relay_report *report);
MUST_USE bool report_ring_pop(struct report_ring *ring, struct relay_report *report);
uint64_t report_ring_lost(const struct report_ring *ring);

#endif
