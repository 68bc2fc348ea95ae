/*
 * histogram_test.c - percentiles and bucket counts against the sorted values themselves.
 */
#include "base/histogram.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/prng.h"
#include "tests/unit/unit.h"

#define VALUES 5000u
#define SEEDS 12u

static struct histogram h, other;
static uint64_t values[VALUES];

static void fresh(void)
{
	memset(&h, 0, sizeof(h));
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static uint64_t error_of(uint64_t us)
{
	return us / HISTOGRAM_STEPS + 1; /* 0.8 % */
}

static void an_empty_histogram_says_zero(void)
{
	fresh();
	CU_ASSERT_EQUAL(histogram_percentile(&h, 0), 0);
	CU_ASSERT_EQUAL(histogram_percentile(&h, 99900), 0);
	CU_ASSERT_EQUAL(histogram_percentile(&h, 100000), 0);
	CU_ASSERT_EQUAL(histogram_at_most(&h, BUDGET_TARGET_US), 0);
	CU_ASSERT_EQUAL(histogram_at_most(&h, UINT64_MAX), 0);
}

static void one_value_is_every_percentile(void)
{
	static const uint64_t one[] = { 0, 1, 127, 128, 129, 255, 256, 10000, 15001, UINT32_MAX, 1ull << 32, 1ull << 40,
		                        UINT64_MAX };
	for (size_t i = 0; i < COUNT_OF(one); i++) {
		fresh();
		histogram_add(&h, one[i]);
		CU_ASSERT_EQUAL(histogram_percentile(&h, 0), one[i]);
		CU_ASSERT_EQUAL(histogram_percentile(&h, 50000), one[i]);
		CU_ASSERT_EQUAL(histogram_percentile(&h, 100000), one[i]);
		CU_ASSERT_EQUAL(h.max_us, one[i]);
	}
}

static void small_values_are_exact(void)
{
	fresh();
	for (uint64_t us = 1; us <= 100; us++)
		histogram_add(&h, us);
	CU_ASSERT_EQUAL(histogram_percentile(&h, 50000), 50);
	CU_ASSERT_EQUAL(histogram_percentile(&h, 99000), 99);
	CU_ASSERT_EQUAL(histogram_percentile(&h, 99001), 100);
	CU_ASSERT_EQUAL(histogram_percentile(&h, 1), 1);
	CU_ASSERT_EQUAL(histogram_at_most(&h, 37), 37);
	CU_ASSERT_EQUAL(h.sum_us, 5050);
	CU_ASSERT_EQUAL(h.count, 100);
}

static void the_budget_bounds_are_exact(void)
{
	fresh();
	histogram_add(&h, BUDGET_TARGET_US - 1);
	histogram_add(&h, BUDGET_TARGET_US);
	histogram_add(&h, BUDGET_TARGET_US + 1);
	histogram_add(&h, BUDGET_LIMIT_US);
	histogram_add(&h, BUDGET_LIMIT_US + 1);
	CU_ASSERT_EQUAL(h.over_target, 3);
	CU_ASSERT_EQUAL(h.over_limit, 1);
	CU_ASSERT_EQUAL(histogram_at_most(&h, BUDGET_TARGET_US), 2);
	CU_ASSERT_EQUAL(histogram_at_most(&h, BUDGET_LIMIT_US), 4);
}

/* Buckets of an exporter are cumulative: a later one may not hold less. */
static void counts_never_fall_as_the_bound_grows(void)
{
	fresh();
	for (uint64_t us = 9950; us < 15100; us++)
		histogram_add(&h, us);
	uint64_t before = 0;
	unsigned falls = 0;
	for (uint64_t us = 9000; us < 16000; us++) {
		uint64_t now = histogram_at_most(&h, us);
		falls += now < before;
		before = now;
	}
	CU_ASSERT_EQUAL(falls, 0);
	CU_ASSERT_EQUAL(before, h.count);
}

static void values_beyond_the_last_step_are_not_counted_as_smaller(void)
{
	fresh();
	histogram_add(&h, 5);
	histogram_add(&h, 1ull << 40);
	CU_ASSERT_EQUAL(histogram_at_most(&h, 1ull << 32), 1);
	CU_ASSERT_EQUAL(histogram_at_most(&h, UINT32_MAX), 1);
	CU_ASSERT_EQUAL(histogram_at_most(&h, 1ull << 40), 2);
	CU_ASSERT_EQUAL(histogram_percentile(&h, 50000), 5);
	CU_ASSERT_EQUAL(histogram_percentile(&h, 99999), 1ull << 40);
}

static void fill(struct prng *p)
{
	fresh();
	for (unsigned i = 0; i < VALUES; i++) {
		unsigned bits = 1 + (unsigned)prng_below(p, 34);
		values[i] = prng_u64(p) >> (64 - bits);
		histogram_add(&h, values[i]);
	}
	qsort(values, VALUES, sizeof(values[0]), by_size);
}

static bool percentile_is_near(uint32_t per_100k)
{
	uint64_t rank = ((uint64_t)VALUES * per_100k + 99999) / 100000;
	uint64_t exact = values[rank == 0 ? 0 : rank - 1];
	uint64_t said = histogram_percentile(&h, per_100k);
	if (exact >= UINT32_MAX - error_of(UINT32_MAX))
		return said <= values[VALUES - 1] && said >= exact; /* the last step */
	return said >= exact && said - exact <= error_of(exact) && said <= values[VALUES - 1];
}

static bool at_most_is_near(uint64_t us)
{
	uint64_t exact = 0, surely = 0, said = histogram_at_most(&h, us);
	for (unsigned i = 0; i < VALUES; i++) {
		exact += values[i] <= us;
		surely += values[i] + error_of(us) <= us;
	}
	return said <= exact && (said >= surely || us > UINT32_MAX - error_of(UINT32_MAX));
}

static void percentiles_and_counts_agree_with_the_sorted_values(void)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct prng p;
		unsigned wrong = 0;
		prng_seed(&p, seed);
		fill(&p);
		for (unsigned i = 0; i < 200; i++) {
			wrong += !percentile_is_near((uint32_t)prng_below(&p, 100001));
			wrong += !at_most_is_near(prng_u64(&p) >> (63 - prng_below(&p, 36)));
		}
		CU_ASSERT_EQUAL(wrong, 0);
		if (wrong > 0)
			printf("\nseed %u: %u wrong\n", (unsigned)seed, wrong);
	}
}

