/*
 * timers.c - what a connection does when its time has come: retransmit (RFC 6298 5.4-5.7), probe a
 * closed window (RFC 9293 3.8.6.1), give up, leave FIN-WAIT-2, send a delayed ACK.
 */
#include "tcp/stack_int.h"

static uint32_t retries_most(const struct tcp_stack *s)
{
	return s->config.retries_max > 0 ? s->config.retries_max : TCP_RETRIES_MAX;
}

static uint32_t retries_max(const struct tcp_stack *s, const struct conn *c)
{
	if (c->state == CONN_SYN_SENT)
		return TCP_SYN_RETRIES_MAX;
	if (c->state == CONN_SYN_RECEIVED)
		return TCP_SYN_ACK_RETRIES_MAX;
	return (c->flags & CONN_VISIBLE) != 0 ? retries_most(s) : TCP_ORPHAN_RETRIES_MAX;
}

static void retransmission_due(struct tcp_stack *s, struct conn *c, struct instant now)
{
	if (c->retries >= retries_max(s, c) || keepalive_given_up(c, now)) {
		conn_close(s, c, TCP_CLOSE_TIMEOUT, now);
		return;
	}
	s->counters.timeouts++;
	stack_note_timer(s, c, BLACK_BOX_TIMEOUT, c->retries + 1u, now);
	if (conn_synchronised(c)) {
		path_mtu_timed_out(s, c, now);
		recovery_timed_out(s, c, now);
	} else {
		c->flags |= CONN_SEND_SYN;
	}
	c->retries++;
	rtt_back_off(&c->rtt);
	c->rto_at = keepalive_limit(c, instant_add(now, c->rtt.timeout_us), now);
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
	if (c->retries >= retries_most(s) || keepalive_given_up(c, now) || (orphan && c->probes >= TCP_ORPHAN_RETRIES_MAX)) {
		segment_reset(s, c, now);
		conn_close(s, c, TCP_CLOSE_TIMEOUT, now);
		return;
	}
	stack_note_timer(s, c, BLACK_BOX_PERSIST, c->retries + 1u, now);
	c->retries++;
	c->probes += c->probes < UINT8_MAX ? 1 : 0;
	c->flags |= CONN_PROBE;
	struct instant next = instant_add(now, probe_interval_us(c));
	conn_timer_set(s, c, CONN_TIMER_PERSIST, keepalive_limit(c, next, now));
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
		stack_note_timer(s, c, BLACK_BOX_REORDER, 1, now);
		recovery_reorder_due(s, c, now);
		return;
	case CONN_TIMER_TAIL:
		stack_note_timer(s, c, BLACK_BOX_TAIL, 1, now);
		tail_due(s, c, now);
		return;
	case CONN_TIMER_PERSIST:
		probe_due(s, c, now);
		return;
	case CONN_TIMER_FIN_WAIT_2:
		conn_close(s, c, TCP_CLOSE_TIMEOUT, now);
		return;
	case CONN_TIMER_KEEPALIVE:
		keepalive_due(s, c, now);
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
