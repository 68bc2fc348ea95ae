/*
 * instant_test.c - arithmetic of points in time, above all near the two ends of the scale.
 */
#include "base/instant.h"

#include "tests/unit/unit.h"

static struct instant at(uint64_t us)
{
	return (struct instant){ .us = us };
}

static void adding_saturates_at_never(void)
{
	CU_ASSERT_EQUAL(instant_add(at(1), 2).us, 3);
	CU_ASSERT_EQUAL(instant_add(at(0), 0).us, 0);
	CU_ASSERT_EQUAL(instant_add(at(UINT64_MAX - 5), 4).us, UINT64_MAX - 1);
	CU_ASSERT_EQUAL(instant_add(at(UINT64_MAX - 5), 5).us, UINT64_MAX);
	CU_ASSERT_EQUAL(instant_add(at(UINT64_MAX - 5), 6).us, UINT64_MAX);
	CU_ASSERT_EQUAL(instant_add(at(1), UINT64_MAX).us, UINT64_MAX);
	CU_ASSERT_EQUAL(instant_add(INSTANT_NEVER, 0).us, UINT64_MAX);
	CU_ASSERT_EQUAL(instant_add(INSTANT_NEVER, UINT64_MAX).us, UINT64_MAX);
}

static void before_is_strict(void)
{
	CU_ASSERT_TRUE(instant_before(at(1), at(2)));
	CU_ASSERT_FALSE(instant_before(at(2), at(2)));
	CU_ASSERT_FALSE(instant_before(at(3), at(2)));
	CU_ASSERT_TRUE(instant_before(at(UINT64_MAX - 1), INSTANT_NEVER));
	CU_ASSERT_FALSE(instant_before(INSTANT_NEVER, INSTANT_NEVER));
}

static void a_deadline_is_reached_at_its_very_microsecond(void)
{
	CU_ASSERT_FALSE(instant_reached(at(10), at(9)));
	CU_ASSERT_TRUE(instant_reached(at(10), at(10)));
	CU_ASSERT_TRUE(instant_reached(at(10), at(11)));
	CU_ASSERT_TRUE(instant_reached(at(0), at(0)));
}

static void never_is_never_reached(void)
{
	CU_ASSERT_FALSE(instant_reached(INSTANT_NEVER, at(UINT64_MAX - 1)));
	CU_ASSERT_FALSE(instant_reached(INSTANT_NEVER, INSTANT_NEVER));
}

static void the_earlier_of_two(void)
{
	CU_ASSERT_EQUAL(instant_earlier(at(1), at(2)).us, 1);
	CU_ASSERT_EQUAL(instant_earlier(at(2), at(1)).us, 1);
	CU_ASSERT_EQUAL(instant_earlier(INSTANT_NEVER, at(7)).us, 7);
	CU_ASSERT_EQUAL(instant_earlier(INSTANT_NEVER, INSTANT_NEVER).us, UINT64_MAX);
}

static void time_since_is_never_negative(void)
{
	CU_ASSERT_EQUAL(instant_since(at(5), at(9)), 4);
	CU_ASSERT_EQUAL(instant_since(at(9), at(5)), 0);
	CU_ASSERT_EQUAL(instant_since(at(9), at(9)), 0);
	CU_ASSERT_EQUAL(instant_since(at(0), INSTANT_NEVER), UINT64_MAX);
}

static void units_agree(void)
{
	CU_ASSERT_EQUAL(SECOND_US, 1000 * MS_US);
	CU_ASSERT_EQUAL(MINUTE_US, 60000 * MS_US);
	CU_ASSERT_EQUAL(sizeof(MINUTE_US), 8); /* 72 minutes would overflow 32 bits */
}

UNIT("base/instant", { "adding saturates at never", adding_saturates_at_never },
     { "before is strict", before_is_strict },
     { "a deadline is reached at its very microsecond", a_deadline_is_reached_at_its_very_microsecond },
     { "never is never reached", never_is_never_reached }, { "the earlier of two", the_earlier_of_two },
     { "time since is never negative", time_since_is_never_negative }, { "units agree", units_agree })
