/*
 * cubic.c - CUBIC (RFC 9438) behind congestion_int.h.
 *
 * The window of avoidance is a cubic function of the time since it began: flat around the window at
 * which the last loss came (W_max, reached after K), steeper the longer no loss comes, and never
 * less than what Reno would have (W_est). Everything is integers: times in milliseconds, windows in
 * bytes; the constants C = 0.4 and beta = 0.7 are fractions.
 */
#include "tcp/congestion_int.h"
#include "tcp/limits.h"

#define C_TENTHS 4     /* C = 0.4 segments per second cubed */
#define BETA_TENTHS 7u /* 4.6 */
#define ALPHA_THOUSANDTHS 529u /* 4.3: 3 * (1 - beta) / (1 + beta) */
#define AGE_MS_MAX 1000000 /* keeps its cube inside 64 bits; the window's own bound comes first */

/* The whole part of the cube root, bit by bit: 21 steps, once per loss. */
static uint32_t cube_root(uint64_t v)
{
	uint64_t root = 0;
	for (uint64_t bit = 1u << 20; bit > 0; bit /= 2) {
		uint64_t more = root | bit;
		if (more * more * more <= v)
			root = more;
	}
	return (uint32_t)root;
}

/* 4.2: K = cbrt((W_max - cwnd) / C), in milliseconds: a thousand times the root is the root of 10^9 times. */
static uint32_t k_of(uint32_t below, uint32_t mss)
{
	uint64_t cubed = (uint64_t)below * (10000000000u / C_TENTHS) / mss;
	return cube_root(cubed);
}

/* 4.2: W_cubic(t) = C * (t - K)^3 + W_max */
static uint32_t window_at(const struct congestion *c, uint32_t mss, uint32_t age_ms)
{
	int64_t t = (int64_t)age_ms - c->k_ms;
	t = t > AGE_MS_MAX ? AGE_MS_MAX : t;
	t = t < -AGE_MS_MAX ? -AGE_MS_MAX : t;
	int64_t gain = t * t * t / 1000000 * mss * C_TENTHS / 10 / 1000;
	int64_t window = (int64_t)c->max + gain;
	if (window < 0)
		return 0;
	return window < TCP_WINDOW_MAX ? (uint32_t)window : TCP_WINDOW_MAX;
}

static void begin_epoch(struct congestion *c, const struct congestion_ack *ack)
{
	c->epoch = true;
	c->epoch_ms = ack->now_ms;
	c->estimate = c->window;
	c->acked = 0;
	c->k_ms = c->max > c->window ? k_of(c->max - c->window, ack->mss) : 0;
	c->max = at_least(c->max, c->window);
}

/* 4.3: one alpha of a segment for each window of bytes; the whole segment once cwnd_prior is reached. */
static void grow_estimate(struct congestion *c, const struct congestion_ack *ack)
{
	c->acked += at_most(ack->bytes, TCP_WINDOW_MAX);
	if (c->acked < c->window)
		return;
	c->acked = at_most(c->acked - c->window, c->window);
	uint32_t alpha = c->estimate >= c->prior ? 1000 : ALPHA_THOUSANDTHS;
	c->estimate = at_most(c->estimate + ack->mss * alpha / 1000, TCP_WINDOW_MAX);
}

static void cubic_opened(struct congestion *c, uint32_t mss, uint32_t losses)
{
	congestion_newreno.opened(c, mss, losses);
}

static void cubic_acked(struct congestion *c, const struct congestion_ack *ack)
{
	if (c->window < c->threshold) {
		congestion_slow_start(c, ack);
		return;
	}
	if (!c->epoch)
		begin_epoch(c, ack);
	uint32_t age_ms = ack->now_ms - c->epoch_ms;
	grow_estimate(c, ack);
	if (window_at(c, ack->mss, age_ms) < c->estimate) { /* 4.3: the Reno-friendly region */
		c->window = at_least(c->window, c->estimate);
		return;
	}
	uint32_t target = window_at(c, ack->mss, age_ms + ack->rtt_us / 1000); /* 4.4, 4.5 */
	target = at_most(target, c->window + c->window / 2);
	if (target <= c->window)
		return;
	uint64_t step = (uint64_t)(target - c->window) * at_most(ack->bytes, c->window) / c->window;
	congestion_grow(c, (uint32_t)step);
}

/* 4.6, 4.7. The window counts, not only the flight: a burst's end must not look like a small network. */
static void cubic_reduced(struct congestion *c, uint32_t mss, uint32_t flight)
{
	congestion_save(c);
	uint32_t used = at_most(c->window, at_least(flight, 2 * mss));
	c->prior = used;
	bool fell = used < c->max;
	c->max = fell ? used / 20 * (10 + BETA_TENTHS) : used; /* fast convergence */
	c->threshold = at_least(used / 10 * BETA_TENTHS, 2 * mss);
	c->epoch = false;
	c->acked = 0;
}

/* 4.8: afterwards the cubic function starts from where slow start ends. */
static void cubic_timed_out(struct congestion *c, uint32_t mss, uint32_t flight, uint32_t retries)
{
	if (retries == 0)
		cubic_reduced(c, mss, flight);
	c->max = 0;
	c->epoch = false;
	c->window = mss;
}

/* 4.2: time without data in flight is not time in which the network was tried. */
static void cubic_rested(struct congestion *c, uint32_t mss)
{
	congestion_newreno.rested(c, mss);
	c->epoch = false;
}

static void cubic_undone(struct congestion *c) /* 4.9 */
{
	congestion_newreno.undone(c);
	c->max = at_least(c->max, c->saved_max);
	c->epoch = false;
}

const struct congestion_ops congestion_cubic = {
	.name = "cubic",
	.opened = cubic_opened,
	.acked = cubic_acked,
	.reduced = cubic_reduced,
	.timed_out = cubic_timed_out,
	.rested = cubic_rested,
	.undone = cubic_undone,
};
