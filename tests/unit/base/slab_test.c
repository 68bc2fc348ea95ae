/*
 * slab_test.c - take and give against a model, stale handles of every age, and the bugs that must stop us.
 */
#include "base/slab.h"

#include <string.h>

#include "base/prng.h"
#include "tests/unit/base/dies.h"
#include "tests/unit/unit.h"

#define COUNT 37u
#define MAGIC 0x5eed51abu
#define STEPS 200000u
#define SEEDS 5u

struct thing {
	struct slab_head head;
	uint64_t value;
	uint8_t tail[100];
};

static _Alignas(64) uint8_t memory[COUNT * 128];
static struct slab slab;

static void fresh(uint32_t count)
{
	memset(memory, 0xee, sizeof(memory));
	slab_init(&slab, memory, sizeof(struct thing), count, MAGIC);
}

static void objects_are_a_multiple_of_a_cache_line_apart(void)
{
	CU_ASSERT_EQUAL(slab_memory_bytes(sizeof(struct thing), COUNT), sizeof(memory));
	CU_ASSERT_EQUAL(slab_memory_bytes(64, 10), 640);
	CU_ASSERT_EQUAL(slab_memory_bytes(65, 10), 1280);
	CU_ASSERT_EQUAL(slab_memory_bytes(65, 0), 0);
	CU_ASSERT_EQUAL(slab_memory_bytes(4096, 4000000), (size_t)4096 * 4000000); /* 16 GB: no 32-bit sum */
}

static void a_full_slab_yields_null_and_recovers(void)
{
	void *all[COUNT];
	fresh(COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		all[i] = slab_take(&slab);
		CU_ASSERT_PTR_NOT_NULL_FATAL(all[i]);
		CU_ASSERT_EQUAL((uintptr_t)all[i] % 64, 0);
		CU_ASSERT_TRUE((uint8_t *)all[i] >= memory &&
		               (uint8_t *)all[i] + sizeof(struct thing) <= memory + sizeof(memory));
		for (unsigned j = 0; j < i; j++)
			CU_ASSERT_PTR_NOT_EQUAL(all[i], all[j]);
	}
	CU_ASSERT_EQUAL(slab.used, COUNT);
	CU_ASSERT_PTR_NULL(slab_take(&slab));
	CU_ASSERT_EQUAL(slab.used, COUNT);
	slab_give(&slab, all[5]);
	CU_ASSERT_PTR_EQUAL(slab_take(&slab), all[5]);
	CU_ASSERT_PTR_NULL(slab_take(&slab));
	for (unsigned i = 0; i < COUNT; i++)
		slab_give(&slab, all[i]);
	CU_ASSERT_EQUAL(slab.used, 0);
	CU_ASSERT_EQUAL(slab.used_max, COUNT);
}

static void taken_memory_is_zeroed_but_for_the_head(void)
{
	static const struct thing zero;
	fresh(2);
	for (unsigned i = 0; i < 4; i++) {
		struct thing *t = slab_take(&slab);
		CU_ASSERT_PTR_NOT_NULL_FATAL(t);
		CU_ASSERT_EQUAL(t->head.magic, MAGIC);
		CU_ASSERT_EQUAL(memcmp(&t->value, &zero.value, sizeof(*t) - sizeof(t->head)), 0);
		memset(&t->value, 0xff, sizeof(*t) - sizeof(t->head));
		slab_give(&slab, t);
		CU_ASSERT_EQUAL(t->head.magic, 0);
	}
}

static void a_stale_handle_yields_null_for_ever(void)
{
	struct handle old[50];
	fresh(1);
	for (unsigned i = 0; i < COUNT_OF(old); i++) {
		void *t = slab_take(&slab);
		CU_ASSERT_PTR_NOT_NULL_FATAL(t);
		old[i] = slab_handle(&slab, t);
		CU_ASSERT_FALSE(handle_is_none(old[i]));
		CU_ASSERT_PTR_EQUAL(slab_get(&slab, old[i]), t);
		for (unsigned j = 0; j < i; j++) {
			CU_ASSERT_PTR_NULL(slab_get(&slab, old[j]));
			CU_ASSERT_FALSE(handle_equal(old[i], old[j]));
		}
		slab_give(&slab, t);
		CU_ASSERT_PTR_NULL(slab_get(&slab, old[i]));
	}
}

static void generations_wrap_around_past_zero(void)
{
	fresh(1);
	struct thing *t = slab_take(&slab);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	t->head.generation = UINT32_MAX; /* as after four billion uses of this slot */
	struct handle last = slab_handle(&slab, t);
	slab_give(&slab, t);
	t = slab_take(&slab);
	struct handle first = slab_handle(&slab, t);
	CU_ASSERT_FALSE(handle_is_none(first));
	CU_ASSERT_PTR_NULL(slab_get(&slab, last));
	CU_ASSERT_PTR_EQUAL(slab_get(&slab, first), t);
}

