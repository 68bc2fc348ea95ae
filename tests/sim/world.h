/*
 * world.h - the whole engine under one seed and virtual time.
 *
 * Three hosts on one wire: `near` (senders), `weir` (stack, fake TLS, plain matcher, policy, relay: everything but
 * DPDK and OpenSSL) and `next` (sinks). Senders and sinks are those of the traffic generator. One seed chooses the faults
 * of the wire and of the peers, the mix of messages and the settings, and reproduces the run exactly.
 */
#ifndef WEIR_TESTS_SIM_WORLD_H
#define WEIR_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blocks.h"
#include "base/prng.h"
#include "base/recorder.h"
#include "bench/gen/gen.h"
#include "policy/content.h"
#include "policy/policy.h"
#include "relay/relay.h"
#include "tcp/tcp.h"
#include "wire.h"

enum domain { /* of recipients; each stands for one policy */
	DOMAIN_EXAMPLE, /* opportunistic; next offers STARTTLS */
	DOMAIN_PLAIN,   /* opportunistic; next offers no TLS */
	DOMAIN_STRICT,  /* encrypt; next offers no TLS: nothing may arrive */
	DOMAIN_BANK,    /* verify; next's certificate is trusted or not, by seed */
	DOMAIN_SECOND,  /* opportunistic; the first candidate refuses connections */
	DOMAIN_COUNT
};

struct world_plan { /* what a seed chose */
	struct wire_faults faults;
	bool bank_trusted;
	bool ip6;
	uint32_t messages, connections;
	enum gen_tls near_tls;
	uint32_t sender_abort, sink_abort, tls_fail, park, refuse, slow;
	uint32_t pool_blocks; /* of weir: few of them now and then */
	uint32_t next_connections_max;
	uint32_t next_messages_max;
};

struct world_result {
	bool ok;
	char why[200]; /* the first invariant that did not hold */
	uint64_t trace;
	struct instant end;
	struct ledger_totals totals;
	uint64_t steps, frames;
};

/* Runs one seed from an empty world to an empty world. `verbose` prints the plan and the totals. */
void world_run(uint64_t seed, bool verbose, struct world_result *result);
void world_plan_make(uint64_t seed, struct world_plan *plan);
/* The settings of weir in this world; strings and arrays are static. */
const struct settings *world_settings(const struct world_plan *plan);

#endif
