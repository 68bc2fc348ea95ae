/*
 * wheel.h - a hierarchical timer wheel: O(1) set and stop, millions of timers, 1 ms ticks.
 *
 * Timers are embedded in the objects they belong to. Expiry is pulled, never called back: the owner asks
 * wheel_pop() for one due timer after the other. A timer never fires before its instant and at most one
 * tick after it (given that the wheel is popped that often).
 */
#ifndef WEIR_BASE_WHEEL_H
#define WEIR_BASE_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/instant.h"

#define WHEEL_TICK_US 1000u
#define WHEEL_SLOTS 256u
#define WHEEL_LEVELS 4u /* 256^4 ms = 49 days; later instants wait in the last slot and are re-set */

struct timer {
	struct timer *next;
	struct timer *prev; /* NULL while not set */
	struct instant at;
	uint32_t kind;  /* the owner's: what this timer is for */
	uint16_t level; /* where it sits, kept by the wheel */
	uint16_t slot;
};

struct wheel {
	uint64_t tick;  /* all ticks up to and including this one are popped */
	uint32_t count; /* timers set */
	uint64_t busy[WHEEL_LEVELS][WHEEL_SLOTS / 64];
	struct timer slots[WHEEL_LEVELS][WHEEL_SLOTS];
	struct timer due; /* timers that the current tick made due */
};

void wheel_init(struct wheel *w, struct instant now);
/* Sets, or moves, a timer. INSTANT_NEVER stops it. An instant in the past fires at the next pop; one inside the
 * tick that is running fires when that tick ends, even if it is already past. */
void wheel_set(struct wheel *w, struct timer *t, struct instant at);
void wheel_stop(struct wheel *w, struct timer *t);
static inline bool timer_is_set(const struct timer *t)
{
	return t->prev != NULL;
}
/* The next timer due at `now` (no longer set), or NULL. */
struct timer *wheel_pop(struct wheel *w, struct instant now);
/* No timer fires before this instant (a lower bound, exact to a slot); INSTANT_NEVER when empty. */
struct instant wheel_deadline(const struct wheel *w);

#endif
