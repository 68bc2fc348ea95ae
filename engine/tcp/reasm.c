/*
 * reasm.c - see reasm_int.h. Step on a byte's path: tcp/text -> reasm (only when segments are
 * missing) -> tcp_rx(). The bytes of a range are copied once, from the frame into a block; merging
 * and delivering pass blocks on.
 */
#include "tcp/reasm_int.h"

static uint32_t blocks_of(const struct byteq *q)
{
	uint32_t count = 0;
	for (const struct block *b = q->head; b != NULL; b = b->next)
		count++;
	return count;
}

static void range_drop(struct reasm *r, uint16_t at)
{
	for (uint16_t i = at; i + 1 < r->count; i++)
		r->ranges[i] = r->ranges[i + 1];
	r->count--;
	r->ranges[r->count] = (struct reasm_range){ 0 };
	if (r->latest > at)
		r->latest--;
}

/* Range at + 1 begins where range `at` ends: they become one. A move that runs out of blocks leaves
 * both. */
static void range_join(struct reasm *r, struct block_pool *pool, uint16_t at)
{
	struct reasm_range *left = &r->ranges[at];
	struct reasm_range *right = &r->ranges[at + 1];
	uint32_t free = pool->free_count;
	uint32_t moved = (uint32_t)byteq_move(&left->bytes, &right->bytes, pool,
	                                      byteq_bytes(&right->bytes));
	left->end = seq_add(left->end, moved);
	right->begin = left->end;
	r->blocks -= pool->free_count - free; /* small ones were copied together */
	if (byteq_bytes(&right->bytes) == 0)
		range_drop(r, (uint16_t)(at + 1));
}

static bool range_open(struct reasm *r, uint16_t at, struct seq seq)
{
	if (r->count == TCP_REORDER_RANGES_MAX)
		return false;
	for (uint16_t i = r->count; i > at; i--)
		r->ranges[i] = r->ranges[i - 1];
	r->count++;
	if (r->latest >= at)
		r->latest++;
	r->ranges[at] = (struct reasm_range){ .begin = seq, .end = seq };
	return true;
}

/* What may be written into a range before its blocks cost more than `blocks_max`. */
static size_t room_in(const struct reasm *r, const struct byteq *q, uint32_t blocks_max)
{
	size_t tail = q->tail != NULL ? BLOCK_DATA_BYTES - q->tail->end : 0;
	size_t more = blocks_max > r->blocks ? blocks_max - r->blocks : 0;
	return tail + more * BLOCK_DATA_BYTES;
}

/* Writes `data`, which lies in the gap before range `at`, into the range that ends there or a new
 * one. Returns the bytes written; *at becomes the range they are in. */
static uint32_t fill_gap(struct reasm *r, struct block_pool *pool, uint32_t blocks_max,
                         uint16_t *at, struct seq seq, struct span data)
{
	if (*at > 0 && seq_eq(r->ranges[*at - 1].end, seq))
		(*at)--;
	else if (r->blocks >= blocks_max || !range_open(r, *at, seq))
		return 0;
	struct reasm_range *range = &r->ranges[*at];
	uint32_t free = pool->free_count;
	data = span_head(data, room_in(r, &range->bytes, blocks_max));
	uint32_t written = (uint32_t)byteq_write(&range->bytes, pool, data);
	r->blocks += free - pool->free_count;
	range->end = seq_add(range->end, written);
	r->bytes += written;
	r->latest = *at;
	if (seq_eq(range->begin, range->end))
		range_drop(r, *at);
	else if (*at + 1 < r->count && seq_eq(r->ranges[*at + 1].begin, range->end))
		range_join(r, pool, *at);
	return written;
}

/* The range that holds them goes first in SACK: it must stand behind a D-SACK (RFC 2883 4.2). */
static void note_doubled(struct reasm *r, uint16_t at, struct seq seq, uint32_t bytes)
{
	if (r->doubled)
		return;
	r->doubled = true;
	r->doubled_begin = seq;
	r->doubled_end = seq_add(seq, bytes);
	r->latest = at;
}

