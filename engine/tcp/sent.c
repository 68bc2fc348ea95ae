/*
 * sent.c - see sent_int.h.
 *
 * Ranges are an array with room at its front: acknowledging drops the first ones without moving the
 * others. Whoever changes attributes in the middle makes room for two more ranges first, cuts at
 * both ends, changes, and merges again.
 */
#include "tcp/sent_int.h"

#include <string.h>

#include "base/check.h"

#define RANGES_TIME_STEPS 64 /* a full record keeps about so many different times */

_Static_assert(SENT_RANGES_MAX * sizeof(struct sent_range) <= BLOCK_DATA_BYTES,
               "all ranges fit a block");
_Static_assert(SENT_RANGES_FEW >= 4, "there is room for two cuts");

static struct sent_range *ranges_of(struct sent *s)
{
	struct sent_range *all = s->block != NULL ? (void *)s->block->data : s->few;
	return all + s->first;
}

static uint32_t bytes_of(const struct sent_range *r)
{
	return seq_span(r->begin, r->end);
}

static bool is_sacked(const struct sent_range *r)
{
	return (r->flags & SENT_SACKED) != 0;
}

static bool is_timed(const struct sent_range *r)
{
	return (r->flags & (SENT_SACKED | SENT_LOST)) == 0;
}

/* The record's own story: in order, without gaps, none empty, and the two sums are right. */
__attribute__((unused)) static bool is_sound(const struct sent *s)
{
	uint32_t sacked = 0;
	uint32_t lost = 0;
	const struct sent_range *r = sent_ranges(s);
	for (unsigned i = 0; i < s->count; i++) {
		if (!seq_lt(r[i].begin, r[i].end) ||
		    (i > 0 && !seq_eq(r[i - 1].end, r[i].begin)) ||
		    (r[i].flags & (SENT_SACKED | SENT_LOST)) == (SENT_SACKED | SENT_LOST))
			return false;
		sacked += is_sacked(&r[i]) ? bytes_of(&r[i]) : 0;
		lost += (r[i].flags & SENT_LOST) != 0 ? bytes_of(&r[i]) : 0;
	}
	return sacked == s->sacked_bytes && lost == s->lost_bytes;
}

/* ---- room ---- */

static unsigned capacity(const struct sent *s)
{
	return s->block != NULL ? SENT_RANGES_MAX : SENT_RANGES_FEW;
}

static void to_front(struct sent *s)
{
	if (s->first == 0)
		return;
	struct sent_range *from = ranges_of(s);
	memmove(from - s->first, from, s->count * sizeof(*from));
	s->first = 0;
}

static bool move_to_block(struct sent *s, struct block_pool *pool)
{
	if (s->block != NULL)
		return false;
	struct block *block = block_take(pool);
	if (block == NULL)
		return false;
	block->end = 0; /* nothing in it that needs wiping: no byte of a stream */
	memcpy(block->data, ranges_of(s), s->count * sizeof(struct sent_range));
	s->block = block;
	s->first = 0;
	return true;
}

static void move_from_block(struct sent *s, struct block_pool *pool)
{
	struct block *block = s->block;
	memcpy(s->few, ranges_of(s), s->count * sizeof(struct sent_range));
	s->block = NULL;
	s->first = 0;
	block_give(pool, block);
}

static void count_out(struct sent *s, const struct sent_range *r)
{
	if (is_sacked(r))
		s->sacked_bytes -= bytes_of(r);
	if ((r->flags & SENT_LOST) != 0)
		s->lost_bytes -= bytes_of(r);
}

static void count_in(struct sent *s, const struct sent_range *r)
{
	if (is_sacked(r))
		s->sacked_bytes += bytes_of(r);
	if ((r->flags & SENT_LOST) != 0)
		s->lost_bytes += bytes_of(r);
}

/* Range `right` becomes part of `left` before it, saying no more than is true of both. Where one of them is
 * under way the whole is, since the later of the two: what of it is lost will be found again by its time.
 * (Were it lost as a whole, a segment just repeated could be so again at once, without end.) */
static void merge(struct sent *s, struct sent_range *left, const struct sent_range *right)
{
	uint32_t again = (left->flags | right->flags) & SENT_AGAIN;
	bool sacked = (left->flags & right->flags & SENT_SACKED) != 0;
	bool timed = is_timed(left) || is_timed(right);
	bool later = !is_timed(left) || (int32_t)(right->at_us - left->at_us) > 0;
	count_out(s, left);
	count_out(s, right);
	if (!timed)
		left->at_us = 0;
	else if (is_timed(right) && later)
		left->at_us = right->at_us;
	left->flags = timed ? again : sacked ? SENT_SACKED : again | SENT_LOST;
	left->end = right->end;
	count_in(s, left);
}

