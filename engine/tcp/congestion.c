/*
 * congestion.c - NewReno; see congestion_int.h.
 */
#include "tcp/congestion_int.h"

#include "tcp/limits.h"

static uint32_t at_most(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t at_least(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* RFC 6928 2: min(10 * MSS, max(2 * MSS, 14600)) */
static uint32_t initial_window(uint32_t mss)
{
	return at_most(TCP_INITIAL_SEGMENTS * mss, at_least(2 * mss, TCP_INITIAL_BYTES));
}

static void grow(struct congestion *c, uint32_t bytes)
{
	c->window = at_most(c->window + bytes, TCP_WINDOW_MAX);
}

static uint32_t half(uint32_t mss, uint32_t flight)
{
	return at_least(flight / 2, 2 * mss); /* RFC 5681 (4) */
}

static void newreno_opened(struct congestion *c, uint32_t mss, uint32_t losses)
{
	c->window =
		losses > 0 ? mss : initial_window(mss); /* RFC 5681 3.1: one segment after a loss */
	c->threshold = TCP_WINDOW_MAX;
	c->acked = 0;
}

static void newreno_acked(struct congestion *c, uint32_t mss, uint32_t bytes)
{
	if (c->window < c->threshold) {
		grow(c, at_most(bytes, 2 * mss)); /* RFC 3465 2.2, L = 2 */
		return;
	}
	c->acked += at_most(bytes, TCP_WINDOW_MAX);
	if (c->acked >= c->window) {
		c->acked -= c->window;
		c->acked = at_most(c->acked, c->window);
		grow(c, mss);
	}
}

static void newreno_entered(struct congestion *c, uint32_t mss, uint32_t flight)
{
	c->threshold = half(mss, flight);
	c->window = c->threshold + TCP_DUPLICATES * mss; /* RFC 6582 3.2 step 2 */
	c->acked = 0;
}

static void newreno_duplicate(struct congestion *c, uint32_t mss)
{
	grow(c, mss); /* step 3 */
}

static void newreno_partial(struct congestion *c, uint32_t mss, uint32_t bytes)
{
	c->window -= at_most(bytes, c->window); /* step 5: deflate, then one segment back */
	if (bytes >= mss)
		grow(c, mss);
	c->window = at_least(c->window, mss);
}

static void newreno_left(struct congestion *c, uint32_t mss, uint32_t flight)
{
	c->window = at_most(c->threshold, at_least(flight, mss) + mss); /* step 5 (1) */
	c->acked = 0;
}

static void newreno_timed_out(struct congestion *c, uint32_t mss, uint32_t flight, uint32_t retries)
{
	if (retries == 0) /* RFC 5681 3.1: held constant for further timeouts of the same segment */
		c->threshold = half(mss, flight);
	c->window = mss;
	c->acked = 0;
}

static void newreno_rested(struct congestion *c, uint32_t mss)
{
	c->window = at_most(c->window, initial_window(mss)); /* RFC 5681 4.1 */
}

const struct congestion_ops congestion_newreno = {
	.name = "newreno",
	.opened = newreno_opened,
	.acked = newreno_acked,
	.entered = newreno_entered,
	.duplicate = newreno_duplicate,
	.partial = newreno_partial,
	.left = newreno_left,
	.timed_out = newreno_timed_out,
	.rested = newreno_rested,
};
