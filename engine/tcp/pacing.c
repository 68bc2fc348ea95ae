/*
 * pacing.c - new segments leave spread over the round trip instead of as a burst that fills the bottleneck's queue.
 *
 * The clock of the stack's timers is the millisecond, and so are its portions: in each one a connection sends what its
 * window would be worth in that time, twice over in slow start, a quarter more in avoidance (as others have it), and
 * two segments at least. What is left waits, with all others that do, for the next millisecond. On paths of a few
 * milliseconds a portion is as large as the window, and nobody ever waits. Repetitions are PRR's (RFC 6937) to meter.
 */
#include "tcp/stack_int.h"

#define PACED_RTT_MIN_US (2 * MS_US)
#define PACED_SEGMENTS_MIN 2u
#define SLOW_START_PERCENT 200u
#define AVOIDANCE_PERCENT 125u

static uint32_t portion(const struct conn *c)
{
	const struct congestion *g = &c->congestion;
	uint64_t percent = g->window < g->threshold ? SLOW_START_PERCENT : AVOIDANCE_PERCENT;
	uint64_t bytes = g->window * percent / 100 * MS_US / c->rtt.smoothed_us;
	uint64_t segments = (bytes + c->mss - 1) / c->mss;
	segments = segments < PACED_SEGMENTS_MIN ? PACED_SEGMENTS_MIN : segments;
	return segments < UINT8_MAX ? (uint32_t)segments : UINT8_MAX;
}

uint32_t pacing_segments(struct tcp_stack *s, struct conn *c, struct instant now)
{
	c->flags &= ~(uint32_t)CONN_PACED;
	if (!s->config.pacing || c->rtt.smoothed_us < PACED_RTT_MIN_US)
		return UINT8_MAX;
	uint32_t sent = c->last_send_ms == (uint32_t)(now.us / MS_US) ? c->paced : 0;
	uint32_t most = portion(c);
	if (sent >= most)
		c->flags |= CONN_PACED;
	return sent < most ? most - sent : 0;
}

void pacing_sent(struct conn *c, uint32_t segments, struct instant now)
{
	uint32_t now_ms = (uint32_t)(now.us / MS_US);
	uint32_t sent = segments + (c->last_send_ms == now_ms ? c->paced : 0);
	c->last_send_ms = now_ms;
	c->paced = (uint8_t)at_most(sent, UINT8_MAX);
}

void pacing_wait(struct tcp_stack *s, struct conn *c, struct instant now)
{
	if (link_empty(&s->paced))
		s->paced_until = (struct instant){ .us = (now.us / MS_US + 1) * MS_US };
	link_push(&s->paced, &c->output);
}

struct instant pacing_deadline(const struct tcp_stack *s)
{
	return link_empty(&s->paced) ? INSTANT_NEVER : s->paced_until;
}

void pacing_expire(struct tcp_stack *s, struct instant now)
{
	if (!instant_reached(s->paced_until, now))
		return;
	while (!link_empty(&s->paced)) {
		struct link *l = link_first(&s->paced);
		link_remove(l);
		link_push(&s->ready, l);
	}
}
