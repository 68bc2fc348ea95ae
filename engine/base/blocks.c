/*
 * blocks.c - byte queues made of pooled blocks. See blocks.h for the contract.
 *
 * A queue never keeps an empty block, with one exception: the room last reserved may sit in an empty tail until
 * it is committed or written to. A queue that is changed and then holds no byte gives it back.
 */
#include "base/blocks.h"

void block_pool_init(struct block_pool *pool, void *memory, uint32_t count)
{
	struct block *blocks = memory;
	pool->free = NULL;
	pool->free_count = count;
	pool->total = count;
	pool->low_mark = count;
	for (uint32_t i = count; i > 0; i--) {
		blocks[i - 1].next = pool->free;
		pool->free = &blocks[i - 1];
	}
}

struct block *block_take(struct block_pool *pool)
{
	struct block *block = pool->free;
	if (block == NULL)
		return NULL;
	pool->free = block->next;
	pool->free_count--;
	if (pool->free_count < pool->low_mark)
		pool->low_mark = pool->free_count;
	block->next = NULL;
	block->begin = 0;
	block->end = 0;
	return block;
}

/* What was written lies in [0, end): the queue's bytes and, before them, those already consumed. The caller
 * sets `end` to what was touched; byteq keeps it so. */
void block_give(struct block_pool *pool, struct block *block)
{
	CHECK(pool->free_count < pool->total);
	CHECK(block->end <= BLOCK_DATA_BYTES);
	memset(block->data, 0, block->end);
	block->next = pool->free;
	pool->free = block;
	pool->free_count++;
}

static size_t block_used(const struct block *b)
{
	return b->end - b->begin;
}

static size_t block_room(const struct block *b)
{
	return BLOCK_DATA_BYTES - b->end;
}

/* Counts what the blocks hold: as many bytes as the queue says, and none of them empty but the tail. */
__attribute__((unused)) static bool byteq_is_sound(const struct byteq *q)
{
	size_t bytes = 0;
	for (const struct block *b = q->head; b != NULL; b = b->next) {
		if (b->end < b->begin || b->end > BLOCK_DATA_BYTES)
			return false;
		if (b->next == NULL ? b != q->tail : b->begin == b->end)
			return false;
		bytes += block_used(b);
	}
	return bytes == q->bytes && (q->head == NULL) == (q->tail == NULL);
}

static void byteq_append_block(struct byteq *q, struct block *block)
{
	block->next = NULL;
	if (q->tail != NULL)
		q->tail->next = block;
	else
		q->head = block;
	q->tail = block;
}

static void byteq_drop_head(struct byteq *q, struct block_pool *pool)
{
	struct block *head = q->head;
	q->head = head->next;
	if (q->head == NULL)
		q->tail = NULL;
	block_give(pool, head);
}

struct room byteq_reserve(struct byteq *q, struct block_pool *pool)
{
	if (q->tail == NULL || block_room(q->tail) == 0) {
		struct block *block = block_take(pool);
		if (block == NULL)
			return (struct room){ .data = NULL, .bytes = 0 };
		byteq_append_block(q, block);
	}
	struct block *tail = q->tail;
	return (struct room){ .data = tail->data + tail->end, .bytes = block_room(tail) };
}

void byteq_commit(struct byteq *q, size_t bytes)
{
	if (bytes == 0)
		return;
	CHECK(q->tail != NULL);
	CHECK(bytes <= block_room(q->tail));
	q->tail->end += (uint32_t)bytes;
	q->bytes += bytes;
}

size_t byteq_write_blocks(struct byteq *q, struct block_pool *pool, struct span s)
{
	size_t written = 0;
	while (written < s.bytes) {
		struct room room = byteq_reserve(q, pool);
		size_t left = s.bytes - written;
		size_t bytes = left < room.bytes ? left : room.bytes;
		if (bytes == 0)
			break;
		memcpy(room.data, s.data + written, bytes);
		q->tail->end += (uint32_t)bytes;
		written += bytes;
	}
	q->bytes += written;
	CHECK_SLOW(byteq_is_sound(q));
	return written;
}

