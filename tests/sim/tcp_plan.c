/*
 * tcp_plan.c - what a seed chooses for the world of tcp_world.h, and the plan of one long transfer.
 */
#include "tcp_world.h"

static uint32_t maybe(struct prng *p, uint64_t most)
{
	return prng_chance(p, 500) ? (uint32_t)prng_below(p, most + 1) : 0;
}

static void plan_path(struct prng *p, struct path_plan *path)
{
	*path = (struct path_plan){ .lost = maybe(p, 120),
		                    .doubled = maybe(p, 100),
		                    .late = maybe(p, 300),
		                    .corrupted = maybe(p, 60),
		                    .delay_us = prng_below(p, 60000),
		                    .jitter_us = maybe(p, 5000),
		                    .late_us = prng_below(p, 60000) };
	if (prng_chance(p, 250)) {
		path->burst_begins = 2 + (uint32_t)prng_below(p, 20);
		path->burst_ends = 100 + (uint32_t)prng_below(p, 300);
		path->burst_lost = 300 + (uint32_t)prng_below(p, 600);
	}
	if (prng_chance(p, 300)) {
		path->bytes_per_second = 20000 + prng_below(p, 3000000);
		path->queue_bytes = 5000 + (uint32_t)prng_below(p, 200000);
	}
}

static void plan_mtu(struct prng *p, struct tcp_world_plan *plan)
{
	struct path_plan *path = &plan->path[prng_below(p, 2)];
	path->mtu = plan->ip6 ? 1280 : 1100 + (uint32_t)prng_below(p, 300);
	path->mtu_since = (struct instant){ .us = 1000 * SECOND_US + prng_below(p, 2 * SECOND_US) };
	path->mtu_silent = prng_chance(p, 400);
}

void tcp_world_plan_make(uint64_t seed, struct tcp_world_plan *plan)
{
	struct prng p;
	prng_seed(&p, seed ^ 0x7c9);
	*plan = (struct tcp_world_plan){ .talks = 1 + (uint32_t)prng_below(&p, 4),
		                         .ip6 = prng_chance(&p, 300),
		                         .wrap = prng_chance(&p, 300),
		                         .model = true,
		                         .newreno = prng_chance(&p, 300),
		                         .nagle = prng_chance(&p, 100),
		                         .rx_bytes_initial = maybe(&p, 60000),
		                         .tx_bytes_max = 4000 + (uint32_t)prng_below(&p, 200000),
		                         .limit_us = 4 * 3600 * SECOND_US };
	for (unsigned i = 0; i < 2; i++) {
		plan_path(&p, &plan->path[i]);
		plan->mtu[i] = prng_chance(&p, 150) ? 9000 : 1280 + (uint16_t)prng_below(&p, 221);
		plan->rx_bytes_max[i] = 3000 + (uint32_t)prng_below(&p, 300000);
		plan->blocks[i] = prng_chance(&p, 200) ? 24 + (uint32_t)prng_below(&p, 30) : 1024;
		plan->slow_reader[i] = prng_chance(&p, 250);
	}
	for (unsigned i = 0; i < plan->talks; i++)
		for (unsigned k = 0; k < 2; k++)
			plan->bytes[i][k] = prng_below(&p, prng_chance(&p, 200) ? 600000 : 60000);
	if (prng_chance(&p, 200))
		plan_mtu(&p, plan);
	plan->ecn = prng_chance(&p, 300);
	for (unsigned i = 0; i < 2; i++)
		if (plan->path[i].mtu != 0 && prng_chance(&p, 500)) /* and grows again */
			plan->path[i].mtu_until =
				instant_add(plan->path[i].mtu_since, prng_below(&p, 5 * SECOND_US));
	plan->turn_us = maybe(&p, 10000);
	if (prng_chance(&p, 300)) /* who only listens has nothing acknowledged: its peer's segments differ in nothing */
		for (unsigned i = 0, silent = (unsigned)prng_below(&p, 2); i < plan->talks; i++)
			plan->bytes[i][silent] = 0;
	plan->pieces = prng_chance(&p, 300) ? 1 + (uint32_t)prng_below(&p, prng_chance(&p, 500) ? 2000 : 40) : 0;
}

void tcp_world_plan_bulk(uint64_t bytes, uint32_t lost, uint32_t corrupted,
                         struct tcp_world_plan *plan)
{
	*plan = (struct tcp_world_plan){ .talks = 1,
		                         .tx_bytes_max = 4u << 20,
		                         .mtu = { 1500, 1500 },
		                         .rx_bytes_max = { 4u << 20, 4u << 20 },
		                         .rx_bytes_initial = 65536,
		                         .blocks = { 8192, 8192 },
		                         .limit_us = UINT64_MAX / 4 };
	plan->bytes[0][0] = bytes;
	for (unsigned i = 0; i < 2; i++)
		plan->path[i] = (struct path_plan){ .lost = lost,
			                            .corrupted = corrupted,
			                            .delay_us = 5000,
			                            .jitter_us = 500 };
}