/* Every octave's borders: a value never lands in a cell that says more than 0.8 % above it. */
static void borders_of_octaves_keep_the_error(void)
{
	unsigned wrong = 0;
	for (unsigned bit = 0; bit < 32; bit++) {
		for (int64_t off = -2; off <= 2; off++) {
			uint64_t us = (1ull << bit) + (uint64_t)off;
			if ((int64_t)us < 0 || us >= 1ull << 32)
				continue;
			fresh();
			histogram_add(&h, us);
			histogram_add(&h, us < 1ull << 31 ? us * 2 : us);
			uint64_t said = histogram_percentile(&h, 1);
			wrong += said < us || said - us > error_of(us);
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void merging_is_adding_all(void)
{
	struct prng p;
	static struct histogram all;
	memset(&all, 0, sizeof(all));
	memset(&other, 0, sizeof(other));
	fresh();
	prng_seed(&p, 99);
	for (unsigned i = 0; i < 4000; i++) {
		uint64_t us = prng_u64(&p) >> (30 + prng_below(&p, 34));
		histogram_add(&all, us);
		histogram_add(i % 3 == 0 ? &h : &other, us);
	}
	histogram_merge(&h, &other);
	CU_ASSERT_EQUAL(memcmp(&h, &all, sizeof(h)), 0);
	memset(&other, 0, sizeof(other));
	histogram_merge(&h, &other);
	CU_ASSERT_EQUAL(memcmp(&h, &all, sizeof(h)), 0);
}

/* A live view and a report over time show what one interval held, out of counts that only grow. */
static void the_difference_of_two_readings_is_what_came_between(void)
{
	static struct histogram between;
	struct prng p;
	memset(&between, 0, sizeof(between));
	fresh();
	prng_seed(&p, 7);
	for (unsigned i = 0; i < 1000; i++)
		histogram_add(&h, prng_below(&p, 100000));
	other = h;
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t us = prng_below(&p, 20000);
		histogram_add(&h, us);
		histogram_add(&between, us);
	}
	histogram_since(&h, &other);
	CU_ASSERT_EQUAL(memcmp(h.cells, between.cells, sizeof(h.cells)), 0);
	CU_ASSERT_EQUAL(h.count, 1000);
	CU_ASSERT_EQUAL(h.sum_us, between.sum_us);
	CU_ASSERT_EQUAL(h.over_limit, between.over_limit);
	CU_ASSERT_TRUE(h.max_us >= between.max_us && h.max_us - between.max_us <= error_of(between.max_us));
	other = h;
	histogram_since(&h, &other);
	CU_ASSERT_EQUAL(h.count, 0);
	CU_ASSERT_EQUAL(h.max_us, 0);
}

static void the_error_is_one_per_cent_at_most(void)
{
	CU_ASSERT_TRUE(1.0 / HISTOGRAM_STEPS <= 0.01);
}

UNIT("base/histogram", { "an empty histogram says zero", an_empty_histogram_says_zero },
     { "one value is every percentile", one_value_is_every_percentile },
     { "small values are exact", small_values_are_exact },
     { "the budget bounds are exact", the_budget_bounds_are_exact },
     { "counts never fall as the bound grows", counts_never_fall_as_the_bound_grows },
     { "values beyond the last step are not counted as smaller",
       values_beyond_the_last_step_are_not_counted_as_smaller },
     { "percentiles and counts agree with the sorted values",
       percentiles_and_counts_agree_with_the_sorted_values },
     { "borders of octaves keep the error", borders_of_octaves_keep_the_error },
     { "merging is adding all", merging_is_adding_all },
     { "the difference of two readings is what came between", the_difference_of_two_readings_is_what_came_between },
     { "the error is one per cent at most", the_error_is_one_per_cent_at_most })