uint32_t reasm_add(struct reasm *r, struct block_pool *pool, uint32_t bytes_max, struct seq seq,
                   struct span data)
{
	uint32_t kept = 0;
	uint32_t blocks_max = bytes_max / BLOCK_DATA_BYTES + TCP_REORDER_SPARE_BLOCKS;
	uint16_t at = 0;
	r->full = r->doubled = false;
	while (data.bytes > 0) {
		while (at < r->count && seq_le(r->ranges[at].end, seq))
			at++;
		size_t gap = data.bytes; /* up to the next range */
		if (at < r->count) {
			const struct reasm_range *next = &r->ranges[at];
			if (seq_ge(seq, next->begin)) { /* received before: those bytes stand */
				uint32_t skip = seq_span(seq, next->end);
				note_doubled(r, at, seq, data.bytes < skip ? (uint32_t)data.bytes : skip);
				seq = next->end;
				data = span_after(data, skip);
				continue;
			}
			gap = seq_span(seq, next->begin);
		}
		uint32_t room = bytes_max > r->bytes ? bytes_max - r->bytes : 0;
		struct span piece = span_head(span_head(data, gap), room);
		uint32_t written = fill_gap(r, pool, blocks_max, &at, seq, piece);
		kept += written;
		r->full = written < piece.bytes || piece.bytes == 0;
		if (r->full)
			break;
		seq = seq_add(seq, written);
		data = span_after(data, written);
	}
	return kept;
}

/* Bytes of the first range that `next` has passed already came in order, with the same numbers: the
 * copy that was delivered first stands. */
static void skip_passed(struct reasm *r, struct block_pool *pool, struct seq next)
{
	while (r->count > 0 && seq_lt(r->ranges[0].begin, next)) {
		struct reasm_range *range = &r->ranges[0];
		uint32_t passed = seq_span(range->begin, seq_min(next, range->end));
		uint32_t free = pool->free_count;
		byteq_consume(&range->bytes, pool, passed);
		r->blocks -= pool->free_count - free;
		r->bytes -= passed;
		range->begin = seq_add(range->begin, passed);
		if (seq_eq(range->begin, range->end))
			range_drop(r, 0);
	}
}

uint32_t reasm_pull(struct reasm *r, struct block_pool *pool, struct seq next, struct byteq *to)
{
	skip_passed(r, pool, next);
	if (r->count == 0 || !seq_eq(r->ranges[0].begin, next))
		return 0;
	struct reasm_range *range = &r->ranges[0];
	uint32_t held = blocks_of(&range->bytes);
	uint32_t moved = (uint32_t)byteq_move(to, &range->bytes, pool, byteq_bytes(&range->bytes));
	range->begin = seq_add(range->begin, moved);
	r->bytes -= moved;
	r->blocks -= held - blocks_of(&range->bytes);
	if (seq_eq(range->begin, range->end))
		range_drop(r, 0);
	return moved;
}

void reasm_clear(struct reasm *r, struct block_pool *pool)
{
	for (uint16_t i = 0; i < r->count; i++)
		byteq_clear(&r->ranges[i].bytes, pool);
	r->count = 0;
	r->bytes = r->blocks = 0;
}

bool reasm_give_up(struct reasm *r, struct block_pool *pool)
{
	if (r->count == 0)
		return false;
	struct reasm_range *last = &r->ranges[r->count - 1];
	r->bytes -= (uint32_t)byteq_bytes(&last->bytes);
	r->blocks -= blocks_of(&last->bytes);
	byteq_clear(&last->bytes, pool);
	range_drop(r, (uint16_t)(r->count - 1));
	if (r->latest >= r->count)
		r->latest = 0;
	return true;
}

uint8_t reasm_sack(const struct reasm *r, struct tcp_sack_block *blocks, uint8_t max)
{
	uint8_t count = 0;
	for (uint16_t i = 0; i < r->count && count < max; i++) {
		uint16_t at = (uint16_t)((r->latest + i) % r->count);
		blocks[count].begin = r->ranges[at].begin;
		blocks[count].end = r->ranges[at].end;
		count++;
	}
	return count;
}
