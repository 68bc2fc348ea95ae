/*
 * prr.c - Proportional Rate Reduction (RFC 6937): during recovery as much is sent for each delivered
 * byte as brings the flight down to the threshold in one round trip, and when losses took it below,
 * slow start with the reduction bound (PRR-SSRB) brings it back.
 */
#include "tcp/stack_int.h"

void prr_begin(struct conn *c, uint32_t flight)
{
	c->prr_base = flight > 0 ? flight : 1;
	c->prr_delivered = c->prr_out = 0;
}

/* 3: how many bytes may leave now, on top of what is under way. */
static uint32_t allowance(const struct conn *c, uint32_t delivered)
{
	uint32_t pipe = conn_pipe(c);
	uint32_t threshold = c->congestion.threshold;
	if (pipe > threshold) {
		/* never more than the base: reports that a full record forgot are counted again when they are repeated */
		uint64_t share = (uint64_t)at_most(c->prr_delivered, c->prr_base) * threshold;
		uint64_t due = (share + c->prr_base - 1) / c->prr_base;
		return due > c->prr_out ? (uint32_t)(due - c->prr_out) : 0;
	}
	uint32_t balance = c->prr_delivered > c->prr_out ? c->prr_delivered - c->prr_out : 0;
	return at_most(threshold - pipe, at_least(balance, delivered) + c->mss);
}

void prr_acked(struct conn *c, uint32_t delivered)
{
	c->prr_delivered += delivered;
	c->congestion.window = at_least(conn_pipe(c) + allowance(c, delivered), c->mss);
}
