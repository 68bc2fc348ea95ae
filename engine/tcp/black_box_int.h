/*
 * black_box_int.h - the rings behind black_box.h: who has one, and noting in it.
 *
 * Up to BLACK_BOX_EACH connections of a stack have a ring each. Above that there is one for every
 * BLACK_BOX_SHARE connections, so that masses of idle ones do not cost 672 bytes each: when none is free, a
 * connection that has something to note takes over the ring of the one that has been quiet longest, if that was
 * quiet for BLACK_BOX_SETTLE_US; else it goes without, and is counted. O(1): rings stand in a list in the order of
 * their use, exact to BLACK_BOX_SETTLE_US, so that a busy ring is moved once in that time and not once a segment.
 *
 * A connection knows its ring by the word of its slab head, which shares the cache line that every segment
 * touches; the ring knows its connection, which is how a ring taken over is noticed. Ring 0 is nobody's: zeroed
 * words point to it. Entries made without a ring go to a scrap that nobody reads, which saves the callers a
 * question.
 *
 * A connection that ends in disorder leaves a record in a short queue, at most BLACK_BOX_PER_SECOND of them.
 */
#ifndef WEIR_TCP_BLACK_BOX_INT_H
#define WEIR_TCP_BLACK_BOX_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/instant.h"
#include "base/slab.h"
#include "tcp/black_box.h"
#include "tcp/limits.h"

struct black_box {
	uint32_t owner; /* slot + 1 of the connection; 0: free, or ring 0 */
	uint32_t count; /* of entries ever made for it */
	uint32_t newer, older; /* in order of use; 0: the end. `older` of a free one: the next free one */
	uint32_t moved_us;     /* low bits of when it last became the newest */
	uint32_t unused;       /* keeps what follows aligned */
	struct instant last;   /* entry */
	struct black_box_entry entries[BLACK_BOX_ENTRIES];
};

_Static_assert(sizeof(struct black_box) == 672, "what README and the budget table say of a ring");

struct black_boxes {
	struct black_box *rings; /* count + 1 of them */
	uint32_t count;
	uint32_t free, newest, oldest; /* 0: none */
	uint32_t settle_us;            /* a ring used later than that is moved up; UINT32_MAX: one for each, no order */
	struct black_box_entry *current; /* of the segment that is being dealt with: drops are noted there */
	struct black_box_entry scrap;
	uint64_t without; /* entries that found no ring */
	/* records of connections that ended in disorder */
	struct black_box_record *pending;
	uint32_t pending_first, pending_count;
	uint64_t second; /* of the clock, and how many were made in it */
	uint32_t made;
};

uint32_t black_box_count(uint32_t connections_max);
/* Takes rings and queue out of the arena; false when they do not fit, or it only counts. */
MUST_USE bool black_box_init(struct black_boxes *b, struct arena *arena, uint32_t connections_max);
/* The ring of a connection that is no more. */
void black_box_give(struct black_boxes *b, struct slab_head *owner);
/* The way for who has none, or has not used it for long. */
struct black_box *black_box_settle(struct black_boxes *b, struct slab_head *owner, struct instant now);
/* The ring of `owner` or NULL. */
const struct black_box *black_box_of(const struct black_boxes *b, const struct slab_head *owner);
/* Copies the ring: entries, their number, the time of the newest. */
void black_box_copy(const struct black_box *ring, struct black_box_record *r);
/* Room for a record of a connection that ends now; NULL: the queue is full, or enough were made this second. */
struct black_box_record *black_box_push(struct black_boxes *b, struct instant now);
MUST_USE bool black_box_pull(struct black_boxes *b, struct black_box_record *r);

/* Where the next entry of the connection goes; all of it is still an older one's. */
static inline struct black_box_entry *black_box_note(struct black_boxes *b, struct slab_head *owner,
                                                     struct instant now)
{
	struct black_box *ring = &b->rings[owner->word];
	if (ring->owner != owner->slot + 1 || (uint32_t)now.us - ring->moved_us > b->settle_us) {
		ring = black_box_settle(b, owner, now);
		if (ring == NULL)
			return &b->scrap;
	}
	ring->last = now;
	return &ring->entries[ring->count++ % BLACK_BOX_ENTRIES];
}

#endif
