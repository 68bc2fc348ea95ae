/*
 * arena.c - memory reserved once and handed out in named pieces. See arena.h.
 */
#include "base/arena.h"

#include <stdbool.h>
#include <string.h>

void arena_init(struct arena *a, void *memory, size_t bytes)
{
	CHECK((uintptr_t)memory % ARENA_ALIGN == 0);
	*a = (struct arena){ .begin = memory, .capacity = bytes };
}

static bool same_name(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static size_t add_saturating(size_t a, size_t b)
{
	return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

static void arena_note(struct arena *a, const char *name, size_t bytes)
{
	for (uint32_t i = 0; i < a->lines; i++) {
		if (same_name(a->ledger[i].name, name)) {
			a->ledger[i].bytes = add_saturating(a->ledger[i].bytes, bytes);
			return;
		}
	}
	CHECK(a->lines < ARENA_LINES_MAX);
	a->ledger[a->lines++] = (struct arena_line){ .name = name, .bytes = bytes };
}

void *arena_take(struct arena *a, const char *name, size_t bytes)
{
	bool huge = bytes > SIZE_MAX - ARENA_ALIGN;
	size_t aligned = huge ? SIZE_MAX : (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
	arena_note(a, name, aligned);
	if (a->begin == NULL) { /* counting only */
		a->used = add_saturating(a->used, aligned);
		return NULL;
	}
	if (a->capacity - a->used < aligned)
		return NULL;
	uint8_t *piece = a->begin + a->used;
	a->used += aligned;
	memset(piece, 0, aligned);
	return piece;
}
