/*
 * sent_int.h - the record of what is in flight: the scoreboard of RFC 6675 and the segment times of
 * RFC 8985, as few ranges instead of one entry per segment.
 *
 * The ranges cover [snd_una, snd_nxt) without gaps, in order. Segments of one turn share one clock
 * reading, so a burst is one range; neighbours of equal attributes are merged. What the peer has
 * reported (SACKED) or we hold for lost (LOST) needs no time any more, so those merge whatever
 * their age. A few ranges stand in the connection, enough for a dialogue; more of them live in one
 * block of the pool, while they are needed.
 *
 * Bound: SENT_RANGES_MAX ranges, fewer when no block is left. When they are used up, neighbours are
 * merged so that the record may only say too little: bytes count as reported only if all of them
 * are, as under way if any of them is, as sent when the last of them was. The cost is a needless or
 * a later repetition, never a missing one. Finding is a binary search, so the worst ACK costs four searches
 * and moves of at most 2 KiB.
 */
#ifndef WEIR_TCP_SENT_INT_H
#define WEIR_TCP_SENT_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blocks.h"
#include "base/instant.h"
#include "tcp/limits.h"
#include "wire/seq.h"

enum sent_flag {
	SENT_SACKED = 1u << 0, /* the peer has it; it may still forget (RFC 2018 8) */
	SENT_LOST = 1u << 1,   /* to be sent again */
	SENT_AGAIN = 1u << 2,  /* sent more than once: its ACK is ambiguous (Karn) */
};

struct sent_range {
	struct seq begin, end;
	uint32_t at_us; /* low bits of the clock when it was last sent; 0 while SACKED or LOST */
	uint32_t flags; /* enum sent_flag */
};

struct sent {
	struct block *block; /* NULL: the ranges stand in `few` */
	uint16_t first, count;
	uint32_t sacked_bytes, lost_bytes;
	struct sent_range few[SENT_RANGES_FEW];
};

/* What one ACK says about the record: in, how to read it; out, what it delivered. */
struct sent_news {
	struct instant now;
	bool echo_known;     /* the ACK echoes a timestamp of ours, made at this millisecond: */
	uint32_t echo_ms;    /* tells a repetition from its original */
	uint32_t rtt_min_us; /* no repetition is acknowledged sooner */
	struct seq high;     /* RACK.fack: the highest number delivered so far */

	uint32_t acked_bytes;     /* the cumulative ACK moved by so much */
	uint32_t delivered_bytes; /* newly acknowledged or reported */
	uint32_t sacked_bytes;    /* newly reported */
	bool reordered;           /* something sent once arrived behind what was sent later */
	bool doubled;             /* the ACK carries a D-SACK (RFC 2883) */
	bool newest_known;        /* the delivered byte that was sent last (RFC 8985 6.2 step 2) */
	uint32_t newest_us;
	struct seq newest_end;
	bool oldest_known; /* the first byte acknowledged that was sent once: a round trip, unless */
	uint32_t oldest_us;
	bool again_known; /* something sent again was acknowledged as well, last of it sent at: */
	uint32_t again_us;
};

static inline const struct sent_range *sent_ranges(const struct sent *s)
{
	const struct sent_range *all = s->block != NULL ? (const void *)s->block->data : s->few;
	return all + s->first;
}

/* [begin, end) left for the first time; begin is where the record ends. */
void sent_new(struct sent *s, struct block_pool *pool, struct seq begin, struct seq end,
              struct instant now);
/* [begin, end), all of it in the record, was sent again. */
void sent_again(struct sent *s, struct block_pool *pool, struct seq begin, struct seq end,
                struct instant now);
/* Everything before `ack` is acknowledged. */
void sent_acked(struct sent *s, struct block_pool *pool, struct seq ack, struct sent_news *news);
/* [begin, end), all of it in the record, was reported by SACK. */
void sent_sacked(struct sent *s, struct block_pool *pool, struct seq begin, struct seq end,
                 struct sent_news *news);
/* What of [begin, end) is neither reported nor lost already is lost; returns how many bytes. */
uint32_t sent_lose(struct sent *s, struct block_pool *pool, struct seq begin, struct seq end);
/* Reports are forgotten, and everything is lost: after a timeout of a peer that reneges. */
void sent_forget(struct sent *s);
/* Nothing is lost after all: what was counts as sent now. */
void sent_find_again(struct sent *s, struct instant now);
/* The first lost bytes, as far as they are contiguous; false when nothing is lost. */
bool sent_first_lost(const struct sent *s, struct seq *begin, struct seq *end);
void sent_clear(struct sent *s, struct block_pool *pool);

/* Was a range sent at `at` up to `end` sent after the other? (RFC 8985 6.2) */
static inline bool sent_after(uint32_t at_us, struct seq end, uint32_t other_us,
                              struct seq other_end)
{
	int32_t later = (int32_t)(at_us - other_us);
	return later > 0 || (later == 0 && seq_gt(end, other_end));
}

#endif
