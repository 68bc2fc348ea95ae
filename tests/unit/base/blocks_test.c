/*
 * blocks_test.c - byte queues against plain byte arrays: seeded random operations on three queues of one small
 * pool, and after every step the same bytes, no block lost, and free blocks wiped.
 */
#include "base/blocks.h"

#include <string.h>

#include "base/prng.h"
#include "tests/unit/base/dies.h"
#include "tests/unit/unit.h"

#define POOL_BLOCKS 14u
#define POOL_BYTES (POOL_BLOCKS * BLOCK_DATA_BYTES)
#define QUEUES 3u
#define SEEDS 40u
#define STEPS 1500u

struct model {
	uint8_t bytes[POOL_BYTES];
	size_t count;
};

static _Alignas(64) struct block memory[POOL_BLOCKS];
static struct block_pool pool;
static struct byteq queues[QUEUES];
static struct model models[QUEUES];
static uint8_t input[POOL_BYTES + 5000];
static uint8_t output[POOL_BYTES + 5000];

static void fresh(uint32_t blocks)
{
	memset(memory, 0, sizeof(memory));
	memset(queues, 0, sizeof(queues));
	for (unsigned q = 0; q < QUEUES; q++)
		models[q].count = 0;
	block_pool_init(&pool, memory, blocks);
	for (size_t i = 0; i < sizeof(input); i++)
		input[i] = (uint8_t)(i * 7 + 1) | 1; /* never zero: what is not wiped shows */
}

static unsigned blocks_of(const struct byteq *q)
{
	unsigned count = 0;
	for (const struct block *b = q->head; b != NULL; b = b->next)
		count++;
	return count;
}

static bool is_wiped(const struct block *b)
{
	static const uint8_t zeros[BLOCK_DATA_BYTES];
	return memcmp(b->data, zeros, sizeof(zeros)) == 0;
}

static bool free_blocks_are_wiped_and_counted(void)
{
	uint32_t count = 0;
	for (const struct block *b = pool.free; b != NULL; b = b->next, count++)
		if (!is_wiped(b))
			return false;
	return count == pool.free_count;
}

static bool no_block_is_lost(void)
{
	uint32_t held = 0;
	for (unsigned q = 0; q < QUEUES; q++)
		held += blocks_of(&queues[q]);
	return held + pool.free_count == pool.total && pool.low_mark <= pool.free_count;
}

/* The queue's bytes seen through each of its windows are the model's. */
static bool same_bytes(const struct byteq *q, const struct model *m)
{
	if (byteq_bytes(q) != m->count)
		return false;
	struct span first = byteq_peek(q);
	if ((first.bytes == 0) != (m->count == 0) || first.bytes > m->count)
		return false;
	size_t offset = 0;
	while (offset < m->count) {
		struct span piece = byteq_peek_at(q, offset);
		if (piece.bytes == 0 || piece.bytes > m->count - offset)
			return false;
		if (memcmp(piece.data, m->bytes + offset, piece.bytes) != 0)
			return false;
		offset += piece.bytes;
	}
	return byteq_peek_at(q, m->count).bytes == 0 && byteq_peek_at(q, SIZE_MAX).bytes == 0;
}

/* Only a tail may be empty, left by a reserve; in a queue without a byte only right after it. */
static bool blocks_are_used(const struct byteq *q, bool reserved)
{
	for (const struct block *b = q->head; b != NULL; b = b->next) {
		bool empty = b->begin == b->end;
		if (b->begin > b->end || b->end > BLOCK_DATA_BYTES)
			return false;
		if (empty && (b->next != NULL || (q->bytes == 0 && !reserved)))
			return false;
	}
	return true;
}

static size_t any_size(struct prng *p)
{
	switch (prng_below(p, 6)) {
	case 0: return (size_t)prng_below(p, 4);
	case 1: return (size_t)prng_below(p, 200);
	case 2: return BLOCK_DATA_BYTES - 2 + (size_t)prng_below(p, 5);
	case 3: return 2 * BLOCK_DATA_BYTES - 2 + (size_t)prng_below(p, 5);
	case 4: return (size_t)prng_below(p, POOL_BYTES + 4000);
	}
	return (size_t)prng_below(p, BLOCK_DATA_BYTES + 1);
}

static struct span any_input(struct prng *p, size_t bytes)
{
	bytes = bytes < sizeof(input) ? bytes : sizeof(input);
	return span_of(input + prng_below(p, sizeof(input) - bytes + 1), bytes);
}

static void model_append(struct model *m, struct span s)
{
	memcpy(m->bytes + m->count, s.data, s.bytes);
	m->count += s.bytes;
}

