/*
 * recovery.c - loss recovery: fast retransmit and NewReno (RFC 5681 3.2, RFC 6582), limited
 * transmit (RFC 3042, in output.c by way of `duplicates`), and the timeout (RFC 6298 5.4).
 *
 * The congestion window itself is moved by congestion_ops only.
 */
#include "tcp/stack_int.h"

static void enter_recovery(struct tcp_stack *s, struct conn *c)
{
	s->congestion->entered(&c->congestion, c->mss, seq_span(c->snd_una, c->snd_max));
	c->recover = c->snd_max;
	c->flags |= CONN_RECOVERY | CONN_RETRANSMIT;
	c->flags &= ~(uint32_t)CONN_TIMING;
	s->counters.fast_retransmits++;
}

void recovery_duplicate(struct tcp_stack *s, struct conn *c)
{
	if (c->duplicates < UINT8_MAX)
		c->duplicates++;
	if ((c->flags & CONN_RECOVERY) != 0)
		s->congestion->duplicate(&c->congestion, c->mss);
	else if (c->duplicates == TCP_DUPLICATES && seq_ge(c->snd_una, c->recover))
		enter_recovery(s, c); /* RFC 6582 3.2 step 1: not again for the same window */
	conn_ready(s, c);
}

static void partial_ack(struct tcp_stack *s, struct conn *c, uint32_t bytes, struct instant now)
{
	s->congestion->partial(&c->congestion, c->mss, bytes);
	c->flags |= CONN_RETRANSMIT;
	conn_timer_set(s, c, CONN_TIMER_RETRANSMIT, instant_add(now, c->rtt.timeout_us));
}

void recovery_acked(struct tcp_stack *s, struct conn *c, uint32_t bytes, struct instant now)
{
	c->duplicates = 0;
	if ((c->flags & CONN_RECOVERY) == 0) {
		s->congestion->acked(&c->congestion, c->mss, bytes);
		return;
	}
	if (seq_lt(c->snd_una, c->recover)) {
		partial_ack(s, c, bytes, now);
		return;
	}
	c->flags &= ~(uint32_t)(CONN_RECOVERY | CONN_RETRANSMIT);
	s->congestion->left(&c->congestion, c->mss, seq_span(c->snd_una, c->snd_max));
	if (!seq_eq(c->snd_una, c->snd_max))
		conn_timer_set(s, c, CONN_TIMER_RETRANSMIT, instant_add(now, c->rtt.timeout_us));
}

void recovery_timed_out(struct tcp_stack *s, struct conn *c)
{
	s->congestion->timed_out(&c->congestion, c->mss, seq_span(c->snd_una, c->snd_max),
	                         c->retries);
	c->recover = c->snd_max; /* RFC 6582 3.2 step 6 */
	c->flags &= ~(uint32_t)(CONN_RECOVERY | CONN_RETRANSMIT | CONN_TIMING);
	c->duplicates = 0;
	c->snd_nxt = c->snd_una; /* all of it again, as the window grows */
	c->cursor = NULL;
}
