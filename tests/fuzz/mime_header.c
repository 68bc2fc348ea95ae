/*
 * mime_header.c - fuzz target: any bytes as a message, twice: in one piece and in seeded pieces.
 * The same fields must come out, and all blocks must come back. The first byte seeds the pieces.
 */
#include <stdlib.h>

#include "base/prng.h"
#include "mime/header.h"

#define BLOCKS 2u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct block blocks[BLOCKS] __attribute__((aligned(64)));
static struct block_pool pool;

static uint64_t run(struct span all, struct prng *cuts)
{
	struct mime_header h;
	struct mime_header_event event = { .kind = MIME_NONE };
	uint64_t hash = HASH_START;
	size_t at = 0;

	block_pool_init(&pool, blocks, BLOCKS);
	mime_header_init(&h, &pool);
	while (event.kind != MIME_HEADER_END) {
		size_t bytes = cuts != NULL ? 1 + prng_below(cuts, 20) : SIZE_MAX;
		if (at < all.bytes)
			at += mime_header_input(&h, span_head(span_after(all, at), bytes), &event);
		else
			mime_header_end(&h, &event);
		if (event.kind == MIME_NONE)
			continue;
		hash = hash_bytes(hash, span_of(&event.kind, sizeof(event.kind)));
		hash = hash_bytes(hash, event.name);
		hash = hash_bytes(hash, event.value);
	}
	mime_header_fini(&h);
	if (pool.free_count != BLOCKS)
		abort();
	return hash_bytes(hash, span_of(&at, sizeof(at)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct prng cuts;

	if (size < 1)
		return 0;
	prng_seed(&cuts, data[0]);
	if (run(span_of(data + 1, size - 1), NULL) != run(span_of(data + 1, size - 1), &cuts))
		abort();
	return 0;
}