bool byteq_fits(const struct byteq *q, const struct block_pool *pool, size_t bytes)
{
	size_t room = byteq_tail_room(q);
	if (bytes <= room)
		return true;
	return (bytes - room - 1) / BLOCK_DATA_BYTES < pool->free_count;
}

struct span byteq_peek(const struct byteq *q)
{
	if (q->bytes == 0)
		return SPAN_NONE;
	return span_of(q->head->data + q->head->begin, block_used(q->head));
}

struct span byteq_peek_at(const struct byteq *q, size_t offset)
{
	if (offset >= q->bytes)
		return SPAN_NONE;
	const struct block *b = q->head;
	while (offset >= block_used(b)) {
		offset -= block_used(b);
		b = b->next;
	}
	return span_of(b->data + b->begin + offset, block_used(b) - offset);
}

size_t byteq_copy_out(const struct byteq *q, size_t offset, struct room to)
{
	size_t copied = 0;
	if (offset >= q->bytes)
		return 0;
	const struct block *b = q->head;
	while (offset >= block_used(b)) {
		offset -= block_used(b);
		b = b->next;
	}
	for (; b != NULL && copied < to.bytes; b = b->next, offset = 0) {
		size_t bytes = block_used(b) - offset;
		if (bytes > to.bytes - copied)
			bytes = to.bytes - copied;
		if (bytes > 0)
			memcpy(to.data + copied, b->data + b->begin + offset, bytes);
		copied += bytes;
	}
	return copied;
}

void byteq_consume(struct byteq *q, struct block_pool *pool, size_t bytes)
{
	CHECK(bytes <= q->bytes);
	q->bytes -= bytes;
	while (bytes > 0) {
		size_t used = block_used(q->head);
		if (bytes < used) {
			q->head->begin += (uint32_t)bytes;
			return;
		}
		bytes -= used;
		byteq_drop_head(q, pool);
	}
	if (q->bytes == 0 && q->head != NULL)
		byteq_clear(q, pool); /* an empty tail left from a reserve */
}

/* Moves the head block of `from`, whole, to the end of `to`. */
static void byteq_pass_block(struct byteq *to, struct byteq *from)
{
	struct block *block = from->head;
	size_t bytes = block_used(block);
	from->head = block->next;
	if (from->head == NULL)
		from->tail = NULL;
	from->bytes -= bytes;
	byteq_append_block(to, block);
	to->bytes += bytes;
}

/* Is it cheaper to copy these few bytes into the tail than to pass a mostly empty block on? A queue of many
 * short writes would otherwise pin a page for each of them. Into an empty tail that a reserve left behind we
 * always copy: a block appended behind it would leave it empty in the middle. */
static bool copying_is_better(const struct byteq *to, size_t bytes)
{
	if (to->tail == NULL || bytes > block_room(to->tail))
		return false;
	return bytes <= BLOCK_DATA_BYTES / 4 || block_used(to->tail) == 0;
}

/* Gives back an empty tail that a reserve left in an otherwise empty queue. */
static void byteq_trim(struct byteq *q, struct block_pool *pool)
{
	if (q->bytes == 0 && q->head != NULL)
		byteq_clear(q, pool);
}

size_t byteq_move(struct byteq *to, struct byteq *from, struct block_pool *pool, size_t bytes)
{
	size_t moved = 0;
	byteq_trim(to, pool);
	byteq_trim(from, pool);
	while (moved < bytes && from->bytes > 0) {
		size_t used = block_used(from->head);
		size_t left = bytes - moved;
		if (used <= left && used > 0 && !copying_is_better(to, used)) {
			byteq_pass_block(to, from);
			moved += used;
			continue;
		}
		struct span piece = span_head(byteq_peek(from), left);
		size_t copied = byteq_write(to, pool, piece);
		if (copied == 0)
			break;
		byteq_consume(from, pool, copied);
		moved += copied;
	}
	byteq_trim(from, pool);
	CHECK_SLOW(byteq_is_sound(to) && byteq_is_sound(from));
	return moved;
}

void byteq_clear(struct byteq *q, struct block_pool *pool)
{
	while (q->head != NULL)
		byteq_drop_head(q, pool);
	q->bytes = 0;
}
