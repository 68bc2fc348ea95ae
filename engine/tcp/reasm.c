/*
 * reasm.c - see reasm_int.h. Step on a byte's path: tcp/text -> reasm (only when segments are
 * missing) -> tcp_rx(). The bytes of a range are copied once, from the frame into a block; merging
 * and delivering pass blocks on.
 */
#include "tcp/reasm_int.h"

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
	uint32_t moved = (uint32_t)byteq_move(&left->bytes, &right->bytes, pool,
	                                      byteq_bytes(&right->bytes));
	left->end = seq_add(left->end, moved);
	right->begin = left->end;
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

/* Writes `data`, which lies in the gap before range `at`, into the range that ends there or a new
 * one. Returns the bytes written; *at becomes the range they are in. */
static uint32_t fill_gap(struct reasm *r, struct block_pool *pool, uint16_t *at, struct seq seq,
                         struct span data)
{
	if (*at > 0 && seq_eq(r->ranges[*at - 1].end, seq))
		(*at)--;
	else if (!range_open(r, *at, seq))
		return 0;
	struct reasm_range *range = &r->ranges[*at];
	uint32_t written = (uint32_t)byteq_write(&range->bytes, pool, data);
	range->end = seq_add(range->end, written);
	r->bytes += written;
	r->latest = *at;
	if (seq_eq(range->begin, range->end))
		range_drop(r, *at);
	else if (*at + 1 < r->count && seq_eq(r->ranges[*at + 1].begin, range->end))
		range_join(r, pool, *at);
	return written;
}

uint32_t reasm_add(struct reasm *r, struct block_pool *pool, uint32_t bytes_max, struct seq seq,
                   struct span data)
{
	uint32_t kept = 0;
	uint16_t at = 0;
	r->full = false;
	while (data.bytes > 0) {
		while (at < r->count && seq_le(r->ranges[at].end, seq))
			at++;
		size_t gap = data.bytes; /* up to the next range */
		if (at < r->count) {
			const struct reasm_range *next = &r->ranges[at];
			if (seq_ge(seq, next->begin)) { /* received before: those bytes stand */
				uint32_t skip = seq_span(seq, next->end);
				seq = next->end;
				data = span_after(data, skip);
				continue;
			}
			gap = seq_span(seq, next->begin);
		}
		uint32_t room = bytes_max > r->bytes ? bytes_max - r->bytes : 0;
		struct span piece = span_head(span_head(data, gap), room);
		uint32_t written = fill_gap(r, pool, &at, seq, piece);
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
		byteq_consume(&range->bytes, pool, passed);
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
	uint32_t moved = (uint32_t)byteq_move(to, &range->bytes, pool, byteq_bytes(&range->bytes));
	range->begin = seq_add(range->begin, moved);
	r->bytes -= moved;
	if (seq_eq(range->begin, range->end))
		range_drop(r, 0);
	return moved;
}

void reasm_clear(struct reasm *r, struct block_pool *pool)
{
	for (uint16_t i = 0; i < r->count; i++)
		byteq_clear(&r->ranges[i].bytes, pool);
	r->count = 0;
	r->bytes = 0;
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
