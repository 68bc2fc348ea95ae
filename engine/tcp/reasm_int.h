/*
 * reasm_int.h - out-of-order bytes of one connection.
 *
 * A few sorted ranges, apart from each other, each with its bytes in a queue of pooled blocks.
 * Where segments overlap, the bytes received first stand: a peer cannot make us deliver one thing
 * after having acknowledged another. What was told by SACK is taken back only when bytes in order
 * have no block otherwise.
 *
 * Bounds: TCP_REORDER_RANGES_MAX ranges, the caller's number of bytes, and the blocks that these
 * bytes would fill plus TCP_REORDER_SPARE_BLOCKS: what counts is what a range costs (a byte alone
 * pins a block), not what it carries. What does not fit is not taken, and the peer sends it again.
 */
#ifndef WEIR_TCP_REASM_INT_H
#define WEIR_TCP_REASM_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blocks.h"
#include "base/slab.h"
#include "tcp/limits.h"
#include "wire/seq.h"
#include "wire/tcp_seg.h"

struct reasm_range {
	struct seq begin, end;
	struct byteq bytes;
};

struct reasm {
	struct slab_head head;
	uint32_t bytes;
	uint32_t blocks; /* held by all ranges */
	uint16_t count;
	bool full;       /* the last reasm_add() met a bound or had no block */
	bool doubled;    /* it brought bytes that were here already, the first of them: */
	struct seq doubled_begin, doubled_end;
	uint16_t latest; /* the range that grew last: first in SACK (RFC 2018 4) */
	struct reasm_range ranges[TCP_REORDER_RANGES_MAX];
};

/* Keeps what of `data` (which starts at `seq`) is new; returns the bytes kept. */
uint32_t reasm_add(struct reasm *r, struct block_pool *pool, uint32_t bytes_max, struct seq seq,
                   struct span data);
/* Moves the bytes that start at or before `next` to the end of `to`; returns how far `next` moves
 * on. */
uint32_t reasm_pull(struct reasm *r, struct block_pool *pool, struct seq next, struct byteq *to);
void reasm_clear(struct reasm *r, struct block_pool *pool);
/* Gives the last range up; false when there is none. For who needs its blocks to take bytes in order: what
 * SACK reported may be forgotten until it is acknowledged (RFC 2018 8). */
bool reasm_give_up(struct reasm *r, struct block_pool *pool);
/* Up to `max` SACK blocks; returns how many. */
uint8_t reasm_sack(const struct reasm *r, struct tcp_sack_block *blocks, uint8_t max);

#endif
