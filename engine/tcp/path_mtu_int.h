/*
 * path_mtu_int.h - what size of segments the path of a connection carries: made smaller when a router says so or a
 * path swallows large segments, and found out upward again by probes (RFC 4821, RFC 8899).
 *
 * A connection whose segments are as large as both ends allow needs nothing of this: `search` of struct conn is 0, and
 * that is all its segments ever look at. Made smaller, it is lent a search, which it gives back when it has grown to
 * that size again, or ends. When none is left its size stays as it is.
 */
#ifndef WEIR_TCP_PATH_MTU_INT_H
#define WEIR_TCP_PATH_MTU_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "base/slab.h"
#include "tcp/sent_int.h"
#include "wire/seq.h"

struct tcp_stack;
struct conn;

/* Sizes are payload bytes of a full segment, as in conn.mss, which is RFC 4821's eff_pmtu and search_low. */
struct path_search {
	struct slab_head head;
	struct instant next; /* no probe before */
	uint16_t most;       /* what both ends allow */
	uint16_t high;       /* search_high: more is held for too large, until PMTU_RAISE_TIMER has run out */
	uint16_t probe;      /* the size that is under way, from probe_begin on; 0: none */
	uint16_t sure;       /* the size before those on trial; 0: none is */
	struct seq probe_begin, trial_begin;
	uint32_t retransmits; /* of the connection, when the trial began */
	uint8_t failures;     /* of this size in a row */
	bool told;            /* `high` is what a router says that it carries */
	bool suspected;       /* of a black hole: whether smaller segments pass is not known yet */
};

_Static_assert(sizeof(struct path_search) <= 64, "a search is one cache line");

/* The IP bytes to try next between `low`, which pass, and `high`; 0: nothing is worth it. `most` is the size that has
 * never been refused, if `high` is as large. */
uint32_t path_mtu_candidate(uint32_t low, uint32_t high, uint32_t most);

/* The connection is established: it starts with what is remembered of the path. */
void path_mtu_opened(struct tcp_stack *s, struct conn *c, struct instant now);
/* Gives the search back, if there is one. */
void path_mtu_closed(struct tcp_stack *s, struct conn *c);
/* A router says of our segment at `quoted` that packets may have `mtu` bytes. */
void path_mtu_reported(struct tcp_stack *s, struct conn *c, struct seq quoted, uint32_t mtu, struct instant now);
/* A retransmission timeout, before it is counted. */
void path_mtu_timed_out(struct tcp_stack *s, struct conn *c, struct instant now);

/* ---- only of a connection that has a search ---- */

/* The size of a probe that is to be the next segment; 0: none is. */
uint32_t path_mtu_probe_bytes(struct tcp_stack *s, const struct conn *c, struct instant now);
/* It has left, from snd_nxt on. */
void path_mtu_probed(struct tcp_stack *s, struct conn *c, uint32_t bytes, struct instant now);
/* The record of the sent has changed as an ACK says. */
void path_mtu_acked(struct tcp_stack *s, struct conn *c, const struct sent_news *news);
/* A recovery is about to begin. True: nothing is lost but the probe, so there is nothing to recover from. */
MUST_USE bool path_mtu_lost(struct tcp_stack *s, struct conn *c, struct instant now);

#endif
