/*
 * rtt_int.h - round-trip time and retransmission timeout (RFC 6298).
 */
#ifndef WEIR_TCP_RTT_INT_H
#define WEIR_TCP_RTT_INT_H

#include <stdint.h>

struct rtt {
	uint32_t smoothed_us; /* SRTT; 0: no sample yet */
	uint32_t variance_us; /* RTTVAR */
	uint32_t timeout_us;  /* RTO, with any backoff in it */
};

/* `initial_us`: the timeout before there is a sample; 0 is TCP_RTO_INITIAL_US. */
void rtt_init(struct rtt *r, uint64_t initial_us);
/* A sample of a segment that was not retransmitted (Karn), or one that timestamps vouch for. Takes
 * any backoff back. */
void rtt_sample(struct rtt *r, uint64_t us);
/* The timer fired: the next timeout is twice as long, up to TCP_RTO_MAX_US. */
void rtt_back_off(struct rtt *r);

#endif
