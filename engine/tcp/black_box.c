/*
 * black_box.c - which connection has a ring. See black_box_int.h.
 */
#include "tcp/black_box_int.h"

#include <string.h>

uint32_t black_box_count(uint32_t connections_max)
{
	uint32_t each = connections_max < BLACK_BOX_EACH ? connections_max : BLACK_BOX_EACH;
	uint32_t share = connections_max / BLACK_BOX_SHARE;
	return share > each ? share : each;
}

bool black_box_init(struct black_boxes *b, struct arena *arena, uint32_t connections_max)
{
	uint32_t count = black_box_count(connections_max);
	*b = (struct black_boxes){ .count = count, .current = &b->scrap };
	b->rings = arena_take(arena, "tcp black boxes", ((size_t)count + 1) * sizeof(*b->rings));
	b->pending = arena_take(arena, "tcp black boxes", BLACK_BOX_PENDING_MAX * sizeof(*b->pending));
	if (b->rings == NULL || b->pending == NULL)
		return false;
	b->settle_us = count < connections_max ? BLACK_BOX_SETTLE_US : UINT32_MAX;
	for (uint32_t at = count; at > 0; at--) {
		b->rings[at].older = b->free;
		b->free = at;
	}
	return true;
}

/* ---- the order of use ---- */

static void leave(struct black_boxes *b, uint32_t at)
{
	const struct black_box *ring = &b->rings[at];
	if (ring->newer != 0)
		b->rings[ring->newer].older = ring->older;
	else
		b->newest = ring->older;
	if (ring->older != 0)
		b->rings[ring->older].newer = ring->newer;
	else
		b->oldest = ring->newer;
}

static void become_newest(struct black_boxes *b, uint32_t at, struct instant now)
{
	struct black_box *ring = &b->rings[at];
	ring->newer = 0;
	ring->older = b->newest;
	ring->moved_us = (uint32_t)now.us;
	if (b->newest != 0)
		b->rings[b->newest].newer = at;
	else
		b->oldest = at;
	b->newest = at;
}

/* A free ring, else the one that was quiet longest, if that is long enough; 0: none. */
static uint32_t find_ring(struct black_boxes *b, struct instant now)
{
	uint32_t at = b->free;
	if (at != 0) {
		b->free = b->rings[at].older;
		return at;
	}
	at = b->oldest;
	if (at == 0 || instant_since(b->rings[at].last, now) < BLACK_BOX_SETTLE_US)
		return 0;
	leave(b, at);
	return at;
}

struct black_box *black_box_settle(struct black_boxes *b, struct slab_head *owner, struct instant now)
{
	uint32_t at = owner->word;
	if (b->rings[at].owner == owner->slot + 1) {
		leave(b, at);
	} else {
		at = find_ring(b, now);
		if (at == 0) {
			b->without++;
			return NULL;
		}
		b->rings[at].owner = owner->slot + 1;
		b->rings[at].count = 0;
		owner->word = at;
	}
	become_newest(b, at, now);
	return &b->rings[at];
}

void black_box_give(struct black_boxes *b, struct slab_head *owner)
{
	uint32_t at = owner->word;
	owner->word = 0;
	if (b->rings[at].owner != owner->slot + 1)
		return;
	leave(b, at);
	b->rings[at].owner = 0;
	b->rings[at].older = b->free;
	b->free = at;
}

const struct black_box *black_box_of(const struct black_boxes *b, const struct slab_head *owner)
{
	const struct black_box *ring = &b->rings[owner->word];
	return ring->owner == owner->slot + 1 ? ring : NULL;
}

/* ---- records ---- */

void black_box_copy(const struct black_box *ring, struct black_box_record *r)
{
	uint32_t count = ring->count < BLACK_BOX_ENTRIES ? ring->count : BLACK_BOX_ENTRIES;
	r->earlier = ring->count - count;
	r->count = count;
	r->last = ring->last;
	for (uint32_t i = 0; i < count; i++)
		r->entries[i] = ring->entries[(r->earlier + i) % BLACK_BOX_ENTRIES];
}

struct black_box_record *black_box_push(struct black_boxes *b, struct instant now)
{
	uint64_t second = now.us / SECOND_US;
	if (second != b->second)
		b->made = 0;
	b->second = second;
	if (b->made >= BLACK_BOX_PER_SECOND || b->pending_count == BLACK_BOX_PENDING_MAX)
		return NULL;
	b->made++;
	return &b->pending[(b->pending_first + b->pending_count++) % BLACK_BOX_PENDING_MAX];
}

bool black_box_pull(struct black_boxes *b, struct black_box_record *r)
{
	if (b->pending_count == 0)
		return false;
	*r = b->pending[b->pending_first];
	b->pending_first = (b->pending_first + 1) % BLACK_BOX_PENDING_MAX;
	b->pending_count--;
	return true;
}