static void model_drop(struct model *m, size_t bytes)
{
	memmove(m->bytes, m->bytes + bytes, m->count - bytes);
	m->count -= bytes;
}

static size_t room_of(const struct byteq *q)
{
	size_t tail = q->tail == NULL ? 0 : BLOCK_DATA_BYTES - q->tail->end;
	return tail + (size_t)pool.free_count * BLOCK_DATA_BYTES;
}

static bool step_write(struct prng *p, unsigned q, bool *reserved)
{
	struct span s = any_input(p, any_size(p));
	size_t room = room_of(&queues[q]);
	if (byteq_fits(&queues[q], &pool, s.bytes) != (s.bytes <= room))
		return false;
	size_t taken = byteq_write(&queues[q], &pool, s);
	if (taken != (s.bytes < room ? s.bytes : room))
		return false;
	model_append(&models[q], span_head(s, taken));
	*reserved = taken == 0; /* no change: a reserve may still stand open from before */
	return true;
}

/* Reserves, perhaps twice, and commits all, some or nothing of it. */
static bool step_reserve(struct prng *p, unsigned q, bool *reserved)
{
	size_t room_before = room_of(&queues[q]);
	struct room room = byteq_reserve(&queues[q], &pool);
	*reserved = true;
	if ((room.bytes == 0) != (room_before == 0))
		return false;
	if (room.bytes == 0 || prng_chance(p, 200))
		return true;
	if (prng_chance(p, 200)) {
		struct room again = byteq_reserve(&queues[q], &pool);
		if (again.data != room.data || again.bytes != room.bytes)
			return false;
	}
	size_t bytes = prng_chance(p, 300) ? room.bytes : (size_t)prng_below(p, room.bytes + 1);
	struct span s = any_input(p, bytes);
	memcpy(room.data, s.data, s.bytes);
	byteq_commit(&queues[q], s.bytes);
	model_append(&models[q], s);
	return true;
}

static bool step_consume(struct prng *p, unsigned q)
{
	size_t bytes = any_size(p);
	if (bytes > models[q].count)
		bytes = prng_chance(p, 500) ? models[q].count : (size_t)prng_below(p, models[q].count + 1);
	byteq_consume(&queues[q], &pool, bytes);
	model_drop(&models[q], bytes);
	return true;
}

static bool step_move(struct prng *p, unsigned q)
{
	unsigned from = (q + 1 + (unsigned)prng_below(p, QUEUES - 1)) % QUEUES;
	size_t wanted = any_size(p);
	size_t most = wanted < models[from].count ? wanted : models[from].count;
	size_t moved = byteq_move(&queues[q], &queues[from], &pool, wanted);
	if (moved > most || (moved < most && pool.free_count > 0))
		return false;
	model_append(&models[q], span_of(models[from].bytes, moved));
	model_drop(&models[from], moved);
	/* The source was changed too: nothing stays reserved in it. */
	return blocks_are_used(&queues[from], false) && same_bytes(&queues[from], &models[from]);
}

static bool step_clear(unsigned q)
{
	byteq_clear(&queues[q], &pool);
	models[q].count = 0;
	return queues[q].head == NULL && queues[q].tail == NULL;
}

static bool step_copy_out(struct prng *p, unsigned q)
{
	size_t offset = prng_chance(p, 100) ? any_size(p) : (size_t)prng_below(p, models[q].count + 2);
	size_t bytes = any_size(p);
	size_t left = offset < models[q].count ? models[q].count - offset : 0;
	size_t expected = bytes < left ? bytes : left;
	memset(output, 0xdd, sizeof(output));
	size_t copied = byteq_copy_out(&queues[q], offset, (struct room){ .data = output, .bytes = bytes });
	return copied == expected && memcmp(output, models[q].bytes + (left > 0 ? offset : 0), copied) == 0 &&
	       output[copied] == 0xdd;
}

static bool model_step(struct prng *p)
{
	unsigned q = (unsigned)prng_below(p, QUEUES);
	bool reserved = false, ok = true;
	uint64_t kind = prng_below(p, 100);
	if (kind < 25)
		ok = step_write(p, q, &reserved);
	else if (kind < 45)
		ok = step_reserve(p, q, &reserved);
	else if (kind < 65)
		ok = step_consume(p, q);
	else if (kind < 88)
		ok = step_move(p, q);
	else if (kind < 90)
		ok = step_clear(q);
	else
		return step_copy_out(p, q); /* changes nothing, not even an open reserve */
	return ok && same_bytes(&queues[q], &models[q]) && no_block_is_lost() &&
	       blocks_are_used(&queues[q], reserved);
}

