/*
 * ack.c - step 5 of RFC 9293 3.10.7.4: what an ACK says about our own bytes.
 *
 * In order: is it believable (RFC 5961 5), the send window, is it new or a duplicate, and what the
 * acknowledgment of our FIN means for the state.
 */
#include "tcp/stack_int.h"

/* RFC 5961 5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT */
static enum step check_believable(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg,
                                  struct instant now)
{
	if (seq_gt(seg->ack, c->snd_max)) {
		stack_drop(s, TCP_DROP_ACK_UNSENT);
		conn_ack_challenge(s, c, now);
		return STEP_STOP;
	}
	int32_t behind = seq_diff(seg->ack, c->snd_una);
	if (behind > 0 && (uint32_t)behind > c->snd_wnd_max) {
		stack_drop(s, TCP_DROP_ACK_OLD);
		conn_ack_challenge(s, c, now);
		return STEP_STOP;
	}
	return STEP_ON;
}

/* True when the window has changed. An ACK that moves on is the newest there is, also on a repeated
 * segment, which WL1 alone would call old: to keep the window and move its base would let us send beyond
 * what was advertised. */
static bool update_window(struct conn *c, const struct tcp_seg *seg)
{
	bool newer = seq_gt(seg->ack, c->snd_una) || seq_lt(c->snd_wl1, seg->seq) ||
	             (seq_eq(c->snd_wl1, seg->seq) && seq_le(c->snd_wl2, seg->ack));
	if (seq_lt(seg->ack, c->snd_una) || !newer)
		return false;
	uint32_t window = (uint32_t)seg->window << c->snd_shift;
	bool changed = window != c->snd_wnd;
	c->snd_wnd = window;
	if (window > c->snd_wnd_max)
		c->snd_wnd_max = window;
	c->snd_wl1 = seg->seq;
	c->snd_wl2 = seg->ack;
	return changed;
}

/* Does the echo say that the original was what arrived? Its ACK may have been lost and this one come of
 * the repetition: then the time since is no round trip. */
static bool echo_is_older(const struct sent_news *news)
{
	uint32_t age_us = (uint32_t)news->now.us - news->again_us;
	uint32_t again_ms = (uint32_t)((news->now.us - age_us) / MS_US);
	return (int32_t)(news->echo_ms - again_ms) < 0;
}

/* How long a round trip took, if this ACK can tell. Where it also acknowledges what was sent again (Karn),
 * two witnesses say which copy it answers: a D-SACK, which only the repetition can have caused, and the echo
 * of its timestamp (RFC 7323 4.1). */
static bool round_trip(const struct sent_news *news, uint64_t *us)
{
	if (news->oldest_known && !news->again_known) {
		*us = (uint32_t)news->now.us - news->oldest_us;
		return true;
	}
	if (news->again_known && news->doubled) {
		*us = (uint32_t)news->now.us - news->again_us;
		return true;
	}
	if (!news->echo_known || (news->again_known && echo_is_older(news)))
		return false;
	uint32_t ms = (uint32_t)(news->now.us / MS_US) - news->echo_ms;
	*us = ms * MS_US;
	return ms < TCP_RTO_MAX_US / MS_US;
}

static void take_rtt(struct tcp_stack *s, struct conn *c, const struct sent_news *news)
{
	uint64_t us;
	if (!round_trip(news, &us))
		return;
	rtt_sample(&c->rtt, us);
	neigh_confirm(s, c, news->now);
}

static void forget_place(struct place *p, struct seq ack)
{
	if (seq_le(p->seq, ack))
		p->block = NULL; /* its block may be given back */
}

/* Gives the blocks of acknowledged bytes back and moves snd_una. */
static void consume(struct tcp_stack *s, struct conn *c, struct seq ack)
{
	uint32_t bytes = seq_span(c->snd_una, ack);
	bool with_fin = (c->flags & CONN_SHUT) != 0 && seq_gt(ack, c->tx_end);
	uint32_t data = bytes - (with_fin ? 1 : 0);
	CHECK(data <= c->tx_known);
	byteq_consume(&c->tx, s->pool, data);
	c->tx_known -= data;
	c->snd_una = ack;
	c->snd_nxt = seq_max(c->snd_nxt, ack); /* the peer took a probe's byte */
	forget_place(&c->fresh, ack);
	forget_place(&c->again, ack);
	if (data > 0)
		conn_raise(s, c, TCP_WRITABLE);
}

/* What lies behind snd_una is over; left where it is it would seem to lie ahead, half of all numbers later. */
static void take_along(struct conn *c)
{
	c->recover = seq_max(c->recover, c->snd_una);
	c->ecn_recover = seq_max(c->ecn_recover, c->snd_una);
}

static void acked_new(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg,
                      struct sent_news *news, struct instant now)
{
	sent_acked(&c->sent, s->pool, seg->ack, news);
	consume(s, c, seg->ack);
	take_along(c);
	c->retries = c->probes = 0;
	c->progress_ms = (uint32_t)(now.us / MS_US);
	if (seq_eq(c->snd_una, c->snd_max))
		keepalive_arm(s, c, now); /* RFC 6298 (5.2) */
}

static bool block_holds(const struct tcp_sack_block *outer, const struct tcp_sack_block *inner)
{
	return seq_le(outer->begin, inner->begin) && seq_ge(outer->end, inner->end);
}

/* RFC 2883 4: is the first block about bytes that arrived twice? A block about long ago is not
 * believed. */
