/*
 * bucket.c - see bucket.h.
 */
#include "base/bucket.h"

#define MILLIONTHS 1000000

void bucket_init(struct bucket *b, uint32_t per_second, uint32_t depth, struct instant now)
{
	CHECK(per_second >= 1);
	CHECK(depth >= 1);
	*b = (struct bucket){ .per_second = per_second,
		              .depth = depth,
		              .level = (int64_t)depth * MILLIONTHS,
		              .filled = now };
}

/* A rate per second is the same number of millionths a microsecond. */
static void bucket_fill(struct bucket *b, struct instant now)
{
	int64_t full = (int64_t)b->depth * MILLIONTHS;
	uint64_t us = instant_since(b->filled, now);
	uint64_t missing = (uint64_t)(full - b->level);
	b->filled = now;
	if (us > missing / b->per_second)
		b->level = full;
	else
		b->level += (int64_t)(us * b->per_second);
}

bool bucket_has(struct bucket *b, struct instant now)
{
	bucket_fill(b, now);
	return b->level >= MILLIONTHS;
}

void bucket_spend(struct bucket *b, uint32_t tokens)
{
	b->level -= (int64_t)tokens * MILLIONTHS;
}

bool bucket_take(struct bucket *b, struct instant now)
{
	if (!bucket_has(b, now))
		return false;
	bucket_spend(b, 1);
	return true;
}
