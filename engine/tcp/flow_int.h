/*
 * flow_int.h - the flow table: keyed hash of a four-tuple -> connection or TIME-WAIT entry.
 *
 * Open addressing with linear probing; an entry is eight bytes, eight to a cache line. The table
 * knows only hashes and references; comparing the tuple is the caller's, who walks candidates of
 * equal hash. At most half full (its size is chosen so at launch), and the hash is keyed: probe
 * runs stay short whatever addresses a peer chooses. Removal shifts entries back, so there are no
 * tombstones.
 */
#ifndef WEIR_TCP_FLOW_INT_H
#define WEIR_TCP_FLOW_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

#define FLOW_NONE 0u
#define FLOW_TIME_WAIT 0x80000000u

struct flow_entry {
	uint32_t hash;
	uint32_t ref; /* FLOW_NONE: free; slot + 1, with FLOW_TIME_WAIT for the other slab */
};

struct flow_table {
	struct flow_entry *entries;
	uint32_t mask;
	uint32_t count;
};

struct flow_walk {
	uint32_t at;
	bool begun;
};

/* How many slots a table needs that never holds more than `count_max` references. */
uint32_t flow_slots(uint32_t count_max);
/* `entries` are zeroed and as many as flow_slots() said. */
void flow_init(struct flow_table *t, struct flow_entry *entries, uint32_t slots);
/* The next reference stored under `hash`; FLOW_NONE when there are no more. Start with a zeroed
 * walk. */
uint32_t flow_next(const struct flow_table *t, uint32_t hash, struct flow_walk *walk);
/* Begins to fetch the entry that a walk for `hash` begins at. */
static inline void flow_fetch(const struct flow_table *t, uint32_t hash)
{
	__builtin_prefetch(&t->entries[hash & t->mask]);
}
void flow_add(struct flow_table *t, uint32_t hash, uint32_t ref);
void flow_remove(struct flow_table *t, uint32_t hash, uint32_t ref);

#endif