static bool is_doubled(const struct conn *c, const struct tcp_seg *seg)
{
	const struct tcp_sack_block *first = &seg->options.sack[0];
	if (!seq_lt(first->begin, first->end) || seq_gt(first->end, c->snd_nxt) ||
	    seq_span(first->begin, first->end) > c->snd_wnd_max ||
	    seq_span(first->begin, seg->ack) > c->snd_wnd_max * 2ull)
		return false;
	bool below = seq_le(first->end, seg->ack);
	return below || (seg->options.sack_count > 1 && block_holds(first + 1, first));
}

/* What is reported must be in flight. In order of their numbers, so that reports which one ACK brings
 * do not look like reordering. */
static unsigned sort_reports(struct tcp_stack *s, const struct conn *c,
                             const struct tcp_options *options, unsigned from,
                             struct tcp_sack_block *sorted)
{
	unsigned count = 0;
	for (unsigned i = from; i < options->sack_count; i++) {
		struct tcp_sack_block b = options->sack[i];
		if (!seq_lt(b.begin, b.end) || seq_lt(b.begin, c->snd_una) ||
		    seq_gt(b.end, c->snd_nxt)) {
			stack_drop(s, TCP_DROP_SACK_INVALID);
			continue;
		}
		unsigned at = count++;
		for (; at > 0 && seq_lt(b.begin, sorted[at - 1].begin); at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = b;
	}
	return count;
}

/* RFC 2018, RFC 2883. Returns the bytes of a D-SACK. */
static uint32_t take_reports(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg,
                             struct sent_news *news)
{
	struct tcp_sack_block sorted[TCP_SACK_BLOCKS_MAX];
	const struct tcp_options *o = &seg->options;
	if (o->sack_count == 0 || (c->flags & CONN_SACK) == 0)
		return 0;
	news->doubled = is_doubled(c, seg);
	unsigned count = sort_reports(s, c, o, news->doubled ? 1 : 0, sorted);
	for (unsigned i = 0; i < count; i++)
		sent_sacked(&c->sent, s->pool, sorted[i].begin, sorted[i].end, news);
	return news->doubled ? seq_span(o->sack[0].begin, o->sack[0].end) : 0;
}

static struct sent_news news_of(const struct conn *c, const struct tcp_seg *seg, struct instant now)
{
	return (struct sent_news){ .now = now,
		                   .echo_known = (c->flags & CONN_STAMPS) != 0 &&
		                                 seg->options.stamp_echo != 0,
		                   .echo_ms = seg->options.stamp_echo - c->stamp_offset,
		                   .rtt_min_us = c->rtt.min_us,
		                   .high = c->rack.high };
}

/* RFC 5681 2: something is outstanding (the answer to a window probe is no sign of loss), no data, no SYN or
 * FIN, the same ACK, the same window. */
static bool is_duplicate(const struct conn *c, const struct tcp_seg *seg, bool window_changed)
{
	return c->sent.count > 0 && tcp_seg_len(seg) == 0 && !window_changed &&
	       seq_eq(seg->ack, c->snd_una);
}

/* Our FIN is acknowledged: 3.10.7.4, "FIN-WAIT-1", "CLOSING", "LAST-ACK". */
static enum step fin_was_acked(struct tcp_stack *s, struct conn *c, struct instant now)
{
	if (c->state == CONN_FIN_WAIT_1) {
		conn_enter(s, c, CONN_FIN_WAIT_2, now);
		if ((c->flags & CONN_VISIBLE) == 0)
			conn_timer_set(s, c, CONN_TIMER_FIN_WAIT_2,
			               instant_add(now, TCP_FIN_WAIT_2_US));
		return STEP_ON;
	}
	if (c->state == CONN_CLOSING || c->state == CONN_LAST_ACK) {
		close_finished(s, c, now);
		return STEP_GONE;
	}
	return STEP_ON;
}

enum step ack_input(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg,
                    struct instant now)
{
	enum step step = check_believable(s, c, seg, now);
	if (step != STEP_ON)
		return step;
	bool window_changed = update_window(c, seg);
	struct sent_news news = news_of(c, seg, now);
	struct recovery_ack ack = { .ack = seg->ack,
		                    .duplicate = is_duplicate(c, seg, window_changed) };
	bool moved = seq_gt(seg->ack, c->snd_una);
	if (moved)
		acked_new(s, c, seg, &news, now);
	ack.doubled_bytes = take_reports(s, c, seg, &news);
	ack.doubled_begin = seg->options.sack[0].begin; /* where there is a D-SACK */
	if (moved)
		take_rtt(s, c, &news);
	if (c->search != 0)
		path_mtu_acked(s, c, &news);
	ack.bare = ack.duplicate && seg->options.sack_count == 0;
	if (moved || ack.duplicate || news.sacked_bytes > 0 || news.doubled) {
		recovery_acked(s, c, &news, &ack);
		conn_ready(s, c);
	}
	ecn_acked(s, c, seg, news.acked_bytes);
	if (moved && conn_fin_acked(c))
		return fin_was_acked(s, c, now);
	if (window_changed) {
		if (c->timer_kind == CONN_TIMER_PERSIST && c->snd_wnd > 0) {
			keepalive_arm(s, c, now);
			c->retries = c->probes = 0;
		}
		conn_ready(s, c);
	} else if (c->snd_wnd == 0 && (c->flags & CONN_VISIBLE) != 0) {
		c->retries = 0; /* it answers our probes: it may keep its window closed (MUST-37) */
	}
	return STEP_ON;
}