/* From the oldest time in the record to the newest. */
static uint32_t age_of(const struct sent *s)
{
	const struct sent_range *r = sent_ranges(s);
	const struct sent_range *oldest = NULL;
	const struct sent_range *newest = NULL;
	for (unsigned i = 0; i < s->count; i++) {
		if (!is_timed(&r[i]))
			continue;
		if (oldest == NULL || (int32_t)(r[i].at_us - oldest->at_us) < 0)
			oldest = &r[i];
		if (newest == NULL || (int32_t)(r[i].at_us - newest->at_us) > 0)
			newest = &r[i];
	}
	return oldest != NULL ? newest->at_us - oldest->at_us : 0;
}

/* Merges neighbours of equal attributes whose times fall into the same step of a grid. */
static void coarsen(struct sent *s)
{
	struct sent_range *r = ranges_of(s);
	uint32_t age = age_of(s);
	uint32_t step = 1;
	while (step < age / RANGES_TIME_STEPS)
		step *= 2;
	unsigned kept = 0;
	for (unsigned i = 1; i < s->count; i++) {
		bool same = r[i].flags == r[kept].flags && r[i].at_us / step == r[kept].at_us / step;
		if (same)
			merge(s, &r[kept], &r[i]);
		else
			r[++kept] = r[i];
	}
	s->count = (uint16_t)(kept + 1);
}

static void remove_range(struct sent *s, unsigned at)
{
	struct sent_range *r = ranges_of(s);
	memmove(&r[at], &r[at + 1], (s->count - at - 1) * sizeof(*r));
	s->count--;
}

static bool equal(const struct sent_range *a, const struct sent_range *b)
{
	return a->flags == b->flags && a->at_us == b->at_us;
}

/* Merges equal neighbours from one before `from` to one behind `to`. */
static void merge_around(struct sent *s, unsigned from, unsigned to)
{
	struct sent_range *r = ranges_of(s);
	unsigned first = from > 0 ? from - 1 : 0;
	unsigned end = to + 1 < s->count ? to + 1 : s->count;
	unsigned kept = first;
	for (unsigned i = first + 1; i < end; i++) {
		if (equal(&r[kept], &r[i]))
			r[kept].end = r[i].end;
		else
			r[++kept] = r[i];
	}
	if (end == 0)
		return;
	memmove(&r[kept + 1], &r[end], (s->count - end) * sizeof(*r));
	s->count = (uint16_t)(kept + 1 + s->count - end);
}

/* May the report between these two be forgotten at no other price? Not where one side is to be sent again and the other
 * was just: of both together neither would be true. */
static bool may_forget(const struct sent_range *r)
{
	return is_sacked(r) && is_timed(r - 1) == is_timed(r + 1);
}

/* Of all pairs of neighbours that may become one the pair with the fewest bytes: a report and what stands before it,
 * and where there is none such, any two. */
static unsigned cheapest_pair(const struct sent *s)
{
	const struct sent_range *r = sent_ranges(s);
	unsigned best[2] = { 0, 0 };
	for (unsigned i = 1; i + 1 < s->count; i++) {
		if (seq_span(r[i].begin, r[i + 1].end) < seq_span(r[best[0]].begin, r[best[0] + 1].end))
			best[0] = i;
		if (may_forget(&r[i]) && (best[1] == 0 || bytes_of(&r[i]) < bytes_of(&r[best[1]])))
			best[1] = i;
	}
	return best[1] != 0 ? best[1] - 1 : best[0];
}

static void merge_cheapest(struct sent *s)
{
	struct sent_range *r = ranges_of(s);
	unsigned at = cheapest_pair(s);
	merge(s, &r[at], &r[at + 1]);
	remove_range(s, at + 1);
	merge_around(s, at, at + 1);
}

static bool has_room(const struct sent *s, unsigned more)
{
	return s->first + s->count + more <= capacity(s);
}

/* For `more` ranges, at no price but that of times that were nearly the same. */
static bool find_room(struct sent *s, struct block_pool *pool, unsigned more)
{
	if (has_room(s, more))
		return true;
	to_front(s);
	if (has_room(s, more) || move_to_block(s, pool))
		return true;
	coarsen(s);
	return has_room(s, more);
}

