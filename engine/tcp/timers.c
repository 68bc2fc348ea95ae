/*
 * timers.c - what a connection does when its time has come: retransmit (RFC 6298 5.4-5.7), probe a
 * closed window (RFC 9293 3.8.6.1), give up, leave FIN-WAIT-2, send a delayed ACK.
 */
#include "tcp/stack_int.h"

static uint32_t retries_max(const struct conn *c)
{
	if (c->state == CONN_SYN_SENT)
		return TCP_SYN_RETRIES_MAX;
	if (c->state == CONN_SYN_RECEIVED)
		return TCP_SYN_ACK_RETRIES_MAX;
	return (c->flags & CONN_VISIBLE) != 0 ? TCP_RETRIES_MAX : TCP_ORPHAN_RETRIES_MAX;
}

static void retransmission_due(struct tcp_stack *s, struct conn *c, struct instant now)
{
	if (c->retries >= retries_max(c)) {
		conn_close(s, c, TCP_CLOSE_TIMEOUT, now);
		return;
	}
	s->counters.timeouts++;
	if (conn_synchronised(c))
		recovery_timed_out(s, c, now);
	else
		c->flags |= CONN_SEND_SYN;
	c->retries++;
	rtt_back_off(&c->rtt);
	c->rto_at = instant_add(now, c->rtt.timeout_us);
	conn_timer_set(s, c, CONN_TIMER_RETRANSMIT, c->rto_at);
	conn_ready(s, c);
}

static uint64_t probe_interval_us(const struct conn *c)
{
	uint64_t us = c->rtt.timeout_us;
	for (unsigned i = 0; i < c->probes && us < TCP_RTO_MAX_US; i++)
		us *= 2;
	return us < TCP_RTO_MAX_US ? us : TCP_RTO_MAX_US;
}

/* A peer that answers may keep its window closed as long as the application bears it (MUST-37); one
 * that does not answer is gone, and for a connection nobody holds any more patience is short. */
static void probe_due(struct tcp_stack *s, struct conn *c, struct instant now)
{
	bool orphan = (c->flags & CONN_VISIBLE) == 0;
	if (c->retries >= TCP_RETRIES_MAX || (orphan && c->probes >= TCP_ORPHAN_RETRIES_MAX)) {
		segment_reset(s, c, now);
		conn_close(s, c, TCP_CLOSE_TIMEOUT, now);
		return;
	}
	c->retries++;
	c->probes += c->probes < UINT8_MAX ? 1 : 0;
	c->flags |= CONN_PROBE;
	conn_timer_set(s, c, CONN_TIMER_PERSIST, instant_add(now, probe_interval_us(c)));
	conn_ready(s, c);
}

void timers_conn(struct tcp_stack *s, struct conn *c, struct instant now)
{
	if (c->timer_kind == CONN_TIMER_NONE)
		return;
	if (instant_before(now, c->deadline)) { /* it was moved later since */
		wheel_set(&s->wheel, &c->timer, c->deadline);
		return;
	}
	switch ((enum conn_timer)c->timer_kind) {
	case CONN_TIMER_RETRANSMIT:
		retransmission_due(s, c, now);
		return;
	case CONN_TIMER_REORDER:
		recovery_reorder_due(s, c, now);
		return;
	case CONN_TIMER_TAIL:
		tail_due(s, c, now);
		return;
	case CONN_TIMER_PERSIST:
		probe_due(s, c, now);
		return;
	case CONN_TIMER_FIN_WAIT_2:
		conn_close(s, c, TCP_CLOSE_TIMEOUT, now);
		return;
	case CONN_TIMER_NONE:
		return; /* seen above */
	}
}

void timers_ack(struct tcp_stack *s, struct conn *c, struct instant now)
{
	if (c->ack_deadline.us == UINT64_MAX)
		return; /* some segment carried it */
	if (instant_before(now, c->ack_deadline)) {
		wheel_set(&s->wheel, &c->ack_timer, c->ack_deadline);
		return;
	}
	c->ack_deadline = INSTANT_NEVER;
	conn_ack_now(s, c);
}
