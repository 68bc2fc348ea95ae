/*
 * tcp_path.h - one direction of a path between two hosts: a bottleneck with a rate and a queue, a delay
 * with jitter, and what a network does to packets: loss (single and in bursts), doubling, reordering,
 * corruption, and links that carry no more than so many bytes, with or without saying so.
 *
 * Frames wait in a heap by the time of their arrival. All chance comes from one seed. Neighbour
 * discovery is spared: that it can fail has tests of its own.
 */
#ifndef WEIR_TESTS_SIM_TCP_PATH_H
#define WEIR_TESTS_SIM_TCP_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "base/prng.h"
#include "base/span.h"

#define PATH_FRAME_BYTES 9100u

struct path_plan { /* shares are per mille of frames */
	uint32_t lost, doubled, late, corrupted;
	uint32_t burst_begins, burst_ends; /* Gilbert-Elliott: into the bad state, and out of it; */
	uint32_t burst_lost;               /* what is lost while in it */
	uint64_t delay_us, jitter_us, late_us;
	uint64_t bytes_per_second; /* 0: no bottleneck */
	uint32_t queue_bytes;
	uint32_t mtu;              /* IP bytes; 0: any */
	struct instant mtu_since, mtu_until; /* 0: for ever */
	bool mtu_silent; /* what is too big vanishes without an ICMP message */
};

struct path_frame {
	struct instant at;
	uint64_t order;
	uint32_t bytes;
	uint8_t *data;
};

struct path {
	struct path_plan plan;
	struct prng prng;
	bool bad; /* in a burst */
	struct instant busy_until;
	uint64_t order;
	struct path_frame *heap;
	uint32_t count, room;
	uint64_t carried, lost;
	uint64_t trace; /* hash over all that was delivered */
};

void path_init(struct path *p, const struct path_plan *plan, uint64_t seed);
void path_free(struct path *p);
/* Takes a frame. Where it was too big for the path and the path says so, the MTU is returned, else 0. */
uint32_t path_send(struct path *p, struct span frame, struct instant now);
struct instant path_deadline(const struct path *p);
/* The next frame that has arrived, the caller's to free with path_done(); false: none. */
bool path_next(struct path *p, struct instant now, struct path_frame *frame);
void path_done(struct path_frame *frame);

#endif
