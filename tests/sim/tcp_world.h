/*
 * tcp_world.h - two stacks that exchange streams over a bad path, under one seed and virtual time.
 *
 * The oracle: every stream arrives as it was sent, both ends learn that it ended in order, it ends in
 * bounded virtual time, and afterwards no connection, block, timer or list entry is left. A reference
 * model (tcp_model.h) watches the first connection, segment by segment.
 */
#ifndef WEIR_TESTS_SIM_TCP_WORLD_H
#define WEIR_TESTS_SIM_TCP_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "tcp_path.h"

#define TCP_WORLD_TALKS_MAX 6u

struct tcp_world_plan { /* what a seed chose */
	struct path_plan path[2]; /* from host 0 to 1, and back */
	uint32_t talks;
	uint64_t bytes[TCP_WORLD_TALKS_MAX][2]; /* of each stream */
	bool slow_reader[2];
	bool ip6, wrap, model;
	uint16_t mtu[2];
	uint32_t rx_bytes_max[2], rx_bytes_initial, tx_bytes_max, blocks[2];
	bool newreno, nagle, ecn;
	uint32_t pieces; /* frames come in pieces of at most so many bytes (scatter.h); 0: whole */
	uint64_t turn_us; /* frames wait so long for the turn of a host, and come as a burst; 0: at once */
	uint64_t limit_us; /* of virtual time */
	uint64_t watch_us; /* how often the first stream's sender is printed; 0: never */
};

struct tcp_world_result {
	bool ok;
	char why[200];
	uint64_t trace, steps, frames, virtual_us, last_byte_us, retransmits, timeouts, bytes;
	uint32_t mss; /* of the first talk, when the first host had written all */
	uint64_t runs; /* bursts that ended in several segments taken as one (tcp/express.c) */
};

void tcp_world_plan_make(uint64_t seed, struct tcp_world_plan *plan);
/* One stream of `bytes` through `lost` and `corrupted` per mille in both directions. */
void tcp_world_plan_bulk(uint64_t bytes, uint32_t lost, uint32_t corrupted,
                         struct tcp_world_plan *plan);
void tcp_world_run(uint64_t seed, const struct tcp_world_plan *plan, bool verbose,
                   struct tcp_world_result *result);

#endif
