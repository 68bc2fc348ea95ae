/*
 * blocks.h - byte queues made of pooled blocks.
 *
 * One pool per worker holds all blocks; a queue takes them as bytes arrive and gives them back as bytes
 * leave, so that an idle connection holds no buffer at all. Blocks are wiped as far as they were used when
 * they are given back: they may have held plaintext. As far as they were used means as far as was written or
 * committed: who writes into reserved room more than it commits wipes the rest itself.
 *
 * Running out of blocks is an outcome: a write takes fewer bytes than asked, a reserve yields no room, and
 * the caller applies back-pressure. A queue has no bound of its own; its owner checks byteq_bytes() against
 * a named limit before it writes.
 *
 * Moving between two queues of the same pool passes whole blocks on and copies only at the edges.
 */
#ifndef WEIR_BASE_BLOCKS_H
#define WEIR_BASE_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/span.h"

#define BLOCK_BYTES 4096u
#define BLOCK_DATA_BYTES (BLOCK_BYTES - 16u)

struct block {
	struct block *next;
	uint32_t begin; /* first byte in use */
	uint32_t end;   /* one behind the last byte in use */
	uint8_t data[BLOCK_DATA_BYTES];
};

_Static_assert(sizeof(struct block) == BLOCK_BYTES, "a block is one page");

struct block_pool {
	struct block *free;
	uint32_t free_count;
	uint32_t total;
	uint32_t low_mark; /* fewest blocks ever free */
};

struct byteq {
	struct block *head;
	struct block *tail;
	size_t bytes;
};

/* `memory` holds `count` blocks and outlives the pool; 64-byte aligned. */
void block_pool_init(struct block_pool *pool, void *memory, uint32_t count);
MUST_USE struct block *block_take(struct block_pool *pool); /* NULL: none left */
void block_give(struct block_pool *pool, struct block *block);

/* A zeroed struct byteq is an empty queue. */
static inline size_t byteq_bytes(const struct byteq *q)
{
	return q->bytes;
}

/* How much of a write goes to the last block. */
static inline size_t byteq_tail_room(const struct byteq *q)
{
	return q->tail == NULL ? 0 : BLOCK_DATA_BYTES - q->tail->end;
}

/* byteq_write() where the last block has not room for all. */
MUST_USE size_t byteq_write_blocks(struct byteq *q, struct block_pool *pool, struct span s);

/* Appends a copy of as much of `s` as there are blocks for; returns the bytes taken. Most writes find room for all in
 * the last block. */
MUST_USE static inline size_t byteq_write(struct byteq *q, struct block_pool *pool, struct span s)
{
	struct block *tail = q->tail;
	if (tail == NULL || s.bytes == 0 || tail->end + s.bytes > BLOCK_DATA_BYTES)
		return byteq_write_blocks(q, pool, s);
	memcpy(tail->data + tail->end, s.data, s.bytes);
	tail->end += (uint32_t)s.bytes;
	q->bytes += s.bytes;
	return s.bytes;
}
/* byteq_write() of several spans, one behind the other; ends in the one that there are no blocks for. */
MUST_USE static inline size_t byteq_write_all(struct byteq *q, struct block_pool *pool, const struct span *spans,
                                              uint32_t count)
{
	size_t written = 0;
	for (uint32_t i = 0; i < count; i++) {
		size_t bytes = byteq_write(q, pool, spans[i]);
		written += bytes;
		if (bytes < spans[i].bytes)
			break;
	}
	return written;
}
/* Would byteq_write take all of `bytes`? */
bool byteq_fits(const struct byteq *q, const struct block_pool *pool, size_t bytes);
/* The first contiguous bytes (empty when the queue is). Borrowed until the next change of the queue. */
struct span byteq_peek(const struct byteq *q);
/* Contiguous bytes from `offset` on (empty at or past the end). O(blocks); see struct byteq_mark. */
struct span byteq_peek_at(const struct byteq *q, size_t offset);
/* Copies up to `to.bytes` from `offset` on; returns the bytes copied. */
size_t byteq_copy_out(const struct byteq *q, size_t offset, struct room to);
/* Drops the first `bytes` bytes (no more than there are). */
void byteq_consume(struct byteq *q, struct block_pool *pool, size_t bytes);
/* Writable room behind the last byte, at least one byte; empty when no block is left. */
struct room byteq_reserve(struct byteq *q, struct block_pool *pool);
/* The first `bytes` of the room last reserved are now part of the queue. */
void byteq_commit(struct byteq *q, size_t bytes);
/* Moves up to `bytes` from the front of `from` to the end of `to`; returns the bytes moved. */
size_t byteq_move(struct byteq *to, struct byteq *from, struct block_pool *pool, size_t bytes);
void byteq_clear(struct byteq *q, struct block_pool *pool);

#endif
