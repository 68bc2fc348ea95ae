/*
 * congestion_int.h - congestion control behind one small table of functions.
 *
 * recovery.c decides what an ACK means (new, duplicate, partial, full) and calls these; they only
 * move the window. All numbers are bytes; `flight` is what was sent and not acknowledged.
 */
#ifndef WEIR_TCP_CONGESTION_INT_H
#define WEIR_TCP_CONGESTION_INT_H

#include <stdint.h>

struct congestion {
	uint32_t window;    /* cwnd */
	uint32_t threshold; /* ssthresh */
	uint32_t acked;     /* bytes acknowledged since the last growth in avoidance (RFC 3465) */
};

struct congestion_ops {
	const char *name;
	/* The connection opens; `losses`: the handshake needed retransmissions. */
	void (*opened)(struct congestion *c, uint32_t mss, uint32_t losses);
	void (*acked)(struct congestion *c, uint32_t mss, uint32_t bytes);
	/* Fast recovery: begins, one more duplicate, a partial ACK of `bytes`, ends. */
	void (*entered)(struct congestion *c, uint32_t mss, uint32_t flight);
	void (*duplicate)(struct congestion *c, uint32_t mss);
	void (*partial)(struct congestion *c, uint32_t mss, uint32_t bytes);
	void (*left)(struct congestion *c, uint32_t mss, uint32_t flight);
	/* A retransmission timer fired; `retries` counts those before it for the same segment. */
	void (*timed_out)(struct congestion *c, uint32_t mss, uint32_t flight, uint32_t retries);
	void (*rested)(struct congestion *c, uint32_t mss); /* idle for an RTO */
};

/* RFC 5681 with appropriate byte counting (RFC 3465, L = 2), RFC 6582, initial window of RFC 6928.
 * */
extern const struct congestion_ops congestion_newreno;

#endif
