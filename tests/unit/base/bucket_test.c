/*
 * bucket_test.c - what a token bucket lets through, against counting.
 */
#include "base/bucket.h"

#include "base/prng.h"
#include "tests/unit/unit.h"

static struct instant at(uint64_t us)
{
	return (struct instant){ .us = us };
}

static unsigned taken(struct bucket *b, uint64_t us, unsigned tries)
{
	unsigned count = 0;
	for (unsigned i = 0; i < tries; i++)
		count += bucket_take(b, at(us));
	return count;
}

static void it_begins_full_and_holds_its_depth(void)
{
	struct bucket b;
	bucket_init(&b, 100, 10, at(5));
	CU_ASSERT_EQUAL(taken(&b, 5, 50), 10);
	CU_ASSERT_EQUAL(taken(&b, 1000000000, 50), 10); /* a long pause saves no more */
}

static void tokens_come_at_the_rate(void)
{
	struct bucket b;
	bucket_init(&b, 100, 10, at(0));
	CU_ASSERT_EQUAL(taken(&b, 0, 50), 10);
	CU_ASSERT_EQUAL(taken(&b, 9999, 5), 0);
	CU_ASSERT_EQUAL(taken(&b, 10000, 5), 1);
	CU_ASSERT_EQUAL(taken(&b, 50000, 50), 4);
}

static void looking_often_loses_nothing(void)
{
	struct bucket b;
	unsigned count = 0;
	bucket_init(&b, 333, 2, at(0));
	CU_ASSERT_EQUAL(taken(&b, 0, 2), 2);
	for (uint64_t us = 1; us <= 10000000; us += 7)
		count += taken(&b, us, 1);
	CU_ASSERT(count >= 3329 && count <= 3330);
}

static void a_debt_is_paid_back_first(void)
{
	struct bucket b;
	bucket_init(&b, 100, 10, at(0));
	CU_ASSERT(bucket_has(&b, at(0)));
	bucket_spend(&b, 32);
	CU_ASSERT_FALSE(bucket_has(&b, at(0)));
	CU_ASSERT_FALSE(bucket_has(&b, at(229999))); /* 22 owed, and one to have */
	CU_ASSERT(bucket_has(&b, at(230000)));
}

static void a_clock_that_goes_back_gives_nothing(void)
{
	struct bucket b;
	bucket_init(&b, 1000000, 2, at(1000));
	CU_ASSERT_EQUAL(taken(&b, 1000, 5), 2);
	CU_ASSERT_EQUAL(taken(&b, 10, 5), 0);
	CU_ASSERT_EQUAL(taken(&b, UINT64_MAX, 5), 2); /* and the end of time does not overflow */
}

static void no_second_lets_more_through_than_depth_and_rate(void)
{
	struct prng rng;
	prng_seed(&rng, 3);
	for (unsigned round = 0; round < 200; round++) {
		struct bucket b;
		uint32_t rate = 1 + (uint32_t)prng_below(&rng, 1000000), depth = 1 + (uint32_t)prng_below(&rng, 1000);
		uint64_t us = prng_below(&rng, 1000000), begin = us, count = 0;
		bucket_init(&b, rate, depth, at(us));
		for (unsigned i = 0; i < 2000; i++) {
			us += prng_below(&rng, 50);
			count += bucket_take(&b, at(us));
		}
		CU_ASSERT(count <= depth + (us - begin) * rate / 1000000 + 1);
	}
}

UNIT("base/bucket", { "it begins full and holds its depth", it_begins_full_and_holds_its_depth },
     { "tokens come at the rate", tokens_come_at_the_rate },
     { "looking often loses nothing", looking_often_loses_nothing },
     { "a debt is paid back first", a_debt_is_paid_back_first },
     { "a clock that goes back gives nothing, its end does not overflow", a_clock_that_goes_back_gives_nothing },
     { "no stretch of time lets more through than depth and rate",
       no_second_lets_more_through_than_depth_and_rate })
