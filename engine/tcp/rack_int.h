/*
 * rack_int.h - loss detection by time: RACK-TLP (RFC 8985), for peers with SACK.
 *
 * What was sent before something that has been delivered, and is still missing a reordering window
 * later, is lost. This finds lost repetitions and lost tails, which counting duplicates cannot.
 */
#ifndef WEIR_TCP_RACK_INT_H
#define WEIR_TCP_RACK_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "tcp/sent_int.h"
#include "wire/seq.h"

struct tcp_stack;
struct conn;

struct rack {
	bool known;         /* something was delivered */
	bool reordered;     /* the path has been seen to reorder */
	bool in_round;      /* no further D-SACK counts before dsack_round is acknowledged */
	uint8_t steps;      /* reo_wnd_mult, less one */
	uint8_t persist;    /* recoveries until steps falls back to 0 */
	uint32_t newest_us; /* RACK.xmit_ts */
	uint32_t rtt_us;    /* RACK.rtt */
	struct seq newest_end; /* RACK.end_seq */
	struct seq high;       /* RACK.fack */
	struct seq dsack_round;
};

void rack_init(struct rack *r, struct seq isn);
/* Steps 1 to 4 of RFC 8985 6.2, all but the loss itself. */
void rack_learn(struct conn *c, const struct sent_news *news);
struct rack_found {
	uint32_t lost_bytes;
	uint32_t wait_us; /* when to look again; 0: not */
	bool again;       /* among the lost is a repetition that left after the last reduction */
};

/* Step 5: marks what is lost. */
struct rack_found rack_detect(struct tcp_stack *s, struct conn *c, struct instant now);
/* 6.3, the timeout: the first segment, and what should have been acknowledged long ago, are lost. */
void rack_timed_out(struct tcp_stack *s, struct conn *c, struct instant now);
/* A recovery ended. */
void rack_recovered(struct rack *r);

/* ---- tail.c: the tail loss probe (RFC 8985 7) ---- */

/* May a probe be scheduled, and how long after the last segment? */
bool tail_wanted(const struct conn *c);
uint64_t tail_timeout_us(const struct conn *c);
/* The PTO fired: output's ladder sends a new segment or repeats the last one. */
void tail_due(struct tcp_stack *s, struct conn *c, struct instant now);
/* An ACK of everything up to `ack`: has the probe told of a loss? `bare`: it brings nothing new. */
void tail_acked(struct tcp_stack *s, struct conn *c, struct seq ack, const struct sent_news *news,
                bool bare);

#endif
