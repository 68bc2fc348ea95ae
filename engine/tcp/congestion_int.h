/*
 * congestion_int.h - congestion control behind one small table of functions.
 *
 * recovery.c decides what an ACK means and calls these; they only move the window. All numbers are
 * bytes; `flight` is what was sent and not acknowledged. In fast recovery the window is not theirs:
 * prr.c (or, for peers without SACK, the inflation of RFC 6582) holds it until `threshold` takes
 * over.
 */
#ifndef WEIR_TCP_CONGESTION_INT_H
#define WEIR_TCP_CONGESTION_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "tcp/tcp.h"

struct congestion {
	uint32_t window;    /* cwnd */
	uint32_t threshold; /* ssthresh */
	uint32_t acked;     /* bytes acknowledged since the last growth in avoidance (RFC 3465) */
	uint32_t saved_window, saved_threshold, saved_max; /* before the last reduction */
	/* CUBIC only (RFC 9438 4.1) */
	uint32_t max;      /* W_max */
	uint32_t prior;    /* cwnd_prior */
	uint32_t estimate; /* W_est: what Reno would have */
	uint32_t epoch_ms; /* when this stage of avoidance began, if `epoch` */
	uint32_t k_ms;     /* K */
	bool epoch;
};

struct congestion_ack { /* something new was acknowledged while the window was in use */
	uint32_t mss, bytes;
	uint32_t rtt_us;    /* smoothed */
	uint32_t now_ms;
	bool cautious;      /* slow start only: round trips grow (RFC 9406) */
	bool after_timeout; /* what was in flight then is not yet acknowledged */
};

struct congestion_ops {
	const char *name;
	/* The connection opens; `losses`: the handshake needed retransmissions. */
	void (*opened)(struct congestion *c, uint32_t mss, uint32_t losses);
	void (*acked)(struct congestion *c, const struct congestion_ack *ack);
	/* Loss or a congestion mark: the threshold falls; who calls sets the window. */
	void (*reduced)(struct congestion *c, uint32_t mss, uint32_t flight);
	/* A retransmission timer fired; `retries` counts those before it for the same segment. */
	void (*timed_out)(struct congestion *c, uint32_t mss, uint32_t flight, uint32_t retries);
	void (*rested)(struct congestion *c, uint32_t mss); /* idle for an RTO */
	/* The last reduction was for nothing. */
	void (*undone)(struct congestion *c);
};

/* RFC 5681 with appropriate byte counting (RFC 3465, L = 2), initial window of RFC 6928. */
extern const struct congestion_ops congestion_newreno;
/* RFC 9438. */
extern const struct congestion_ops congestion_cubic;

static inline const struct congestion_ops *congestion_of(enum tcp_congestion which)
{
	return which == TCP_NEWRENO ? &congestion_newreno : &congestion_cubic;
}

/* ---- what both share (congestion.c) ---- */

static inline uint32_t at_most(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline uint32_t at_least(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

uint32_t congestion_initial(uint32_t mss);
/* One ACK of slow start (RFC 3465 2.2, 2.3). */
void congestion_slow_start(struct congestion *c, const struct congestion_ack *ack);
void congestion_save(struct congestion *c);
void congestion_grow(struct congestion *c, uint32_t bytes);

#endif
