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

/* True when the window has changed. */
static bool update_window(struct conn *c, const struct tcp_seg *seg)
{
	bool newer = seq_lt(c->snd_wl1, seg->seq) ||
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

static void take_rtt(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg,
                     struct instant now)
{
	if ((c->flags & CONN_TIMING) != 0) {
		if (seq_lt(seg->ack, c->rtt_seq))
			return;
		rtt_sample(&c->rtt, instant_since(c->rtt_begin, now));
		c->flags &= ~(uint32_t)CONN_TIMING;
	} else if ((c->flags & CONN_STAMPS) != 0 && seg->options.stamp_echo != 0) {
		/* After a retransmission only the echo tells which copy arrived (RFC 7323 4.1). */
		uint32_t ms = conn_stamp(c, now) - seg->options.stamp_echo;
		if (ms < TCP_RTO_MAX_US / MS_US)
			rtt_sample(&c->rtt, ms * MS_US);
	} else {
		return;
	}
	neigh_confirm(s, c, now);
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
	if (seq_ge(ack, c->snd_nxt)) { /* beyond where we went back to, or all of it */
		c->snd_nxt = ack;
		c->cursor = NULL;
	}
	if (data > 0)
		conn_raise(s, c, TCP_WRITABLE);
}

static void acked_new(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg,
                      struct instant now)
{
	uint32_t bytes = seq_span(c->snd_una, seg->ack);
	take_rtt(s, c, seg, now);
	consume(s, c, seg->ack);
	c->retries = c->probes = 0;
	if (seq_eq(c->snd_una, c->snd_max))
		conn_timer_stop(c); /* RFC 6298 (5.2) */
	else if ((c->flags & CONN_RECOVERY) == 0)
		conn_timer_set(s, c, CONN_TIMER_RETRANSMIT,
		               instant_add(now, c->rtt.timeout_us)); /* (5.3) */
	recovery_acked(s, c, bytes, now);
	conn_ready(s, c);
}

/* RFC 5681 2: something is outstanding, no data, no SYN or FIN, the same ACK, the same window. */
static bool is_duplicate(const struct conn *c, const struct tcp_seg *seg, bool window_changed)
{
	return !seq_eq(c->snd_una, c->snd_max) && tcp_seg_len(seg) == 0 && !window_changed &&
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
	if (seq_gt(seg->ack, c->snd_una)) {
		acked_new(s, c, seg, now);
		if (conn_fin_acked(c))
			return fin_was_acked(s, c, now);
	} else if (is_duplicate(c, seg, window_changed)) {
		recovery_duplicate(s, c);
	}
	if (window_changed) {
		if (c->timer_kind == CONN_TIMER_PERSIST && c->snd_wnd > 0) {
			conn_timer_stop(c);
			c->retries = c->probes = 0;
		}
		conn_ready(s, c);
	} else if (c->timer_kind == CONN_TIMER_PERSIST && (c->flags & CONN_VISIBLE) != 0) {
		c->retries = 0; /* it answers our probes: it may keep its window closed (MUST-37) */
	}
	return STEP_ON;
}
