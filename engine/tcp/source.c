/*
 * source.c - see source_int.h.
 */
#include "tcp/source_int.h"

#include "base/check.h"
#include "tcp/stack_int.h"

#define V6_PREFIX_BYTES 8u

void source_init(struct sources *t, struct source *slots, uint32_t count)
{
	*t = (struct sources){ .slots = slots, .mask = count - 1 };
}

uint32_t source_hash(const struct tcp_stack *s, struct ip_addr a)
{
	struct siphash_key key = s->config.secret;
	key.k1 ^= (uint64_t)TUPLE_SOURCE << 56;
	return (uint32_t)siphash(key, span_of(a.bytes, a.family == IP_V4 ? 4 : V6_PREFIX_BYTES));
}

/* Where a hash stands, or the free slot where it would. At most half of the slots are taken. */
static uint32_t slot_of(const struct sources *t, uint32_t hash)
{
	uint32_t at = hash & t->mask;
	while (t->slots[at].open != 0 && t->slots[at].hash != hash)
		at = (at + 1) & t->mask;
	return at;
}

struct source source_count(const struct sources *t, uint32_t hash)
{
	return t->slots[slot_of(t, hash)];
}

void source_add(struct sources *t, uint32_t hash)
{
	struct source *source = &t->slots[slot_of(t, hash)];
	if (source->open == 0) {
		CHECK(t->count <= t->mask / 2);
		t->count++;
		*source = (struct source){ .hash = hash };
	}
	source->open += source->open < UINT16_MAX ? 1 : 0;
	source->half_open += source->half_open < UINT16_MAX ? 1 : 0;
}

void source_opened(struct sources *t, uint32_t hash)
{
	struct source *source = &t->slots[slot_of(t, hash)];
	source->half_open -= source->half_open > 0 ? 1 : 0;
}

/* Moves back what would no longer be found across the hole. */
static void close_hole(struct sources *t, uint32_t hole)
{
	for (uint32_t at = (hole + 1) & t->mask; t->slots[at].open != 0; at = (at + 1) & t->mask) {
		uint32_t home = t->slots[at].hash & t->mask;
		if (((at - home) & t->mask) < ((at - hole) & t->mask))
			continue;
		t->slots[hole] = t->slots[at];
		hole = at;
	}
	t->slots[hole] = (struct source){ 0 };
}

void source_remove(struct sources *t, uint32_t hash)
{
	uint32_t at = slot_of(t, hash);
	struct source *source = &t->slots[at];
	if (source->open == 0)
		return; /* it was counted beyond what the field holds, and went with the others */
	if (--source->open > 0)
		return;
	close_hole(t, at);
	t->count--;
}
