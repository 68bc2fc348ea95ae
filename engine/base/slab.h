/*
 * slab.h - objects of one size in reserved memory, with handles that know when they are stale.
 *
 * A slab is owned by one worker. Taking and giving are O(1). A handle carries the slot's generation: after
 * the object was given back, slab_get() of an old handle yields NULL. Objects start with a `struct
 * slab_head`, whose magic is set by take and cleared by give. Taken memory is zeroed but for the head.
 */
#ifndef WEIR_BASE_SLAB_H
#define WEIR_BASE_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

struct handle {
	uint32_t slot;
	uint32_t generation; /* never 0 for a live object: zeroed memory is no handle */
};

#define HANDLE_NONE ((struct handle){ .slot = 0, .generation = 0 })

static inline bool handle_is_none(struct handle h)
{
	return h.generation == 0;
}

static inline bool handle_equal(struct handle a, struct handle b)
{
	return a.slot == b.slot && a.generation == b.generation;
}

struct slab_head {
	uint32_t magic; /* the slab's magic while taken, 0 while free */
	uint32_t slot;
	uint32_t generation;
	uint32_t word; /* free: the next free slot; taken: the owner's to use, 0 at first */
};

struct slab {
	uint8_t *memory;
	uint32_t object_bytes; /* with the head; a multiple of 64 */
	uint32_t count;
	uint32_t used;
	uint32_t used_max; /* high-water mark */
	uint32_t free_head;
	uint32_t magic;
};

/* Bytes of memory that slab_init needs, for the budget table. */
size_t slab_memory_bytes(size_t object_bytes, uint32_t count);
/* `memory` is 64-byte aligned and outlives the slab. object_bytes includes the head. */
void slab_init(struct slab *s, void *memory, size_t object_bytes, uint32_t count, uint32_t magic);
MUST_USE void *slab_take(struct slab *s); /* NULL: full */
void slab_give(struct slab *s, void *object);
void *slab_get(const struct slab *s, struct handle h); /* NULL: stale or none */
struct handle slab_handle(const struct slab *s, const void *object);
/* What lies in a slot, live or not. */
static inline void *slab_at(const struct slab *s, uint32_t slot)
{
	return s->memory + (size_t)slot * s->object_bytes;
}
/* The live object at or after *slot, advancing *slot behind it; NULL at the end. For sweeps. */
void *slab_next(const struct slab *s, uint32_t *slot);

#endif
