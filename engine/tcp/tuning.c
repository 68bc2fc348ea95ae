/*
 * tuning.c - how large a window a connection needs (dynamic right-sizing).
 *
 * Each round trip we look at how many bytes the application took. A sender in slow start brings twice
 * as many in the next round trip and four times in the one after, and what we advertise now is what
 * limits it then; so the window is kept at four times of what was taken, and never falls. What
 * nobody reads does not count: a slow application never gets a larger window, which is how the next
 * hop's pressure reaches the near one. The bounds are rx_bytes_max and, at each advertisement,
 * the connection's share of the pool (window.c).
 */
#include "tcp/stack_int.h"

#define ROUNDS_AHEAD 4u

void tuning_begin(const struct tcp_stack *s, struct conn *c)
{
	uint32_t initial = s->config.rx_bytes_initial;
	c->rx_window = initial > 0 && initial < c->rx_bytes_max ? initial : c->rx_bytes_max;
}

void tuning_opened(struct conn *c, struct instant now)
{
	c->tuning_us = (uint32_t)now.us;
	c->tuning_begin = c->rcv_nxt;
}

void tuning_taken(struct conn *c, struct instant now)
{
	if (c->rx_window >= c->rx_bytes_max || c->rtt.smoothed_us == 0)
		return;
	uint32_t age_us = (uint32_t)now.us - c->tuning_us;
	if (age_us < c->rtt.smoothed_us)
		return;
	struct seq taken = seq_add(c->rcv_nxt, (uint32_t)-byteq_bytes(&c->rx));
	uint32_t bytes = seq_span(c->tuning_begin, taken);
	/* Several round trips may have passed since somebody read: what counts is bytes for each of them. */
	uint64_t wanted = (uint64_t)bytes * c->rtt.smoothed_us / age_us * ROUNDS_AHEAD;
	if (wanted > c->rx_window)
		c->rx_window = wanted < c->rx_bytes_max ? (uint32_t)wanted : c->rx_bytes_max;
	c->tuning_us = (uint32_t)now.us;
	c->tuning_begin = taken;
}
