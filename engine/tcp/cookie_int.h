/*
 * cookie_int.h - SYN cookies (RFC 4987 3.6): connections under a flood of SYNs, without a byte kept.
 *
 * When half-open connections are used up, the answer to a SYN carries all that would have been kept:
 * the ISN is a keyed hash of the tuple, the peer's ISN and the time, with the peer's MSS as one of
 * eight classes; window scale and SACK travel in the low bits of our timestamp, so a peer
 * without timestamps gets neither. The ACK that brings them back opens the connection.
 *
 *	ISN:       period parity (1) | MSS class (3) | hash (28)
 *	timestamp: clock (26) | SACK (1) | scale (4), 15: none | spare (1)
 *
 * The key changes every COOKIE_PERIOD_US and is derived from the stack's secret; the present and
 * the last one count. A forged ACK fits with a chance of 2^-28. No cookie is believed unless one
 * was given of late.
 */
#ifndef WEIR_TCP_COOKIE_INT_H
#define WEIR_TCP_COOKIE_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "base/prng.h"
#include "tcp/tuple_int.h"
#include "wire/tcp_seg.h"

struct tcp_stack;
struct conn;
struct packet;

struct cookies {
	struct instant given; /* the last one */
	bool any;             /* given at all */
	bool keys_known[2];   /* by the parity of their period */
	uint32_t periods[2];
	struct siphash_key keys[2];
};

/* Answers a SYN without remembering it. */
void cookie_answer(struct tcp_stack *s, const struct packet *p, const struct tcp_seg *syn,
                   const struct tuple *t, struct instant now);
/* The connection that an ACK to a listener brings back, half open; NULL: it is no cookie of ours, or
 * there is no room. */
struct conn *cookie_accept(struct tcp_stack *s, const struct packet *p, const struct tcp_seg *ack,
                           const struct tuple *t, struct instant now);

#endif
