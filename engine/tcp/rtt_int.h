/*
 * rtt_int.h - round-trip time and retransmission timeout (RFC 6298).
 */
#ifndef WEIR_TCP_RTT_INT_H
#define WEIR_TCP_RTT_INT_H

#include <stdint.h>

#include "base/instant.h"

struct rtt {
	uint32_t smoothed_us; /* SRTT; 0: no sample yet */
	uint32_t variance_us; /* RTTVAR */
	uint32_t timeout_us;  /* RTO, with any backoff in it */
	uint32_t min_us;      /* the shortest of late (RFC 8985 6.2 step 1); 0: none yet */
	uint32_t next_min_us; /* the shortest since min_since_ms: min_us when the window ends */
	uint32_t min_since_ms;
};

/* `initial_us`: the timeout before there is a sample; 0 is TCP_RTO_INITIAL_US. */
void rtt_init(struct rtt *r, uint64_t initial_us);
/* A sample of a segment that was not retransmitted (Karn), or one that timestamps vouch for. Takes
 * any backoff back. */
void rtt_sample(struct rtt *r, uint64_t us);
/* A round trip exact enough for the minimum. */
void rtt_note_min(struct rtt *r, uint32_t us, struct instant now);
/* The timer fired: the next timeout is twice as long, up to TCP_RTO_MAX_US. */
void rtt_back_off(struct rtt *r);

#endif