static void nonsense_handles_yield_null(void)
{
	fresh(COUNT);
	CU_ASSERT_PTR_NULL(slab_get(&slab, HANDLE_NONE));
	CU_ASSERT_PTR_NULL(slab_get(&slab, (struct handle){ .slot = 0, .generation = 1 })); /* free */
	CU_ASSERT_PTR_NOT_NULL(slab_take(&slab));
	CU_ASSERT_PTR_NULL(slab_get(&slab, HANDLE_NONE));
	CU_ASSERT_PTR_NULL(slab_get(&slab, (struct handle){ .slot = COUNT, .generation = 1 }));
	CU_ASSERT_PTR_NULL(slab_get(&slab, (struct handle){ .slot = UINT32_MAX, .generation = 1 }));
	CU_ASSERT_PTR_NULL(slab_get(&slab, (struct handle){ .slot = 0, .generation = UINT32_MAX }));
}

static void a_slab_for_nothing_is_always_full(void)
{
	uint32_t slot = 0;
	fresh(0);
	CU_ASSERT_PTR_NULL(slab_take(&slab));
	CU_ASSERT_PTR_NULL(slab_get(&slab, (struct handle){ .slot = 0, .generation = 1 }));
	CU_ASSERT_PTR_NULL(slab_next(&slab, &slot));
}

struct model {
	struct thing *live[COUNT];
	struct handle handles[COUNT];
	uint64_t values[COUNT];
	unsigned count;
	unsigned count_max;
};

/* The sweep sees each live object once, and nothing else. */
static bool sweep_agrees(const struct model *m)
{
	unsigned seen = 0;
	uint32_t slot = 0;
	for (struct thing *t; (t = slab_next(&slab, &slot)) != NULL; seen++) {
		unsigned i = 0;
		while (i < m->count && m->live[i] != t)
			i++;
		if (i == m->count || t->value != m->values[i])
			return false;
	}
	return seen == m->count;
}

static bool model_step(struct model *m, struct prng *p)
{
	bool take = prng_chance(p, m->count < 5 ? 800 : 500);
	if (take) {
		struct thing *t = slab_take(&slab);
		if ((t == NULL) != (m->count == COUNT))
			return false;
		if (t == NULL)
			return true;
		t->value = m->values[m->count] = prng_u64(p);
		m->handles[m->count] = slab_handle(&slab, t);
		m->live[m->count++] = t;
		m->count_max = m->count > m->count_max ? m->count : m->count_max;
		return true;
	}
	if (m->count == 0)
		return true;
	unsigned i = (unsigned)prng_below(p, m->count);
	struct handle h = m->handles[i];
	if (slab_get(&slab, h) != m->live[i] || m->live[i]->value != m->values[i])
		return false;
	slab_give(&slab, m->live[i]);
	m->count--;
	m->live[i] = m->live[m->count];
	m->handles[i] = m->handles[m->count];
	m->values[i] = m->values[m->count];
	return slab_get(&slab, h) == NULL;
}

static void random_takes_and_gives_agree_with_the_model(void)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct model m = { .count = 0 };
		struct prng p;
		prng_seed(&p, seed);
		fresh(COUNT);
		bool ok = true;
		for (unsigned step = 0; ok && step < STEPS / SEEDS; step++)
			ok = model_step(&m, &p) && slab.used == m.count && (step % 64 != 0 || sweep_agrees(&m));
		CU_ASSERT_TRUE(ok);
		CU_ASSERT_EQUAL(slab.used_max, m.count_max);
		if (!ok)
			printf("\nseed %u\n", (unsigned)seed);
	}
}

static void give_twice(void)
{
	fresh(2);
	void *t = slab_take(&slab);
	slab_give(&slab, t);
	slab_give(&slab, t);
}

static void give_something_else(void)
{
	static struct thing other;
	fresh(2);
	other.head.magic = MAGIC; /* it looks right but does not live in this slab */
	slab_give(&slab, &other);
}

static void handle_of_a_free_object(void)
{
	fresh(2);
	void *t = slab_take(&slab);
	slab_give(&slab, t);
	(void)slab_handle(&slab, t);
}

static void init_without_magic(void)
{
	slab_init(&slab, memory, sizeof(struct thing), 1, 0);
}

static void init_with_objects_smaller_than_the_head(void)
{
	slab_init(&slab, memory, sizeof(struct slab_head) - 1, 1, MAGIC);
}

static void misuse_stops_the_process(void)
{
	CU_ASSERT_TRUE(dies_by_check(give_twice));
	CU_ASSERT_TRUE(dies_by_check(give_something_else));
	CU_ASSERT_TRUE(dies_by_check(handle_of_a_free_object));
	CU_ASSERT_TRUE(dies_by_check(init_without_magic));
	CU_ASSERT_TRUE(dies_by_check(init_with_objects_smaller_than_the_head));
}

UNIT("base/slab",
     { "objects are a multiple of a cache line apart", objects_are_a_multiple_of_a_cache_line_apart },
     { "a full slab yields NULL, and one given back can be taken", a_full_slab_yields_null_and_recovers },
     { "taken memory is zeroed but for the head", taken_memory_is_zeroed_but_for_the_head },
     { "a stale handle yields NULL however often the slot was used since", a_stale_handle_yields_null_for_ever },
     { "generations wrap around past zero", generations_wrap_around_past_zero },
     { "nonsense handles yield NULL", nonsense_handles_yield_null },
     { "a slab for nothing is always full", a_slab_for_nothing_is_always_full },
     { "random takes and gives agree with the model", random_takes_and_gives_agree_with_the_model },
     { "giving twice, giving what is not ours and bad sizes stop the process", misuse_stops_the_process })