static bool run_model(uint64_t seed)
{
	struct prng p;
	prng_seed(&p, seed);
	fresh(POOL_BLOCKS);
	for (unsigned step = 0; step < STEPS; step++) {
		if (model_step(&p) && free_blocks_are_wiped_and_counted())
			continue;
		printf("\nseed %u, step %u\n", (unsigned)seed, step);
		return false;
	}
	for (unsigned q = 0; q < QUEUES; q++)
		byteq_clear(&queues[q], &pool);
	return pool.free_count == POOL_BLOCKS && pool.low_mark == 0 && free_blocks_are_wiped_and_counted();
}

static void random_operations_agree_with_byte_arrays(void)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		CU_ASSERT_TRUE(run_model(seed));
}

static void a_pool_gives_each_block_once(void)
{
	struct block *all[POOL_BLOCKS];
	fresh(POOL_BLOCKS);
	for (unsigned i = 0; i < POOL_BLOCKS; i++) {
		all[i] = block_take(&pool);
		CU_ASSERT_PTR_NOT_NULL_FATAL(all[i]);
		for (unsigned j = 0; j < i; j++)
			CU_ASSERT_PTR_NOT_EQUAL(all[i], all[j]);
	}
	CU_ASSERT_PTR_NULL(block_take(&pool));
	CU_ASSERT_EQUAL(pool.low_mark, 0);
	for (unsigned i = 0; i < POOL_BLOCKS; i++) {
		memset(all[i]->data, 0xff, BLOCK_DATA_BYTES);
		all[i]->end = BLOCK_DATA_BYTES;
		block_give(&pool, all[i]);
	}
	CU_ASSERT_EQUAL(pool.free_count, POOL_BLOCKS);
	CU_ASSERT_TRUE(free_blocks_are_wiped_and_counted());
}

static void the_low_mark_remembers_the_worst(void)
{
	fresh(4);
	struct block *a = block_take(&pool), *b = block_take(&pool);
	block_give(&pool, a);
	block_give(&pool, b);
	CU_ASSERT_EQUAL(pool.low_mark, 2);
	CU_ASSERT_EQUAL(pool.free_count, 4);
}

static void a_full_pool_takes_what_fits_and_says_so(void)
{
	fresh(2);
	CU_ASSERT_TRUE(byteq_fits(&queues[0], &pool, 2 * BLOCK_DATA_BYTES));
	CU_ASSERT_FALSE(byteq_fits(&queues[0], &pool, 2 * BLOCK_DATA_BYTES + 1));
	CU_ASSERT_EQUAL(byteq_write(&queues[0], &pool, span_of(input, 10000)), 2 * BLOCK_DATA_BYTES);
	CU_ASSERT_EQUAL(byteq_write(&queues[1], &pool, SPAN("x")), 0);
	CU_ASSERT_EQUAL(byteq_reserve(&queues[1], &pool).bytes, 0);
	CU_ASSERT_TRUE(byteq_fits(&queues[1], &pool, 0));
	CU_ASSERT_FALSE(byteq_fits(&queues[1], &pool, 1));
	byteq_consume(&queues[0], &pool, BLOCK_DATA_BYTES);
	CU_ASSERT_EQUAL(byteq_write(&queues[1], &pool, SPAN("x")), 1);
	byteq_clear(&queues[0], &pool);
	byteq_clear(&queues[1], &pool);
	CU_ASSERT_EQUAL(pool.free_count, 2);
}

static void fits_does_not_wrap_around(void)
{
	static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - BLOCK_DATA_BYTES, SIZE_MAX / 2 };
	fresh(POOL_BLOCKS);
	for (size_t i = 0; i < COUNT_OF(sizes); i++)
		CU_ASSERT_FALSE(byteq_fits(&queues[0], &pool, sizes[i]));
	CU_ASSERT_EQUAL(byteq_write(&queues[0], &pool, SPAN("x")), 1);
	for (size_t i = 0; i < COUNT_OF(sizes); i++)
		CU_ASSERT_FALSE(byteq_fits(&queues[0], &pool, sizes[i]));
}

static void an_empty_queue_holds_no_block(void)
{
	fresh(POOL_BLOCKS);
	CU_ASSERT_EQUAL(byteq_write(&queues[0], &pool, SPAN_NONE), 0);
	CU_ASSERT_EQUAL(blocks_of(&queues[0]), 0);
	CU_ASSERT_EQUAL(byteq_write(&queues[0], &pool, SPAN("abc")), 3);
	byteq_consume(&queues[0], &pool, 3);
	CU_ASSERT_EQUAL(blocks_of(&queues[0]), 0);
	CU_ASSERT_TRUE(byteq_reserve(&queues[0], &pool).bytes > 0);
	byteq_commit(&queues[0], 0);
	byteq_consume(&queues[0], &pool, 0); /* a change, and nothing was committed */
	CU_ASSERT_EQUAL(blocks_of(&queues[0]), 0);
	CU_ASSERT_EQUAL(pool.free_count, POOL_BLOCKS);
}

