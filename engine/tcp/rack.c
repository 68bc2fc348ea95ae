/*
 * rack.c - see rack_int.h. Section numbers are those of RFC 8985.
 */
#include "tcp/rack_int.h"

#include "tcp/stack_int.h"

void rack_init(struct rack *r, struct seq isn)
{
	*r = (struct rack){ .newest_end = isn, .high = isn };
}

/* 6.2 step 4, the part about D-SACK: each round with one makes the window a step larger. */
static void learn_dsack(struct conn *c, const struct sent_news *news)
{
	struct rack *r = &c->rack;
	if (r->in_round && seq_ge(c->snd_una, r->dsack_round))
		r->in_round = false;
	if (!news->doubled || r->in_round)
		return;
	r->in_round = true;
	r->dsack_round = c->snd_nxt;
	r->persist = TCP_REORDER_PERSIST;
	if (r->steps < TCP_REORDER_STEPS_MAX)
		r->steps++;
}

static void learn_newest(struct conn *c, const struct sent_news *news)
{
	struct rack *r = &c->rack;
	uint32_t rtt_us = (uint32_t)news->now.us - news->newest_us;
	rtt_note_min(&c->rtt, rtt_us, news->now);
	if (r->known && !sent_after(news->newest_us, news->newest_end, r->newest_us, r->newest_end))
		return;
	r->known = true;
	r->rtt_us = rtt_us;
	r->newest_us = news->newest_us;
	r->newest_end = news->newest_end;
}

void rack_learn(struct conn *c, const struct sent_news *news)
{
	struct rack *r = &c->rack;
	r->high = news->high;
	r->reordered |= news->reordered;
	learn_dsack(c, news);
	if (news->newest_known)
		learn_newest(c, news);
	if (c->sent.count == 0) /* what comes next comes later, and after a long rest 32 bits of a clock would deny it */
		r->known = false;
}

void rack_recovered(struct rack *r)
{
	if (r->persist > 0 && --r->persist == 0)
		r->steps = 0;
}

/* 6.2 step 4: how much later than its successors a segment may come. */
static uint32_t reordering_window_us(const struct conn *c)
{
	const struct rack *r = &c->rack;
	bool enough = c->duplicates >= TCP_SACKED_SEGMENTS ||
	              c->sent.sacked_bytes >= TCP_SACKED_SEGMENTS * (uint32_t)c->mss;
	if (!r->reordered && ((c->flags & (CONN_RECOVERY | CONN_LOSS)) != 0 || enough))
		return 0;
	uint64_t us = (r->steps + 1ull) * c->rtt.min_us / 4;
	return us < c->rtt.smoothed_us ? (uint32_t)us : c->rtt.smoothed_us;
}

/* The part of a range that was sent before what RACK has seen delivered; empty: begin. */
static struct seq sent_before_end(const struct rack *r, const struct sent_range *range)
{
	int32_t later = (int32_t)(r->newest_us - range->at_us);
	if (later > 0)
		return range->end;
	if (later < 0 || seq_le(r->newest_end, range->begin))
		return range->begin;
	return seq_min(range->end, r->newest_end);
}

struct rack_found rack_detect(struct tcp_stack *s, struct conn *c, struct instant now)
{
	struct rack_found found = { 0 };
	uint32_t patience_us = c->rack.rtt_us + reordering_window_us(c);
	for (unsigned i = 0; c->rack.known && i < c->sent.count; i++) {
		const struct sent_range *r = &sent_ranges(&c->sent)[i];
		struct seq end = sent_before_end(&c->rack, r);
		if ((r->flags & (SENT_SACKED | SENT_LOST)) != 0 || seq_eq(end, r->begin))
			continue;
		int32_t left = (int32_t)(r->at_us + patience_us - (uint32_t)now.us);
		if (left > 0) {
			found.wait_us = (uint32_t)left > found.wait_us ? (uint32_t)left : found.wait_us;
			continue;
		}
		found.again |= (r->flags & SENT_AGAIN) != 0 &&
		               (int32_t)(r->at_us - c->reduced_us) >= 0;
		found.lost_bytes += sent_lose(&c->sent, s->pool, r->begin, end);
		i -= i > 0 ? 1 : 0; /* what is lost merges with what stands before it */
	}
	return found;
}

void rack_timed_out(struct tcp_stack *s, struct conn *c, struct instant now)
{
	uint32_t patience_us = c->rack.rtt_us + reordering_window_us(c);
	struct seq first_end = seq_min(seq_add(c->snd_una, c->mss), c->snd_nxt);
	(void)sent_lose(&c->sent, s->pool, c->snd_una, first_end);
	for (unsigned i = 0; i < c->sent.count; i++) {
		const struct sent_range *r = &sent_ranges(&c->sent)[i];
		if ((r->flags & (SENT_SACKED | SENT_LOST)) != 0 ||
		    (int32_t)(r->at_us + patience_us - (uint32_t)now.us) > 0)
			continue;
		(void)sent_lose(&c->sent, s->pool, r->begin, r->end);
		i -= i > 0 ? 1 : 0;
	}
}
