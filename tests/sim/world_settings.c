/*
 * world_settings.c - weir's settings in the simulated world, and what a seed chooses.
 */
#include <string.h>

#include "world.h"

#define NEXT_TLS_PORT 2525
#define NEXT_PLAIN_PORT 2526
#define NEXT_CLOSED_PORT 2599

static const char *const example_domains[] = { "example.test" };
static const char *const plain_domains[] = { "plain.test" };
static const char *const strict_domains[] = { "strict.test" };
static const char *const bank_domains[] = { "bank.test" };
static const char *const second_domains[] = { "second.test" };
static const char *const any_domains[] = { "*" };
static const char *const eicar_literals[] = { "EICAR-STANDARD-ANTIVIRUS-TEST-FILE" };

#define STRINGS(array) { .count = sizeof(array) / sizeof(array[0]), .items = array }
#define NEXT(last_port)                                                                            \
	{                                                                                          \
		.addr = { .family = IP_V4, .bytes = { 198, 18, 0, 1 } }, .port = last_port         \
	}

static const struct settings_route routes[] = {
	{ .domains = STRINGS(example_domains), .next_count = 1, .next = { NEXT(NEXT_TLS_PORT) }, .name = "next.test" },
	{ .domains = STRINGS(plain_domains), .next_count = 1, .next = { NEXT(NEXT_PLAIN_PORT) }, .name = "next.test" },
	{ .domains = STRINGS(strict_domains), .next_count = 1, .next = { NEXT(NEXT_PLAIN_PORT) }, .name = "next.test" },
	{ .domains = STRINGS(bank_domains), .next_count = 1, .next = { NEXT(NEXT_TLS_PORT) }, .name = "next.test" },
	{ .domains = STRINGS(second_domains),
	  .next_count = 2,
	  .next = { NEXT(NEXT_CLOSED_PORT), NEXT(NEXT_TLS_PORT) },
	  .name = "next.test" },
};

static const struct settings_tls_next next_rules[] = {
	{ .domains = STRINGS(strict_domains), .level = TLS_LEVEL_ENCRYPT, .minimum = SETTINGS_TLS_1_2,
	  .on_failure = SETTINGS_ON_FAILURE_DEFER },
	{ .domains = STRINGS(bank_domains), .level = TLS_LEVEL_VERIFY, .minimum = SETTINGS_TLS_1_3,
	  .on_failure = SETTINGS_ON_FAILURE_DEFER },
	{ .domains = STRINGS(any_domains), .level = TLS_LEVEL_OPPORTUNISTIC, .minimum = SETTINGS_TLS_1_2,
	  .on_failure = SETTINGS_ON_FAILURE_DEFER },
};

static const struct settings_content content_rules[] = {
	{ .name = "eicar", .literals = STRINGS(eicar_literals), .verdict = SETTINGS_VERDICT_REJECT },
};

static struct settings world;

static void listeners_fill(struct settings *s)
{
	struct ip_addr v4 = { .family = IP_V4, .bytes = { 198, 18, 0, 2 } };
	struct ip_addr v6 = { .family = IP_V6, .bytes = { 0x20, 0x01, 0, 2, 0, 0, 0, 1, [15] = 2 } };
	struct ip_addr addrs[] = { v4, v6 };
	s->listener_count = 0;
	for (unsigned i = 0; i < 2; i++) {
		s->listeners[s->listener_count++] = (struct settings_listener){
			.name = "inbound", .local = { addrs[i], 25 }, .tls = SETTINGS_NEAR_OFFER };
		s->listeners[s->listener_count++] = (struct settings_listener){
			.name = "smtps", .local = { addrs[i], 465 }, .tls = SETTINGS_NEAR_IMPLICIT };
	}
}

const struct settings *world_settings(const struct world_plan *plan)
{
	struct settings *s = &world;
	memset(s, 0, sizeof(*s));
	s->hostname = "weir.test";
	listeners_fill(s);
	s->route_count = COUNT_OF(routes);
	s->routes = routes;
	s->tls.next_count = COUNT_OF(next_rules);
	s->tls.next = next_rules;
	s->content_count = COUNT_OF(content_rules);
	s->content = content_rules;
	s->limits.message_bytes_max = 10u << 20;
	s->limits.recipients_max = 100;
	s->limits.next_idle_seconds = 30;
	s->limits.next_connections_max = plan->next_connections_max;
	s->limits.next_messages_max = plan->next_messages_max;
	s->timeouts.near_command_seconds = 300;
	s->timeouts.near_data_seconds = 180;
	s->timeouts.next_connect_seconds = 20;
	s->timeouts.next_command_seconds = 60;
	s->timeouts.next_final_seconds = 600;
	return s;
}

static uint32_t sometimes(struct prng *p, uint32_t per_mille, uint32_t max)
{
	return prng_chance(p, per_mille) ? (uint32_t)prng_below(p, max) + 1 : 0;
}

/* Swarm testing: each seed has a random subset of the faults, so that rare combinations are met on their own. */
void world_plan_make(uint64_t seed, struct world_plan *plan)
{
	static const uint64_t delays[] = { 20, 200, 5000, 40000, 150000 };
	struct prng p;
	prng_seed(&p, seed ^ 0x776f726c64u);
	memset(plan, 0, sizeof(*plan));
	plan->faults.delay_us = delays[prng_below(&p, COUNT_OF(delays))];
	plan->faults.jitter_us = prng_chance(&p, 500) ? plan->faults.delay_us / 2 + 1 : 0;
	plan->faults.lost = sometimes(&p, 400, 60);
	plan->faults.doubled = sometimes(&p, 300, 50);
	plan->faults.late = sometimes(&p, 300, 100);
	plan->faults.late_us_max = 4 * plan->faults.delay_us + 2000;
	plan->faults.corrupted = sometimes(&p, 250, 20);
	plan->bank_trusted = prng_chance(&p, 500);
	plan->ip6 = prng_chance(&p, 300);
	plan->messages = 10 + (uint32_t)prng_below(&p, 30);
	plan->connections = 1 + (uint32_t)prng_below(&p, 8);
	plan->near_tls = (enum gen_tls[]){ GEN_TLS_NONE, GEN_TLS_STARTTLS, GEN_TLS_STARTTLS,
		                           GEN_TLS_IMPLICIT }[prng_below(&p, 4)];
	plan->sender_abort = sometimes(&p, 300, 200);
	plan->sink_abort = sometimes(&p, 300, 200);
	plan->tls_fail = sometimes(&p, 200, 300);
	plan->park = sometimes(&p, 400, 800);
	plan->refuse = sometimes(&p, 300, 150);
	plan->slow = sometimes(&p, 200, 300);
	plan->pool_blocks = prng_chance(&p, 150) ? 96 + (uint32_t)prng_below(&p, 64) : 4096;
	plan->next_connections_max = prng_chance(&p, 300) ? 1 + (uint32_t)prng_below(&p, 2) : 64;
	plan->next_messages_max = sometimes(&p, 200, 3);
}