/* Queue 0 ends in a full block, so that a reserve opens a new one, and nothing comes of it. */
static void reserve_behind_a_full_block(unsigned q, size_t bytes)
{
	CU_ASSERT_EQUAL(byteq_write(&queues[q], &pool, span_of(input, bytes)), bytes);
	CU_ASSERT_EQUAL(byteq_reserve(&queues[q], &pool).bytes, BLOCK_DATA_BYTES);
}

static void moving_behind_an_abandoned_reserve_does_not_stall(void)
{
	struct model expected = { .count = 0 };
	fresh(POOL_BLOCKS);
	reserve_behind_a_full_block(0, BLOCK_DATA_BYTES);
	model_append(&expected, span_of(input, BLOCK_DATA_BYTES));
	CU_ASSERT_EQUAL(byteq_write(&queues[1], &pool, span_of(input, 3000)), 3000);
	model_append(&expected, span_of(input, 3000));
	CU_ASSERT_EQUAL(byteq_move(&queues[0], &queues[1], &pool, 3000), 3000);
	CU_ASSERT_TRUE(same_bytes(&queues[0], &expected));
	byteq_consume(&queues[0], &pool, BLOCK_DATA_BYTES);
	CU_ASSERT_EQUAL(byteq_peek(&queues[0]).bytes, 3000); /* not an empty block first */
	CU_ASSERT_EQUAL(byteq_move(&queues[2], &queues[0], &pool, 3000), 3000);
	CU_ASSERT_TRUE(no_block_is_lost());
}

static void moving_all_out_leaves_no_abandoned_reserve_behind(void)
{
	fresh(POOL_BLOCKS);
	reserve_behind_a_full_block(0, 2 * BLOCK_DATA_BYTES);
	CU_ASSERT_EQUAL(byteq_move(&queues[1], &queues[0], &pool, SIZE_MAX), 2 * BLOCK_DATA_BYTES);
	CU_ASSERT_EQUAL(byteq_bytes(&queues[0]), 0);
	CU_ASSERT_EQUAL(blocks_of(&queues[0]), 0);
	CU_ASSERT_EQUAL(blocks_of(&queues[1]), 2);
}

static void whole_blocks_are_passed_on_not_copied(void)
{
	fresh(3);
	CU_ASSERT_EQUAL(byteq_write(&queues[0], &pool, span_of(input, 3 * BLOCK_DATA_BYTES)), 3 * BLOCK_DATA_BYTES);
	const uint8_t *first = byteq_peek(&queues[0]).data;
	CU_ASSERT_EQUAL(byteq_move(&queues[1], &queues[0], &pool, SIZE_MAX), 3 * BLOCK_DATA_BYTES);
	CU_ASSERT_PTR_EQUAL(byteq_peek(&queues[1]).data, first);
	CU_ASSERT_EQUAL(pool.free_count, 0); /* no block was needed to move through a full pool */
	CU_ASSERT_EQUAL(blocks_of(&queues[0]), 0);
}

static void a_move_without_a_free_block_moves_what_it_can(void)
{
	fresh(2);
	CU_ASSERT_EQUAL(byteq_write(&queues[0], &pool, span_of(input, 2 * BLOCK_DATA_BYTES)), 2 * BLOCK_DATA_BYTES);
	CU_ASSERT_EQUAL(byteq_move(&queues[1], &queues[0], &pool, 100), 0); /* half a block needs a new one */
	CU_ASSERT_EQUAL(byteq_move(&queues[1], &queues[0], &pool, BLOCK_DATA_BYTES + 100), BLOCK_DATA_BYTES);
	CU_ASSERT_EQUAL(byteq_bytes(&queues[0]), BLOCK_DATA_BYTES);
	CU_ASSERT_TRUE(no_block_is_lost());
}

static void many_short_writes_moved_on_do_not_pin_a_page_each(void)
{
	fresh(POOL_BLOCKS);
	for (unsigned i = 0; i < 1000; i++) {
		CU_ASSERT_EQUAL(byteq_write(&queues[0], &pool, span_of(input, 20)), 20);
		CU_ASSERT_EQUAL(byteq_move(&queues[1], &queues[0], &pool, 20), 20);
	}
	CU_ASSERT_EQUAL(byteq_bytes(&queues[1]), 20000);
	CU_ASSERT_TRUE(blocks_of(&queues[1]) <= 6);
}

