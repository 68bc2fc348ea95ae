/*
 * arena.h - memory reserved once, at launch, and handed out in named pieces.
 *
 * The impure part reserves one stretch per worker (hugepages) and passes an arena; each module's `_make`
 * takes what it needs. There is no giving back. The ledger is the budget table that launch prints. With
 * `begin == NULL` the arena only counts: a dry run that tells how much must be reserved.
 */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

#define ARENA_LINES_MAX 48u
#define ARENA_ALIGN 64u

struct arena_line {
	const char *name;
	size_t bytes;
};

struct arena {
	uint8_t *begin;
	size_t used;
	size_t capacity;
	uint32_t lines;
	struct arena_line ledger[ARENA_LINES_MAX];
};

/* `memory` is 64-byte aligned, or NULL for a dry run. */
void arena_init(struct arena *a, void *memory, size_t bytes);
/* Zeroed, 64-byte aligned. NULL when it does not fit: launch then refuses to start. `name` is a literal;
 * pieces of the same name are added up in the ledger. Sums saturate at SIZE_MAX, which no machine has. */
MUST_USE void *arena_take(struct arena *a, const char *name, size_t bytes);

#endif
