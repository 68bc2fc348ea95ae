/*
 * gen_rig.h - senders and sinks back to back under virtual time: two generators on the two stacks
 * of a wire that loses, delays and damages frames, with the TLS double on both sides and one ledger
 * over both.
 */
#ifndef WEIR_TESTS_GEN_RIG_H
#define WEIR_TESTS_GEN_RIG_H

#include <stdlib.h>
#include <string.h>

#include "bench/gen/gen.h"
#include "crypto-offload/tls_fake.h"
#include "tests/unit/tcp/rig.h"

#define GEN_RIG_MESSAGES 150u
#define GEN_RIG_TURNS_MAX 4000000u

struct gen_rig {
	struct rig_wire wire;
	struct tls_engine *tls[2];
	struct gen *sender, *sink;
	struct gen_config sender_config, sink_config;
	struct tls_fake_config fake;
	struct rig_faults faults;
	uint64_t messages;
	void *memory[6];
	unsigned memories;
};

static inline struct endpoint gen_rig_endpoint(uint16_t port)
{
	return (struct endpoint){ .addr = rig_addr("198.18.0.2"), .port = port };
}

/* What a test starts from; it changes what it is about. */
static inline void gen_rig_init(struct gen_rig *r, uint64_t seed)
{
	memset(r, 0, sizeof(*r));
	r->messages = GEN_RIG_MESSAGES;
	r->fake = (struct tls_fake_config){
		.seed = seed,
		.sessions_max = 64,
		.park_per_mille = 300,
		.park_us_max = 2000,
		.handshake_timeout_us = 30 * SECOND_US,
		.certificate_name = "next.test",
		.certificate_trusted = true,
		.version_max = TLS_VERSION_1_3,
	};
	struct mail_mix mix = {
		.seed = seed,
		.size_count = 3,
		.sizes = { { 0, 1 }, { 3000, 5 }, { 60000, 1 } },
		.domain_count = 2,
		.domains = { "example.test", "bank.test" },
		.domain_weights = { 4, 1 },
		.sender_domain = "gen.test",
		.hostile_per_mille = 100,
		.eicar_per_mille = 50,
	};
	r->sender_config.mix = r->sink_config.mix = mix;
	r->sender_config.sender = (struct gen_sender_config){
		.target_count = 1,
		.targets = { gen_rig_endpoint(25) },
		.connections = 8,
		.messages_per_connection = 3,
		.arrivals = GEN_CLOSED_LOOP,
		.tls_mode = GEN_TLS_STARTTLS,
		.tls_verify = true,
		.server_name = "next.test",
		.helo = "client.test",
		.pipelining = true,
		.recipients = 2,
		.attempts_max = 1,
		.retry_after_us = SECOND_US,
	};
	r->sink_config.sink = (struct gen_sink_config){
		.listener_count = 2,
		.listeners = { { .local = gen_rig_endpoint(25), .tls = GEN_TLS_STARTTLS },
		               { .local = gen_rig_endpoint(465), .tls = GEN_TLS_IMPLICIT } },
		.connections = 16,
		.hostname = "sink.test",
		.chunking = true,
	};
}

static inline void *gen_rig_memory(struct gen_rig *r, size_t bytes)
{
	void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
	if (memory == NULL)
		abort();
	memset(memory, 0xa5, bytes);
	r->memory[r->memories++] = memory;
	return memory;
}

static inline struct gen *gen_rig_gen(struct gen_rig *r, const struct gen_config *config)
{
	struct arena arena;
	arena_init(&arena, NULL, 0);
	(void)!gen_make(&arena, config, r->wire.now);
	size_t bytes = arena.used;
	arena_init(&arena, gen_rig_memory(r, bytes), bytes);
	struct gen *g = gen_make(&arena, config, r->wire.now);
	if (g == NULL || arena.used != bytes)
		abort();
	return g;
}

static inline void gen_rig_make(struct gen_rig *r)
{
	struct tcp_config a = rig_config(1), b = rig_config(2);
	a.time_wait_us = b.time_wait_us = 2 * SECOND_US;
	rig_wire_make(&r->wire, &a, &b, 8192, r->faults, r->fake.seed,
	              (struct instant){ .us = SECOND_US });
	for (unsigned i = 0; i < 2; i++) {
		r->fake.seed += i;
		r->tls[i] = tls_fake_make(&r->fake, &r->wire.end[i].pool,
		                          gen_rig_memory(r, tls_fake_bytes(&r->fake)));
	}
	struct arena arena;
	size_t ledger_bytes = 4096 + (size_t)r->messages * sizeof(struct ledger_row);
	arena_init(&arena, gen_rig_memory(r, ledger_bytes), ledger_bytes);
	struct ledger *ledger = ledger_make(&arena, r->messages);
	struct gen_config *s = &r->sender_config, *k = &r->sink_config;
	s->ledger = k->ledger = ledger;
	s->pool = &r->wire.end[0].pool;
	k->pool = &r->wire.end[1].pool;
	s->sender.net = gen_net_tcp(r->wire.end[0].stack);
	k->sink.net = gen_net_tcp(r->wire.end[1].stack);
	s->sender.tls = r->tls[0];
	k->sink.tls = r->tls[1];
	s->sender.message_count = r->messages;
	r->sender = gen_rig_gen(r, s);
	r->sink = gen_rig_gen(r, k);
}

static inline void gen_rig_turn(struct gen_rig *r)
{
	gen_turn(r->sender, r->wire.now);
	gen_turn(r->sink, r->wire.now);
	struct instant until = instant_earlier(gen_deadline(r->sender), gen_deadline(r->sink));
	until = instant_earlier(until, tls_fake_deadline(r->tls[0]));
	until = instant_earlier(until, tls_fake_deadline(r->tls[1]));
	/* a wheel's deadline is a lower bound to a tick: time must move on all the same */
	rig_turn(
		&r->wire,
		instant_earlier(instant_add(r->wire.now, MINUTE_US),
	                        until.us > r->wire.now.us ? until : instant_add(r->wire.now, 100)));
}

/* To the end of the senders, then to the end of all connections. False: it does not end. */
static inline bool gen_rig_run(struct gen_rig *r)
{
	uint32_t turns = 0;
	while (!gen_done(r->sender) && turns++ < GEN_RIG_TURNS_MAX)
		gen_rig_turn(r);
	if (!gen_done(r->sender))
		return false;
	gen_shut(r->sink, r->wire.now);
	while ((!gen_idle(r->sink) || !rig_is_empty(&r->wire.end[0]) ||
	        !rig_is_empty(&r->wire.end[1])) &&
	       turns++ < GEN_RIG_TURNS_MAX)
		gen_rig_turn(r);
	return gen_idle(r->sink) && gen_idle(r->sender);
}

static inline bool gen_rig_is_empty(const struct gen_rig *r)
{
	return rig_is_empty(&r->wire.end[0]) && rig_is_empty(&r->wire.end[1]) &&
	       tls_engine_head(r->tls[0])->sessions == 0 &&
	       tls_engine_head(r->tls[1])->sessions == 0 && gen_bytes_held(r->sender) == 0 &&
	       gen_bytes_held(r->sink) == 0;
}

static inline void gen_rig_free(struct gen_rig *r)
{
	rig_wire_free(&r->wire);
	for (unsigned i = 0; i < r->memories; i++)
		free(r->memory[i]);
}

#endif
