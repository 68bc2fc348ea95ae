#include "tcp/flow_int.h"

#include <stdlib.h>

#include "base/prng.h"
#include "tests/unit/unit.h"

#define REFS 500u

static struct flow_table table(uint32_t count_max)
{
	struct flow_table t;
	uint32_t slots = flow_slots(count_max);
	flow_init(&t, calloc(slots, sizeof(struct flow_entry)), slots);
	return t;
}

static unsigned found(const struct flow_table *t, uint32_t hash, uint32_t ref)
{
	struct flow_walk walk = { 0 };
	unsigned count = 0;
	uint32_t got;
	while ((got = flow_next(t, hash, &walk)) != FLOW_NONE)
		count += got == ref;
	return count;
}

static void what_is_added_is_found_until_it_is_removed(void)
{
	struct flow_table t = table(REFS);
	struct prng p;
	uint32_t hashes[REFS];
	bool in[REFS] = { false };
	prng_seed(&p, 3);
	for (unsigned i = 0; i < REFS; i++) /* few different ones, around the table's end, too */
		hashes[i] = (uint32_t)(prng_below(&p, 40) * 0x01000000u - prng_below(&p, 20));
	for (unsigned round = 0; round < 20000; round++) {
		unsigned i = (unsigned)prng_below(&p, REFS);
		if (in[i])
			flow_remove(&t, hashes[i], i + 1);
		else
			flow_add(&t, hashes[i], i + 1);
		in[i] = !in[i];
		unsigned j = (unsigned)prng_below(&p, REFS);
		CU_ASSERT_EQUAL_FATAL(found(&t, hashes[j], j + 1), in[j] ? 1 : 0);
	}
	for (unsigned i = 0; i < REFS; i++) {
		CU_ASSERT_EQUAL(found(&t, hashes[i], i + 1), in[i] ? 1 : 0);
		if (in[i])
			flow_remove(&t, hashes[i], i + 1);
	}
	CU_ASSERT_EQUAL(t.count, 0);
	for (uint32_t i = 0; i <= t.mask; i++)
		CU_ASSERT_EQUAL(t.entries[i].ref, FLOW_NONE);
	free(t.entries);
}

static void equal_hashes_are_walked_one_by_one(void)
{
	struct flow_table t = table(16);
	for (uint32_t ref = 1; ref <= 10; ref++)
		flow_add(&t, 0xffffffffu, ref);
	flow_add(&t, 0xfffffffeu, 11);
	for (uint32_t ref = 1; ref <= 10; ref++)
		CU_ASSERT_EQUAL(found(&t, 0xffffffffu, ref), 1);
	CU_ASSERT_EQUAL(found(&t, 0xffffffffu, 11), 0);
	free(t.entries);
}

UNIT("tcp/flow",
     { "what is added is found until it is removed, whatever collides",
       what_is_added_is_found_until_it_is_removed },
     { "references of equal hash are walked one by one, across the table's end",
       equal_hashes_are_walked_one_by_one })