static void consumed_bytes_are_wiped_with_their_block(void)
{
	fresh(1);
	CU_ASSERT_EQUAL(byteq_write(&queues[0], &pool, span_of(input, BLOCK_DATA_BYTES)), BLOCK_DATA_BYTES);
	byteq_consume(&queues[0], &pool, BLOCK_DATA_BYTES - 1);
	CU_ASSERT_EQUAL(pool.free_count, 0);
	byteq_consume(&queues[0], &pool, 1);
	CU_ASSERT_EQUAL(pool.free_count, 1);
	CU_ASSERT_TRUE(is_wiped(&memory[0]));
}

static void give_twice(void)
{
	fresh(1);
	struct block *b = block_take(&pool);
	block_give(&pool, b);
	block_give(&pool, b);
}

static void consume_too_much(void)
{
	fresh(1);
	(void)!byteq_write(&queues[0], &pool, SPAN("abc"));
	byteq_consume(&queues[0], &pool, 4);
}

static void commit_too_much(void)
{
	fresh(1);
	struct room room = byteq_reserve(&queues[0], &pool);
	byteq_commit(&queues[0], room.bytes + 1);
}

static void several_spans_are_written_as_one_would_be(void)
{
	fresh(3);
	struct span spans[] = { span_of(input, 4000), span_of(input + 4000, 200), SPAN_NONE, span_of(input + 4200, 5000),
		                span_of(input + 9200, 4000), span_of(input + 13200, 1) };
	CU_ASSERT_EQUAL(byteq_write_all(&queues[0], &pool, spans, 4), 9200);
	CU_ASSERT_EQUAL(byteq_tail_room(&queues[0]), 3 * BLOCK_DATA_BYTES - 9200);
	CU_ASSERT_EQUAL(byteq_write_all(&queues[0], &pool, spans + 4, 2), 3 * BLOCK_DATA_BYTES - 9200);
	CU_ASSERT_EQUAL(byteq_tail_room(&queues[0]), 0);
	CU_ASSERT_EQUAL(byteq_copy_out(&queues[0], 0, (struct room){ output, sizeof(output) }), 3 * BLOCK_DATA_BYTES);
	CU_ASSERT(memcmp(input, output, 3 * BLOCK_DATA_BYTES) == 0);
	byteq_clear(&queues[0], &pool);
	CU_ASSERT_EQUAL(byteq_tail_room(&queues[0]), 0);
	CU_ASSERT(free_blocks_are_wiped_and_counted());
}

static void commit_without_reserve(void)
{
	fresh(1);
	byteq_commit(&queues[0], 1);
}

static void give_overrun(void)
{
	fresh(1);
	struct block *b = block_take(&pool);
	b->end = BLOCK_DATA_BYTES + 1;
	block_give(&pool, b);
}

static void misuse_stops_the_process(void)
{
	CU_ASSERT_TRUE(dies_by_check(give_twice));
	CU_ASSERT_TRUE(dies_by_check(give_overrun));
	CU_ASSERT_TRUE(dies_by_check(consume_too_much));
	CU_ASSERT_TRUE(dies_by_check(commit_too_much));
	CU_ASSERT_TRUE(dies_by_check(commit_without_reserve));
}

UNIT("base/blocks", { "a pool gives each block once and takes them back wiped", a_pool_gives_each_block_once },
     { "the low mark remembers the worst", the_low_mark_remembers_the_worst },
     { "a full pool takes what fits and says so", a_full_pool_takes_what_fits_and_says_so },
     { "the question whether bytes fit does not wrap around", fits_does_not_wrap_around },
     { "an empty queue holds no block", an_empty_queue_holds_no_block },
     { "moving behind an abandoned reserve does not stall", moving_behind_an_abandoned_reserve_does_not_stall },
     { "moving all out leaves no abandoned reserve behind",
       moving_all_out_leaves_no_abandoned_reserve_behind },
     { "whole blocks are passed on, not copied", whole_blocks_are_passed_on_not_copied },
     { "a move without a free block moves what it can", a_move_without_a_free_block_moves_what_it_can },
     { "many short writes moved on do not pin a page each",
       many_short_writes_moved_on_do_not_pin_a_page_each },
     { "several spans are written as one would be", several_spans_are_written_as_one_would_be },
     { "consumed bytes are wiped with their block", consumed_bytes_are_wiped_with_their_block },
     { "random operations agree with byte arrays", random_operations_agree_with_byte_arrays },
     { "giving twice and taking more than there is stop the process", misuse_stops_the_process })