static void make_room(struct sent *s, struct block_pool *pool, unsigned more)
{
	if (find_room(s, pool, more))
		return;
	while (!has_room(s, more))
		merge_cheapest(s);
}

/* ---- finding and cutting ---- */

/* The range that holds `seq`, which lies in the record; count when it is the record's end. */
static unsigned find(const struct sent *s, struct seq seq)
{
	const struct sent_range *r = sent_ranges(s);
	unsigned low = 0;
	unsigned high = s->count;
	while (low < high) {
		unsigned middle = (low + high) / 2;
		if (seq_le(r[middle].end, seq))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_boundary(const struct sent *s, struct seq seq)
{
	unsigned at = find(s, seq);
	return at == s->count || seq_eq(sent_ranges(s)[at].begin, seq);
}

/* Makes `seq` the beginning of a range, for which there is room; returns which. */
static unsigned cut(struct sent *s, struct seq seq)
{
	struct sent_range *r = ranges_of(s);
	unsigned at = find(s, seq);
	if (at == s->count || seq_eq(r[at].begin, seq))
		return at;
	CHECK(has_room(s, 1));
	memmove(&r[at + 1], &r[at], (s->count - at) * sizeof(*r));
	s->count++;
	r[at].end = seq;
	r[at + 1].begin = seq;
	return at + 1;
}

static void shrink(struct sent *s, struct block_pool *pool)
{
	if (s->count == 0)
		s->first = 0;
	if (s->block != NULL && s->count <= SENT_RANGES_FEW / 2)
		move_from_block(s, pool);
	CHECK_SLOW(is_sound(s));
}

/* ---- sending ---- */

void sent_new(struct sent *s, struct block_pool *pool, struct seq begin, struct seq end,
              struct instant now)
{
	struct sent_range fresh = { .begin = begin, .end = end, .at_us = (uint32_t)now.us };
	if (s->count > 0) {
		struct sent_range *last = &ranges_of(s)[s->count - 1];
		CHECK(seq_eq(last->end, begin));
		if (equal(last, &fresh)) {
			last->end = end;
			return;
		}
	}
	make_room(s, pool, 1);
	ranges_of(s)[s->count++] = fresh;
	CHECK_SLOW(is_sound(s));
}

void sent_again(struct sent *s, struct block_pool *pool, struct seq begin, struct seq end,
                struct instant now)
{
	make_room(s, pool, 2);
	unsigned from = cut(s, begin);
	unsigned to = cut(s, end);
	struct sent_range *r = ranges_of(s);
	for (unsigned i = from; i < to; i++) {
		count_out(s, &r[i]);
		r[i].flags = SENT_AGAIN;
		r[i].at_us = (uint32_t)now.us;
	}
	merge_around(s, from, to);
	CHECK_SLOW(is_sound(s));
}

/* ---- what ACKs deliver ---- */

/* A repetition's ACK may be its original's (RFC 8985 6.2 step 2). The echo tells of what moved the ACK: behind a
 * gap the peer echoes what it had before the gap (RFC 7323 4.3), whichever copy has come. */
static bool is_ambiguous(const struct sent_range *r, const struct sent_news *news, bool reported)
{
	uint32_t age_us = (uint32_t)news->now.us - r->at_us;
	if ((r->flags & SENT_AGAIN) == 0)
		return false;
	uint32_t at_ms = (uint32_t)((news->now.us - age_us) / MS_US);
	if (!reported && news->echo_known && (int32_t)(news->echo_ms - at_ms) < 0)
		return true;
	return age_us < news->rtt_min_us;
}

/* `r` is a range, or part of one, that was neither acknowledged nor reported before, and is now one of the two. */
static void deliver(const struct sent_range *r, struct sent_news *news, bool reported)
{
	bool once = (r->flags & SENT_AGAIN) == 0;
	news->delivered_bytes += bytes_of(r);
	if (seq_gt(r->end, news->high))
		news->high = r->end;
	else if (once && seq_lt(r->end, news->high))
		news->reordered = true;
	if ((r->flags & SENT_LOST) != 0 || is_ambiguous(r, news, reported))
		return; /* of what was given up the time is forgotten */
	if (!news->newest_known || sent_after(r->at_us, r->end, news->newest_us, news->newest_end)) {
		news->newest_known = true;
		news->newest_us = r->at_us;
		news->newest_end = r->end;
	}
}

static void acknowledge(const struct sent_range *r, struct sent_news *news)
{
	news->acked_bytes += bytes_of(r);
	if (is_sacked(r))
		return; /* that was told when it was reported */
	deliver(r, news, false);
	if (!news->oldest_known && r->flags == 0) {
		news->oldest_known = true;
		news->oldest_us = r->at_us;
	}
	bool again = (r->flags & SENT_AGAIN) != 0 && is_timed(r);
	if (again && (!news->again_known || (int32_t)(r->at_us - news->again_us) > 0)) {
		news->again_known = true;
		news->again_us = r->at_us;
	}
}

void sent_acked(struct sent *s, struct block_pool *pool, struct seq ack, struct sent_news *news)
{
	while (s->count > 0) {
		struct sent_range *r = ranges_of(s);
		if (seq_ge(r->begin, ack))
			break;
		struct sent_range part = *r;
		part.end = seq_min(r->end, ack);
		count_out(s, &part);
		acknowledge(&part, news);
		r->begin = part.end;
		if (seq_eq(r->begin, r->end)) {
			s->first++;
			s->count--;
		}
	}
	shrink(s, pool);
}

void sent_sacked(struct sent *s, struct block_pool *pool, struct seq begin, struct seq end,
                 struct sent_news *news)
{
	unsigned at = find(s, begin);
	if (at == s->count)
		return;
	const struct sent_range *known = &sent_ranges(s)[at];
	if (is_sacked(known) && seq_le(end, known->end))
		return; /* nothing new, as in most repetitions of a block */
	/* Another report is not forgotten for this one: both would be counted again and again as they are repeated. */
	if (!find_room(s, pool, 2) && !has_room(s, !is_boundary(s, begin) + !is_boundary(s, end)))
		return;
	unsigned from = cut(s, begin);
	unsigned to = cut(s, end);
	struct sent_range *r = ranges_of(s);
	for (unsigned i = from; i < to; i++) {
		if (is_sacked(&r[i]))
			continue;
		deliver(&r[i], news, true);
		news->sacked_bytes += bytes_of(&r[i]);
		count_out(s, &r[i]);
		r[i].flags = SENT_SACKED;
		r[i].at_us = 0;
		count_in(s, &r[i]);
	}
	merge_around(s, from, to);
	shrink(s, pool);
}

/* ---- losing ---- */

static void set_lost(struct sent *s, struct sent_range *r)
{
	count_out(s, r);
	r->flags = (r->flags & SENT_AGAIN) | SENT_LOST;
	r->at_us = 0;
	count_in(s, r);
}

uint32_t sent_lose(struct sent *s, struct block_pool *pool, struct seq begin, struct seq end)
{
	uint32_t before = s->lost_bytes;
	make_room(s, pool, 2);
	unsigned from = cut(s, begin);
	unsigned to = cut(s, end);
	struct sent_range *r = ranges_of(s);
	for (unsigned i = from; i < to; i++)
		if ((r[i].flags & (SENT_SACKED | SENT_LOST)) == 0)
			set_lost(s, &r[i]);
	merge_around(s, from, to);
	CHECK_SLOW(is_sound(s));
	return s->lost_bytes - before;
}

void sent_forget(struct sent *s)
{
	struct sent_range *r = ranges_of(s);
	for (unsigned i = 0; i < s->count; i++)
		set_lost(s, &r[i]);
	merge_around(s, 0, s->count);
	CHECK_SLOW(is_sound(s));
}

void sent_find_again(struct sent *s, struct instant now)
{
	struct sent_range *r = ranges_of(s);
	for (unsigned i = 0; i < s->count; i++) {
		if ((r[i].flags & SENT_LOST) == 0)
			continue;
		count_out(s, &r[i]);
		r[i].flags &= ~(uint32_t)SENT_LOST;
		r[i].flags |= SENT_AGAIN; /* its time is not known any more: no sample of it */
		r[i].at_us = (uint32_t)now.us;
	}
	merge_around(s, 0, s->count);
	CHECK_SLOW(is_sound(s));
}

bool sent_first_lost(const struct sent *s, struct seq *begin, struct seq *end)
{
	const struct sent_range *r = sent_ranges(s);
	unsigned i = 0;
	if (s->lost_bytes == 0)
		return false;
	while ((r[i].flags & SENT_LOST) == 0) /* there is one: lost_bytes says so */
		i++;
	*begin = r[i].begin;
	while (i < s->count && (r[i].flags & SENT_LOST) != 0)
		*end = r[i++].end;
	return true;
}

void sent_clear(struct sent *s, struct block_pool *pool)
{
	if (s->block != NULL)
		block_give(pool, s->block);
	s->block = NULL;
	s->first = s->count = 0;
	s->sacked_bytes = s->lost_bytes = 0;
}
