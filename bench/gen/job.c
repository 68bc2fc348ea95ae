/*
 * job.c - making, turning and asking one generator (job.h).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* getrandom */
#endif
#include "bench/gen/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "bench/gen/sha256_openssl.h"
#include "crypto-offload/tls_openssl.h"

#define HANDSHAKE_TIMEOUT_US (30 * SECOND_US)
#define RESUMPTIONS_MAX 1024u
#define LOOK_STEP_NS 200000
#define LOOK_STEPS_MAX 5000u

static bool tls_make(struct job *j, const struct gen_options *o, const struct gen_config *c,
                     struct block_pool *pool, char *error, size_t error_bytes);

static uint64_t share(uint64_t total, uint32_t index, uint32_t count)
{
	return total * (index + 1) / count - total * index / count;
}

static void *memory_of(size_t bytes)
{
	return aligned_alloc(ARENA_ALIGN, (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN);
}

struct ledger *job_ledger(uint64_t messages)
{
	struct arena arena;
	arena_init(&arena, NULL, 0);
	if (ledger_make(&arena, messages) != NULL)
		return NULL;
	size_t bytes = arena.used;
	void *memory = memory_of(bytes);
	arena_init(&arena, memory, bytes);
	return memory == NULL ? NULL : ledger_make(&arena, messages);
}

bool job_make(struct job *j, const struct gen_options *o, uint32_t index, uint32_t count,
              struct ledger *ledger, struct gen_net net, struct block_pool *pool,
              struct instant now, char *error, size_t error_bytes)
{
	struct gen_config c = o->config;
	uint64_t messages = o->config.sender.message_count;
	c.ledger = ledger;
	c.pool = pool;
	c.sender.message_first = messages * index / count;
	c.sender.message_count = share(messages, index, count);
	c.sender.connections = (uint32_t)share(c.sender.connections, index, count);
	c.sender.connections += c.sender.connections == 0;
	c.sender.rate_per_1000s = share(c.sender.rate_per_1000s, index, count);
	c.crowd.connections = (uint32_t)share(c.crowd.connections, index, count);
	c.sink.bad_certificate = 1;
	c.mix.sha256 = sha256_compress_openssl;
	if (c.sender.target_count > 0)
		c.sender.net = net;
	if (c.sink.listener_count > 0)
		c.sink.net = net;
	if (o->tls_wanted && !tls_make(j, o, &c, pool, error, error_bytes))
		return false;
	c.sender.tls = c.sink.tls = j->tls;
	struct arena arena;
	arena_init(&arena, NULL, 0);
	struct gen *none = gen_make(&arena, &c, now);
	size_t bytes = arena.used;
	j->memory = none == NULL ? memory_of(bytes) : NULL;
	arena_init(&arena, j->memory, bytes);
	j->gen = j->memory == NULL ? NULL : gen_make(&arena, &c, now);
	if (j->gen == NULL)
		snprintf(error, error_bytes, "cannot listen on all sinks, or no memory (%zu KiB)",
		         bytes / 1024);
	return j->gen != NULL;
}

static bool tls_make(struct job *j, const struct gen_options *o, const struct gen_config *c,
                     struct block_pool *pool, char *error, size_t error_bytes)
{
	struct tls_openssl_config config = {
		.certificate_count = o->chain == NULL ? 0 : o->bad_chain == NULL ? 1 : 2,
		.trust = o->trust,
		.near_minimum = TLS_VERSION_1_2,
		.near_no_tickets = o->sink_no_tickets,
		.handshake_timeout_us = HANDSHAKE_TIMEOUT_US,
		.sessions_max = c->sender.connections + c->sink.connections + c->crowd.connections,
		.next_sessions_max = c->sender.resume_per_mille > 0 ? RESUMPTIONS_MAX : 0,
	};
	config.certificates[0] =
		(struct tls_certificate_files){ .name = "sink", .chain = o->chain, .key = o->key };
	config.certificates[1] = (struct tls_certificate_files){ .name = "bad",
		                                                 .chain = o->bad_chain,
		                                                 .key = o->bad_key };
	if (getrandom(config.ticket_key, sizeof(config.ticket_key), 0) !=
	    (ssize_t)sizeof(config.ticket_key)) {
		snprintf(error, error_bytes, "no random bytes from the system");
		return false;
	}
	j->tls = tls_openssl_make(&config, pool, error, error_bytes);
	return j->tls != NULL;
}

void job_free(struct job *j)
{
	if (j->tls != NULL)
		tls_ops_of(j->tls)->engine_free(j->tls);
	free(j->memory);
}

/* ---- on its thread ---- */

bool job_turn(struct job *j, struct instant now)
{
	uint32_t order = __atomic_load_n(&j->order, __ATOMIC_ACQUIRE);
	if (order != j->order_seen) {
		if (order == JOB_STOP)
			gen_stop(j->gen, now);
		if (order == JOB_SHUT)
			gen_shut(j->gen, now);
		j->order_seen = order;
	}
	uint32_t rates = __atomic_load_n(&j->rates, __ATOMIC_ACQUIRE);
	if (rates != j->rates_seen) {
		gen_rate(j->gen, j->rate_per_1000s, now);
		j->rates_seen = rates;
	}
	bool busy = gen_turn(j->gen, now);
	__atomic_store_n(&j->done, gen_done(j->gen), __ATOMIC_RELEASE);
	__atomic_store_n(&j->idle, gen_idle(j->gen), __ATOMIC_RELEASE);
	uint32_t asked = __atomic_load_n(&j->asked, __ATOMIC_ACQUIRE);
	if (asked != j->given) {
		j->shot = *gen_running(j->gen);
		j->shot_busy_us = j->busy_us(j->owner);
		j->shot_senders = gen_senders(j->gen);
		j->shot_sinks = gen_sinks(j->gen);
		j->shot_crowd = gen_crowd_held(j->gen);
		__atomic_store_n(&j->given, asked, __ATOMIC_RELEASE);
	}
	return busy;
}

struct instant job_deadline(const struct job *j)
{
	return gen_deadline(j->gen);
}

/* ---- from the main thread ---- */

void job_order(struct job *j, enum job_order order)
{
	__atomic_store_n(&j->order, (uint32_t)order, __ATOMIC_RELEASE);
}

void job_rate(struct job *j, uint64_t rate_per_1000s)
{
	j->rate_per_1000s = rate_per_1000s;
	__atomic_store_n(&j->rates, j->rates + 1, __ATOMIC_RELEASE);
}

bool job_is_done(const struct job *j)
{
	return __atomic_load_n(&j->done, __ATOMIC_ACQUIRE);
}

bool job_is_idle(const struct job *j)
{
	return __atomic_load_n(&j->idle, __ATOMIC_ACQUIRE);
}

void job_look(struct job *j)
{
	uint32_t asked = j->asked + 1;
	const struct timespec step = { .tv_nsec = LOOK_STEP_NS };
	__atomic_store_n(&j->asked, asked, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < LOOK_STEPS_MAX; i++) {
		if (__atomic_load_n(&j->given, __ATOMIC_ACQUIRE) == asked)
			return;
		nanosleep(&step, NULL);
	}
}
