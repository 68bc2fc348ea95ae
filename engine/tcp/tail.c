/*
 * tail.c - the tail loss probe of RFC 8985 7: when the last segments of a flight are lost there is
 * nothing behind them to report, so after about two round trips one segment asks. Its answer lets RACK
 * see the loss, a round trip after it rather than a timeout after it.
 */
#include "tcp/rack_int.h"

#include "tcp/stack_int.h"

bool tail_wanted(const struct conn *c)
{
	uint32_t busy = CONN_RECOVERY | CONN_LOSS | CONN_TAIL;
	return conn_synchronised(c) && (c->flags & CONN_SACK) != 0 && (c->flags & busy) == 0 &&
	       c->sent.count > 0 && c->sent.sacked_bytes == 0 && c->sent.lost_bytes == 0;
}

/* 7.2 */
uint64_t tail_timeout_us(const struct conn *c)
{
	if (c->rtt.smoothed_us == 0)
		return SECOND_US;
	uint64_t us = 2ull * c->rtt.smoothed_us;
	if (conn_flight(c) < 2u * c->mss) /* less than what the peer must acknowledge at once (SHLD-19) */
		us += TCP_TAIL_DELAY_US;
	return us;
}

/* 7.3; what leaves is decided by rung_tail() of output.c. */
void tail_due(struct tcp_stack *s, struct conn *c, struct instant now)
{
	c->flags |= CONN_TAIL_DUE;
	c->rto_at = instant_add(now, c->rtt.timeout_us);
	conn_timer_set(s, c, CONN_TIMER_RETRANSMIT, c->rto_at);
	conn_ready(s, c);
}

/* 7.4.2, in its order. */
void tail_acked(struct tcp_stack *s, struct conn *c, struct seq ack, const struct sent_news *news,
                bool bare)
{
	if ((c->flags & CONN_TAIL) == 0 || seq_lt(ack, c->tail_end))
		return;
	bool again = (c->flags & CONN_TAIL_AGAIN) != 0;
	bool over = !again || news->doubled || seq_gt(ack, c->tail_end) || bare;
	bool repaired = again && !news->doubled && seq_gt(ack, c->tail_end);
	if (over)
		c->flags &= ~(uint32_t)(CONN_TAIL | CONN_TAIL_AGAIN);
	if (!repaired || (c->flags & (CONN_RECOVERY | CONN_LOSS)) != 0)
		return;
	s->congestion->reduced(&c->congestion, c->mss, conn_flight(c) + news->acked_bytes);
	c->congestion.window = c->congestion.threshold;
}
