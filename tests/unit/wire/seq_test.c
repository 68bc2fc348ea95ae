#include "wire/seq.h"

#include "tests/unit/unit.h"

static void order_survives_the_wrap(void)
{
	struct seq a = seq_of(0xfffffff0u);
	struct seq b = seq_add(a, 0x20);
	CU_ASSERT_EQUAL(b.v, 0x10);
	CU_ASSERT(seq_lt(a, b) && seq_le(a, b) && seq_gt(b, a) && seq_ge(b, a));
	CU_ASSERT(!seq_lt(b, a) && !seq_ge(a, b));
	CU_ASSERT_EQUAL(seq_diff(a, b), 0x20);
	CU_ASSERT_EQUAL(seq_diff(b, a), -0x20);
	CU_ASSERT_EQUAL(seq_span(a, b), 0x20u);
	CU_ASSERT_EQUAL(seq_max(a, b).v, b.v);
	CU_ASSERT_EQUAL(seq_min(a, b).v, a.v);
}

static void equal_is_neither_less_nor_greater(void)
{
	struct seq a = seq_of(5);
	CU_ASSERT(seq_eq(a, a) && seq_le(a, a) && seq_ge(a, a));
	CU_ASSERT(!seq_lt(a, a) && !seq_gt(a, a));
}

static void a_range_is_half_open_and_may_wrap(void)
{
	struct seq begin = seq_of(0xffffffffu);
	CU_ASSERT(seq_within(begin, begin, 2));
	CU_ASSERT(seq_within(seq_of(0), begin, 2));
	CU_ASSERT(!seq_within(seq_of(1), begin, 2));
	CU_ASSERT(!seq_within(seq_of(0xfffffffeu), begin, 2));
	CU_ASSERT(!seq_within(begin, begin, 0));
}

static void half_the_space_apart_is_still_ordered(void)
{
	struct seq a = seq_of(100);
	CU_ASSERT(seq_lt(a, seq_add(a, 0x7fffffffu)));
	CU_ASSERT(seq_gt(a, seq_add(a, 0x80000001u)));
}

UNIT("wire/seq", { "order and distance survive the wrap", order_survives_the_wrap },
     { "equal numbers are neither less nor greater", equal_is_neither_less_nor_greater },
     { "a range is half open and may wrap", a_range_is_half_open_and_may_wrap },
     { "numbers up to half the space apart are ordered", half_the_space_apart_is_still_ordered })
