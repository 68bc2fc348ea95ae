/*
 * congestion.c - NewReno, and what it shares with CUBIC; see congestion_int.h.
 */
#include "tcp/congestion_int.h"

#include "tcp/limits.h"

/* RFC 6928 2: min(10 * MSS, max(2 * MSS, 14600)) */
uint32_t congestion_initial(uint32_t mss)
{
	return at_most(TCP_INITIAL_SEGMENTS * mss, at_least(2 * mss, TCP_INITIAL_BYTES));
}

void congestion_grow(struct congestion *c, uint32_t bytes)
{
	c->window = bytes < TCP_WINDOW_MAX - c->window ? c->window + bytes : TCP_WINDOW_MAX;
}

/* After a timeout one ACK may speak for all that the peer had kept: L = 1 then (RFC 3465 2.3). */
void congestion_slow_start(struct congestion *c, const struct congestion_ack *ack)
{
	uint32_t limit = ack->after_timeout ? ack->mss : 2 * ack->mss;
	uint32_t bytes = at_most(ack->bytes, limit);
	congestion_grow(c, ack->cautious ? bytes / 4 : bytes); /* RFC 9406 4.2: CSS_GROWTH_DIVISOR */
}

void congestion_save(struct congestion *c)
{
	c->saved_window = c->window;
	c->saved_threshold = c->threshold;
	c->saved_max = c->max;
}

static void newreno_opened(struct congestion *c, uint32_t mss, uint32_t losses)
{
	*c = (struct congestion){ .threshold = TCP_WINDOW_MAX };
	c->window = losses > 0 ? mss : congestion_initial(mss); /* RFC 5681 3.1 */
}

static void newreno_acked(struct congestion *c, const struct congestion_ack *ack)
{
	if (c->window < c->threshold) {
		congestion_slow_start(c, ack);
		return;
	}
	c->acked += at_most(ack->bytes, TCP_WINDOW_MAX);
	if (c->acked >= c->window) {
		c->acked -= c->window;
		c->acked = at_most(c->acked, c->window);
		congestion_grow(c, ack->mss);
	}
}

static void newreno_reduced(struct congestion *c, uint32_t mss, uint32_t flight)
{
	congestion_save(c);
	/* RFC 5681 (4). What left beyond the window, for reports or duplicates, does not count (3.2 step 2). */
	c->threshold = at_least(at_most(c->window, flight) / 2, 2 * mss);
	c->acked = 0;
}

static void newreno_timed_out(struct congestion *c, uint32_t mss, uint32_t flight, uint32_t retries)
{
	if (retries == 0) /* RFC 5681 3.1: held constant for further timeouts of the same segment */
		newreno_reduced(c, mss, flight);
	c->window = mss;
	c->acked = 0;
}

static void newreno_rested(struct congestion *c, uint32_t mss)
{
	c->window = at_most(c->window, congestion_initial(mss)); /* RFC 5681 4.1 */
}

static void newreno_undone(struct congestion *c)
{
	c->window = at_least(c->window, c->saved_window);
	c->threshold = at_least(c->threshold, c->saved_threshold);
}

const struct congestion_ops congestion_newreno = {
	.name = "newreno",
	.opened = newreno_opened,
	.acked = newreno_acked,
	.reduced = newreno_reduced,
	.timed_out = newreno_timed_out,
	.rested = newreno_rested,
	.undone = newreno_undone,
};
