/*
 * slab.c - objects of one size in reserved memory. See slab.h.
 *
 * Free slots form a list through their heads; a slot's generation grows at each give, skipping 0.
 */
#include "base/slab.h"

#include <string.h>

#define SLAB_END UINT32_MAX

static size_t slab_stride(size_t object_bytes)
{
	return (object_bytes + 63) / 64 * 64;
}

size_t slab_memory_bytes(size_t object_bytes, uint32_t count)
{
	return slab_stride(object_bytes) * count;
}

void slab_init(struct slab *s, void *memory, size_t object_bytes, uint32_t count, uint32_t magic)
{
	CHECK(object_bytes >= sizeof(struct slab_head));
	CHECK(count < SLAB_END);
	CHECK(magic != 0);
	*s = (struct slab){ .memory = memory,
		            .object_bytes = (uint32_t)slab_stride(object_bytes),
		            .count = count,
		            .free_head = SLAB_END,
		            .magic = magic };
	for (uint32_t slot = count; slot > 0; slot--) {
		struct slab_head *head = slab_at(s, slot - 1);
		*head = (struct slab_head){ .slot = slot - 1, .generation = 1, .word = s->free_head };
		s->free_head = slot - 1;
	}
}

void *slab_take(struct slab *s)
{
	if (s->free_head == SLAB_END)
		return NULL;
	struct slab_head *head = slab_at(s, s->free_head);
	CHECK(head->magic == 0);
	s->free_head = head->word;
	s->used++;
	if (s->used > s->used_max)
		s->used_max = s->used;
	memset(head + 1, 0, s->object_bytes - sizeof(*head));
	head->magic = s->magic;
	head->word = 0;
	return head;
}

void slab_give(struct slab *s, void *object)
{
	struct slab_head *head = object;
	CHECK(head->magic == s->magic);
	CHECK(slab_at(s, head->slot) == head);
	head->magic = 0;
	head->generation = head->generation == UINT32_MAX ? 1 : head->generation + 1;
	head->word = s->free_head;
	s->free_head = head->slot;
	s->used--;
}

void *slab_get(const struct slab *s, struct handle h)
{
	if (handle_is_none(h) || h.slot >= s->count)
		return NULL;
	struct slab_head *head = slab_at(s, h.slot);
	return head->magic == s->magic && head->generation == h.generation ? head : NULL;
}

struct handle slab_handle(const struct slab *s, const void *object)
{
	const struct slab_head *head = object;
	CHECK(head->magic == s->magic);
	return (struct handle){ .slot = head->slot, .generation = head->generation };
}

void *slab_next(const struct slab *s, uint32_t *slot)
{
	while (*slot < s->count) {
		struct slab_head *head = slab_at(s, (*slot)++);
		if (head->magic == s->magic)
			return head;
	}
	return NULL;
}
