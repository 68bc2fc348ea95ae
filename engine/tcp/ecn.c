/*
 * ecn.c - explicit congestion notification (RFC 3168): routers mark segments instead of dropping them.
 *
 * Both SYNs agree on it. New data then travels ECN-capable, repetitions and bare ACKs do not (6.1.4,
 * 6.1.5). The receiver of a mark says ECE on all it sends until CWR tells that the sender has
 * reacted; the sender reacts once for each window (6.1.2). A peer that lies about marks hurts its own
 * flow at most: one that hides them is met with loss instead.
 */
#include "tcp/stack_int.h"

/* A SYN that was not answered goes again without: something on the way may dislike it (6.1.1.1). */
uint8_t ecn_syn_flags(const struct tcp_stack *s, const struct conn *c, bool again)
{
	if (c->state == CONN_SYN_RECEIVED)
		return (c->flags & CONN_ECN) != 0 ? TCP_ECE : 0;
	return s->config.ecn && !again ? TCP_ECE | TCP_CWR : 0;
}

void ecn_learn(const struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg)
{
	uint8_t said = seg->flags & (TCP_ACK | TCP_ECE | TCP_CWR);
	bool passive = (c->flags & CONN_PASSIVE) != 0;
	bool agreed = said == (passive ? TCP_ECE | TCP_CWR : TCP_ACK | TCP_ECE);
	if (s->config.ecn && agreed)
		c->flags |= CONN_ECN;
	c->ecn_recover = c->iss;
}

void ecn_received(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg, enum ip_ecn ecn)
{
	if ((c->flags & CONN_ECN) == 0)
		return;
	if ((seg->flags & TCP_CWR) != 0)
		c->flags &= ~(uint32_t)CONN_ECN_ECHO;
	if (ecn != IP_CE || seg->payload.bytes == 0)
		return;
	s->counters.ecn_marks++;
	c->flags |= CONN_ECN_ECHO;
	conn_ack_now(s, c);
}

void ecn_reduced(struct conn *c)
{
	if ((c->flags & CONN_ECN) == 0)
		return;
	c->ecn_recover = seq_add(c->snd_nxt, 1); /* the peer goes on until it has seen CWR, on the next new byte */
	c->flags |= CONN_ECN_REACTED;
}

void ecn_acked(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg, uint32_t acked_bytes)
{
	bool echo = (c->flags & CONN_ECN) != 0 && (seg->flags & TCP_ECE) != 0;
	bool reduced = (c->flags & (CONN_RECOVERY | CONN_LOSS)) != 0;
	if (!echo || reduced || seq_lt(c->snd_una, c->ecn_recover))
		return;
	s->counters.ecn_echoes++;
	s->congestion->reduced(&c->congestion, c->mss, conn_flight(c) + acked_bytes);
	c->congestion.window = c->congestion.threshold;
	ecn_reduced(c);
	c->flags &= ~(uint32_t)CONN_UNDO; /* a mark is no mistake */
}

uint8_t ecn_flags(struct conn *c, const struct segment_plan *plan)
{
	uint8_t flags = (c->flags & CONN_ECN_ECHO) != 0 ? TCP_ECE : 0;
	if (plan->fresh && (c->flags & CONN_ECN_REACTED) != 0) {
		c->flags &= ~(uint32_t)CONN_ECN_REACTED;
		flags |= TCP_CWR;
	}
	return flags;
}
