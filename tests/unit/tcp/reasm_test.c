#include "tcp/reasm_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "tests/unit/unit.h"

#define BLOCKS 64u
#define SPACE 6000u

static struct block_pool pool;
static void *memory;
static struct reasm reasm;

static void begin(uint32_t blocks)
{
	memory = aligned_alloc(4096, BLOCKS * (size_t)BLOCK_BYTES);
	block_pool_init(&pool, memory, blocks);
	memset(&reasm, 0, sizeof(reasm));
}

static void end(void)
{
	reasm_clear(&reasm, &pool);
	CU_ASSERT_EQUAL(pool.free_count, pool.total);
	free(memory);
}

static uint32_t add(uint32_t seq, const char *text)
{
	return reasm_add(&reasm, &pool, 100000, seq_of(seq), span_of(text, strlen(text)));
}

static void expect(uint32_t next, const char *text)
{
	struct byteq q = { 0 };
	char got[200] = { 0 };
	uint32_t moved = reasm_pull(&reasm, &pool, seq_of(next), &q);
	CU_ASSERT_EQUAL(moved, strlen(text));
	(void)byteq_copy_out(&q, 0, (struct room){ (uint8_t *)got, sizeof(got) - 1 });
	CU_ASSERT_STRING_EQUAL(got, text);
	byteq_clear(&q, &pool);
}

static void neighbours_become_one_range(void)
{
	begin(BLOCKS);
	CU_ASSERT_EQUAL(add(10, "bb"), 2);
	CU_ASSERT_EQUAL(add(14, "dd"), 2);
	CU_ASSERT_EQUAL(reasm.count, 2);
	CU_ASSERT_EQUAL(add(12, "cc"), 2);
	CU_ASSERT_EQUAL(reasm.count, 1);
	CU_ASSERT_EQUAL(add(8, "aa"), 2); /* in front */
	CU_ASSERT_EQUAL(reasm.count, 1);
	expect(7, "");
	expect(8, "aabbccdd");
	CU_ASSERT_EQUAL(reasm.bytes, 0);
	end();
}

static void the_first_copy_stands(void)
{
	begin(BLOCKS);
	CU_ASSERT_EQUAL(add(10, "bbb"), 3);
	CU_ASSERT_EQUAL(add(16, "dd"), 2);
	CU_ASSERT_EQUAL(add(8, "xxxxxxxxxxxx"), 7);
	CU_ASSERT_EQUAL(add(9, "yyyy"), 0);
	CU_ASSERT(!reasm.full); /* nothing new is nothing refused */
	expect(8, "xxbbbxxxddxx");
	end();
}

static void bytes_that_came_in_order_meanwhile_are_passed_over(void)
{
	begin(BLOCKS);
	CU_ASSERT_EQUAL(add(10, "abcdef"), 6);
	CU_ASSERT_EQUAL(add(20, "gh"), 2);
	expect(13, "def");
	expect(22, "");
	CU_ASSERT_EQUAL(reasm.count, 0);
	end();
}

static void ranges_are_bounded(void)
{
	uint32_t much = BLOCKS * BLOCK_DATA_BYTES;
	begin(BLOCKS);
	for (uint32_t i = 0; i < TCP_REORDER_RANGES_MAX; i++)
		CU_ASSERT_EQUAL(reasm_add(&reasm, &pool, much, seq_of(100 * i), SPAN("x")), 1);
	CU_ASSERT(!reasm.full);
	CU_ASSERT_EQUAL(reasm_add(&reasm, &pool, much, seq_of(50), SPAN("x")), 0);
	CU_ASSERT(reasm.full);
	CU_ASSERT_EQUAL(add(100 * 5 + 1, "y"), 1); /* beside one there is room */
	CU_ASSERT_EQUAL(reasm.count, TCP_REORDER_RANGES_MAX);
	end();
}

/* A byte alone pins a block: a peer gets no more of those than its window could fill, and a few. */
static void what_ranges_cost_is_bounded(void)
{
	uint32_t taken = 0;
	begin(BLOCKS);
	for (uint32_t i = 0; i < 40; i++)
		taken += reasm_add(&reasm, &pool, 3 * BLOCK_DATA_BYTES, seq_of(100 * i), SPAN("x"));
	CU_ASSERT_EQUAL(taken, 3 + TCP_REORDER_SPARE_BLOCKS);
	CU_ASSERT_EQUAL(reasm.blocks, pool.total - pool.free_count);
	expect(0, "x");
	CU_ASSERT_EQUAL(reasm.blocks, pool.total - pool.free_count);
	CU_ASSERT_EQUAL(reasm_add(&reasm, &pool, 3 * BLOCK_DATA_BYTES, seq_of(9000), SPAN("x")), 1);
	end();
}

static void the_last_range_can_be_given_up(void)
{
	struct tcp_sack_block blocks[4];
	begin(BLOCKS);
	CU_ASSERT_EQUAL(add(10, "bb"), 2);
	CU_ASSERT_EQUAL(add(30, "dd"), 2);
	CU_ASSERT(reasm_give_up(&reasm, &pool));
	CU_ASSERT_EQUAL(reasm_sack(&reasm, blocks, 4), 1);
	CU_ASSERT_EQUAL(blocks[0].begin.v, 10);
	CU_ASSERT(reasm.bytes == 2 && reasm.blocks == 1);
	CU_ASSERT(reasm_give_up(&reasm, &pool) && !reasm_give_up(&reasm, &pool));
	CU_ASSERT(reasm.bytes == 0 && reasm.blocks == 0);
	end();
}

