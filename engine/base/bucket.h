/*
 * bucket.h - a token bucket: so many of something a second, and so many at once after a pause.
 *
 * Who asks first whether there is room and then takes may take more than there was: the debt is paid back before there
 * is room again, so that the rate holds over time, whatever the size of what is taken at once.
 */
#ifndef WEIR_BASE_BUCKET_H
#define WEIR_BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/instant.h"

struct bucket {
	uint32_t per_second, depth; /* tokens */
	int64_t level;              /* millionths of a token; below zero: debt */
	struct instant filled;
};

/* Full. Rates and depths of at least 1. */
void bucket_init(struct bucket *b, uint32_t per_second, uint32_t depth, struct instant now);
/* Is there a token? */
MUST_USE bool bucket_has(struct bucket *b, struct instant now);
void bucket_spend(struct bucket *b, uint32_t tokens);
/* Takes one token; false when there is none. */
MUST_USE bool bucket_take(struct bucket *b, struct instant now);

#endif
