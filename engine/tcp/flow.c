/*
 * flow.c - see flow_int.h.
 */
#include "tcp/flow_int.h"

uint32_t flow_slots(uint32_t count_max)
{
	uint32_t slots = 16;
	while (slots < count_max * 2ull)
		slots *= 2;
	return slots;
}

void flow_init(struct flow_table *t, struct flow_entry *entries, uint32_t slots)
{
	*t = (struct flow_table){ .entries = entries, .mask = slots - 1 };
}

uint32_t flow_next(const struct flow_table *t, uint32_t hash, struct flow_walk *walk)
{
	if (!walk->begun) {
		walk->at = hash & t->mask;
		walk->begun = true;
	}
	/* Ends at a free entry, of which there are at least as many as taken ones. */
	for (; t->entries[walk->at].ref != FLOW_NONE; walk->at = (walk->at + 1) & t->mask) {
		const struct flow_entry *e = &t->entries[walk->at];
		if (e->hash != hash)
			continue;
		walk->at = (walk->at + 1) & t->mask;
		return e->ref;
	}
	return FLOW_NONE;
}

void flow_add(struct flow_table *t, uint32_t hash, uint32_t ref)
{
	CHECK(ref != FLOW_NONE);
	CHECK(t->count <= t->mask / 2);
	uint32_t at = hash & t->mask;
	while (t->entries[at].ref != FLOW_NONE)
		at = (at + 1) & t->mask;
	t->entries[at] = (struct flow_entry){ .hash = hash, .ref = ref };
	t->count++;
}

/* Moves back what would no longer be found across the hole at `hole`. */
static void close_hole(struct flow_table *t, uint32_t hole)
{
	for (uint32_t at = (hole + 1) & t->mask; t->entries[at].ref != FLOW_NONE;
	     at = (at + 1) & t->mask) {
		uint32_t home = t->entries[at].hash & t->mask;
		if (((at - home) & t->mask) < ((at - hole) & t->mask))
			continue;
		t->entries[hole] = t->entries[at];
		hole = at;
	}
	t->entries[hole] = (struct flow_entry){ .ref = FLOW_NONE };
}

void flow_remove(struct flow_table *t, uint32_t hash, uint32_t ref)
{
	uint32_t at = hash & t->mask;
	while (t->entries[at].ref != ref) {
		CHECK(t->entries[at].ref != FLOW_NONE);
		at = (at + 1) & t->mask;
	}
	close_hole(t, at);
	t->count--;
}
