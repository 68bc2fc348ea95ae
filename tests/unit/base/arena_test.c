/*
 * arena_test.c - pieces are zeroed, aligned, apart from each other and inside the memory; the dry run counts
 * exactly what the real run takes; what does not fit is refused and leaves the rest usable.
 */
#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/base/dies.h"
#include "tests/unit/unit.h"

#define MEMORY_BYTES 4096u

static _Alignas(64) uint8_t memory[MEMORY_BYTES];
static struct arena arena;

static void fresh(void)
{
	memset(memory, 0xa5, sizeof(memory));
	arena_init(&arena, memory, sizeof(memory));
}

static bool is_zero(const uint8_t *p, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (p[i] != 0)
			return false;
	return true;
}

static void pieces_are_zeroed_aligned_and_apart(void)
{
	static const size_t sizes[] = { 1, 63, 64, 65, 0, 200, 1000, 3 };
	uint8_t *behind = memory;
	fresh();
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		uint8_t *piece = arena_take(&arena, "piece", sizes[i]);
		CU_ASSERT_PTR_NOT_NULL_FATAL(piece);
		CU_ASSERT_EQUAL((uintptr_t)piece % ARENA_ALIGN, 0);
		CU_ASSERT_TRUE(piece >= behind);
		CU_ASSERT_TRUE(piece + sizes[i] <= memory + sizeof(memory));
		CU_ASSERT_TRUE(is_zero(piece, sizes[i]));
		memset(piece, 0xff, sizes[i]);
		behind = piece + sizes[i];
	}
}

static void what_fits_exactly_is_given_and_no_byte_more(void)
{
	fresh();
	CU_ASSERT_PTR_NOT_NULL(arena_take(&arena, "most", MEMORY_BYTES - 64));
	CU_ASSERT_PTR_NULL(arena_take(&arena, "too much", 65));
	CU_ASSERT_PTR_NOT_NULL(arena_take(&arena, "rest", 64));
	CU_ASSERT_EQUAL(arena.used, MEMORY_BYTES);
	CU_ASSERT_PTR_NULL(arena_take(&arena, "one more", 1));
}

static void sizes_near_the_end_of_the_scale_do_not_wrap_around(void)
{
	static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 62, SIZE_MAX - 63, SIZE_MAX - 64,
		                        SIZE_MAX / 2 };
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		fresh();
		CU_ASSERT_PTR_NULL(arena_take(&arena, "huge", sizes[i]));
		CU_ASSERT_EQUAL(arena.used, 0);
		CU_ASSERT_PTR_NOT_NULL(arena_take(&arena, "small", 64));
	}
}

static void a_dry_run_that_overflows_says_more_than_any_memory(void)
{
	arena_init(&arena, NULL, 0);
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_PTR_NULL(arena_take(&arena, "half", SIZE_MAX / 2));
	CU_ASSERT_EQUAL(arena.used, SIZE_MAX);
	CU_ASSERT_PTR_NULL(arena_take(&arena, "whole", SIZE_MAX));
	CU_ASSERT_EQUAL(arena.used, SIZE_MAX);
}

static void a_dry_run_counts_what_the_real_run_takes(void)
{
	static const size_t sizes[] = { 5, 64, 100, 1, 333 };
	arena_init(&arena, NULL, 0);
	for (size_t i = 0; i < COUNT_OF(sizes); i++)
		CU_ASSERT_PTR_NULL(arena_take(&arena, "x", sizes[i]));
	size_t needed = arena.used;
	memset(memory, 0xa5, sizeof(memory));
	arena_init(&arena, memory, needed);
	for (size_t i = 0; i < COUNT_OF(sizes); i++)
		CU_ASSERT_PTR_NOT_NULL(arena_take(&arena, "x", sizes[i]));
	CU_ASSERT_EQUAL(arena.used, needed);
	CU_ASSERT_EQUAL(memory[needed], 0xa5);
}

static void the_ledger_adds_up_by_name(void)
{
	char other_one[] = "one"; /* the same name at another address */
	size_t sum = 0;
	fresh();
	CU_ASSERT_PTR_NOT_NULL(arena_take(&arena, "one", 64));
	CU_ASSERT_PTR_NOT_NULL(arena_take(&arena, "onetwo", 128));
	CU_ASSERT_PTR_NOT_NULL(arena_take(&arena, "on", 1));
	CU_ASSERT_PTR_NOT_NULL(arena_take(&arena, other_one, 10));
	CU_ASSERT_EQUAL(arena.lines, 3);
	CU_ASSERT_STRING_EQUAL(arena.ledger[0].name, "one");
	CU_ASSERT_EQUAL(arena.ledger[0].bytes, 128);
	CU_ASSERT_EQUAL(arena.ledger[1].bytes, 128);
	CU_ASSERT_EQUAL(arena.ledger[2].bytes, 64);
	for (uint32_t i = 0; i < arena.lines; i++)
		sum += arena.ledger[i].bytes;
	CU_ASSERT_EQUAL(sum, arena.used);
}

static char names[ARENA_LINES_MAX + 1][8];

static void take_too_many_names(void)
{
	fresh();
	for (unsigned i = 0; i <= ARENA_LINES_MAX; i++)
		if (arena_take(&arena, names[i], 1) == NULL)
			return;
}

static void a_ledger_without_room_is_our_own_bug(void)
{
	for (unsigned i = 0; i <= ARENA_LINES_MAX; i++) {
		names[i][0] = (char)('a' + i / 8);
		names[i][1] = (char)('a' + i % 8);
	}
	CU_ASSERT_TRUE(dies_by_check(take_too_many_names));
	fresh();
	for (unsigned i = 0; i < ARENA_LINES_MAX; i++)
		CU_ASSERT_PTR_NOT_NULL(arena_take(&arena, names[i], 1));
	CU_ASSERT_EQUAL(arena.lines, ARENA_LINES_MAX);
}

static void init_unaligned(void)
{
	arena_init(&arena, memory + 8, 1024);
}

static void memory_that_is_not_aligned_is_our_own_bug(void)
{
	CU_ASSERT_TRUE(dies_by_check(init_unaligned));
}

UNIT("base/arena", { "pieces are zeroed, aligned and apart", pieces_are_zeroed_aligned_and_apart },
     { "what fits exactly is given, and no byte more", what_fits_exactly_is_given_and_no_byte_more },
     { "sizes near the end of the scale do not wrap around",
       sizes_near_the_end_of_the_scale_do_not_wrap_around },
     { "a dry run that overflows asks for more than any memory",
       a_dry_run_that_overflows_says_more_than_any_memory },
     { "a dry run counts what the real run takes", a_dry_run_counts_what_the_real_run_takes },
     { "the ledger adds up by name", the_ledger_adds_up_by_name },
     { "a ledger without room is our own bug", a_ledger_without_room_is_our_own_bug },
     { "memory that is not aligned is our own bug", memory_that_is_not_aligned_is_our_own_bug })