static void what_comes_twice_is_told(void)
{
	struct tcp_sack_block blocks[4];
	begin(BLOCKS);
	CU_ASSERT_EQUAL(add(10, "bbbb"), 4);
	CU_ASSERT_EQUAL(add(30, "dddd"), 4);
	CU_ASSERT(!reasm.doubled);
	CU_ASSERT_EQUAL(add(8, "aabb"), 2);
	CU_ASSERT(reasm.doubled && reasm.doubled_begin.v == 10 && reasm.doubled_end.v == 12);
	CU_ASSERT_EQUAL(reasm_sack(&reasm, blocks, 4), 2);
	CU_ASSERT(blocks[0].begin.v == 8 && blocks[0].end.v == 14);
	CU_ASSERT_EQUAL(add(50, "e"), 1);
	CU_ASSERT(!reasm.doubled);
	end();
}

static void bytes_are_bounded(void)
{
	begin(BLOCKS);
	CU_ASSERT_EQUAL(reasm_add(&reasm, &pool, 5, seq_of(10), SPAN("abcdefgh")), 5);
	CU_ASSERT_EQUAL(reasm_add(&reasm, &pool, 5, seq_of(30), SPAN("x")), 0);
	CU_ASSERT_EQUAL(reasm.count, 1);
	expect(10, "abcde");
	end();
}

static void without_blocks_nothing_is_taken(void)
{
	begin(1);
	struct block *held = block_take(&pool);
	CU_ASSERT_EQUAL(add(10, "abc"), 0);
	CU_ASSERT_EQUAL(reasm.count, 0);
	block_give(&pool, held);
	end();
}

static void the_range_that_grew_last_is_the_first_sack_block(void)
{
	struct tcp_sack_block blocks[4];
	begin(BLOCKS);
	(void)add(10, "a");
	(void)add(30, "c");
	(void)add(50, "e");
	(void)add(31, "c");
	CU_ASSERT_EQUAL(reasm_sack(&reasm, blocks, 4), 3);
	CU_ASSERT(blocks[0].begin.v == 30 && blocks[0].end.v == 32);
	CU_ASSERT_EQUAL(reasm_sack(&reasm, blocks, 2), 2);
	end();
}

static uint32_t blocks_in(const struct byteq *q)
{
	uint32_t count = 0;
	for (const struct block *b = q->head; b != NULL; b = b->next)
		count++;
	return count;
}

/* Against a plain array in which the first writer of a byte wins. Starts just before the wrap. */
static void agrees_with_a_plain_array(uint64_t seed)
{
	static uint8_t model[SPACE], data[SPACE], out[SPACE];
	static bool known[SPACE];
	struct prng p;
	struct seq base = seq_of(UINT32_MAX - SPACE / 2);
	struct byteq q = { 0 };
	uint32_t next = 0;
	prng_seed(&p, seed);
	memset(known, 0, sizeof(known));
	begin(BLOCKS);
	while (next < SPACE) {
		uint32_t from = next + (uint32_t)prng_below(&p, SPACE - next);
		uint32_t bytes = 1 + (uint32_t)prng_below(&p, SPACE - from);
		if (prng_chance(&p, 900) && bytes > 700)
			bytes = 700;
		for (uint32_t i = 0; i < bytes; i++)
			data[i] = (uint8_t)prng_u64(&p);
		uint32_t fresh = 0;
		for (uint32_t i = 0; i < bytes; i++)
			fresh += !known[from + i];
		uint32_t kept = reasm_add(&reasm, &pool, SPACE, seq_add(base, from),
		                          span_of(data, bytes));
		CU_ASSERT_FATAL(kept <= fresh);
		for (uint32_t i = 0; i < bytes && kept > 0; i++) { /* taken from the front on */
			if (known[from + i])
				continue;
			known[from + i] = true;
			model[from + i] = data[i];
			kept--;
		}
		next += reasm_pull(&reasm, &pool, seq_add(base, next), &q);
		CU_ASSERT_EQUAL(reasm.blocks + blocks_in(&q), pool.total - pool.free_count);
	}
	CU_ASSERT_EQUAL(byteq_copy_out(&q, 0, (struct room){ out, SPACE }), SPACE);
	CU_ASSERT_EQUAL(memcmp(out, model, SPACE), 0);
	byteq_clear(&q, &pool);
	end();
}

static void random_segments_agree_with_a_plain_array(void)
{
	for (uint64_t seed = 1; seed <= 300; seed++)
		agrees_with_a_plain_array(seed);
}

UNIT("tcp/reasm",
     { "segments that touch become one range, in front and between", neighbours_become_one_range },
     { "where segments overlap, the bytes received first stand", the_first_copy_stands },
     { "bytes that came in order meanwhile are passed over",
       bytes_that_came_in_order_meanwhile_are_passed_over },
     { "the number of ranges is bounded", ranges_are_bounded },
     { "what ranges cost is bounded, not what they carry", what_ranges_cost_is_bounded },
     { "the last range can be given up", the_last_range_can_be_given_up },
     { "what comes twice is told, its range first", what_comes_twice_is_told },
     { "the number of bytes is bounded", bytes_are_bounded },
     { "without blocks nothing is taken and nothing leaks", without_blocks_nothing_is_taken },
     { "the range that grew last is the first SACK block",
       the_range_that_grew_last_is_the_first_sack_block },
     { "random segments across the wrap agree with a plain array",
       random_segments_agree_with_a_plain_array })
