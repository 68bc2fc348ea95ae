/*
 * rtt.c - see rtt_int.h.
 */
#include "tcp/rtt_int.h"

#include <stdbool.h>

#include "tcp/limits.h"

void rtt_init(struct rtt *r, uint64_t initial_us)
{
	uint64_t us = initial_us > 0 ? initial_us : TCP_RTO_INITIAL_US; /* (2.1) */
	*r = (struct rtt){ .timeout_us = (uint32_t)(us < TCP_RTO_MAX_US ? us : TCP_RTO_MAX_US) };
}

/* The variance of many samples a round trip falls to nothing on a steady path. A quarter of the round trip
 * stays, so that RACK, which learns of a lost repetition after one and a little, comes before the timeout. */
static uint32_t timeout_of(const struct rtt *r)
{
	uint64_t spread = 4ull * r->variance_us;
	if (spread < r->smoothed_us / 4)
		spread = r->smoothed_us / 4;
	if (spread < TCP_RTT_GRANULE_US)
		spread = TCP_RTT_GRANULE_US;
	uint64_t us = r->smoothed_us + spread; /* (2.2), (2.3) */
	if (us < TCP_RTO_MIN_US)
		us = TCP_RTO_MIN_US;
	return (uint32_t)(us < TCP_RTO_MAX_US ? us : TCP_RTO_MAX_US);
}

void rtt_sample(struct rtt *r, uint64_t us)
{
	uint32_t sample = (uint32_t)(us < TCP_RTO_MAX_US ? us : TCP_RTO_MAX_US);
	if (sample == 0)
		sample = 1; /* 0 means "none yet" */
	if (r->smoothed_us == 0) {
		r->smoothed_us = sample;
		r->variance_us = sample / 2;
	} else {
		uint32_t error = sample > r->smoothed_us ? sample - r->smoothed_us
		                                         : r->smoothed_us - sample;
		r->variance_us = (uint32_t)((3ull * r->variance_us + error) / 4);
		r->smoothed_us = (uint32_t)((7ull * r->smoothed_us + sample) / 8);
	}
	if (r->smoothed_us == 0)
		r->smoothed_us = 1;
	r->timeout_us = timeout_of(r);
}

void rtt_back_off(struct rtt *r)
{
	uint64_t us = 2ull * r->timeout_us; /* (5.5) */
	r->timeout_us = (uint32_t)(us < TCP_RTO_MAX_US ? us : TCP_RTO_MAX_US);
}

void rtt_note_min(struct rtt *r, uint32_t us, struct instant now)
{
	uint32_t ms = (uint32_t)(now.us / MS_US);
	if (us == 0)
		us = 1;
	bool first = r->min_us == 0;
	if (first || ms - r->min_since_ms >= TCP_RTT_MIN_WINDOW_MS) {
		r->min_us = first || us < r->next_min_us ? us : r->next_min_us;
		r->next_min_us = us;
		r->min_since_ms = ms;
	}
	if (us < r->min_us)
		r->min_us = us;
	if (us < r->next_min_us)
		r->next_min_us = us;
}
