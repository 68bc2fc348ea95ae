/*
 * job.h - one generator on one thread, and what the main thread may ask of it while it runs.
 *
 * The thread calls job_turn() over and over. The main thread writes orders and asks for snapshots,
 * the job answers them between two turns: nothing else is shared while it runs, but the ledger
 * (ledger.h).
 */
#ifndef WEIR_BENCH_GEN_JOB_H
#define WEIR_BENCH_GEN_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "bench/gen/gen.h"
#include "bench/gen/options.h"
#include "crypto-offload/tls.h"

enum job_order { JOB_RUN = 0, JOB_STOP, JOB_SHUT };

struct job {
	struct gen *gen;
	struct tls_engine *tls;
	void *memory;
	uint64_t (*busy_us)(void *owner); /* time this thread has worked, idle polls excluded */
	void *owner;
	/* the job's side */
	uint32_t order_seen;
	struct gen_results shot;
	uint64_t shot_busy_us;
	uint32_t shot_senders, shot_sinks, shot_crowd;
	uint32_t rates_seen;
	/* both sides, atomic */
	uint32_t order;
	uint32_t rates; /* how often another rate was asked for */
	uint64_t rate_per_1000s;
	uint32_t asked, given; /* snapshots */
	bool done, idle;
};

/* Job `index` of `count`: its share of messages, connections and rate; TLS engine and generator
 * over `net`. False with the reason in `error`. `ledger` is that of all jobs. */
MUST_USE bool job_make(struct job *j, const struct gen_options *o, uint32_t index, uint32_t count,
                       struct ledger *ledger, struct gen_net net, struct block_pool *pool,
                       struct instant now, char *error, size_t error_bytes);
void job_free(struct job *j); /* after its thread has ended */

bool job_turn(struct job *j, struct instant now);
struct instant job_deadline(const struct job *j);

/* By the main thread. */
void job_order(struct job *j, enum job_order order);
void job_rate(struct job *j, uint64_t rate_per_1000s); /* open loop; 0: no arrivals */
bool job_is_done(const struct job *j);
bool job_is_idle(const struct job *j);
/* Waits for the job's next turn, a second at most; the snapshot is then j->shot*. */
void job_look(struct job *j);

struct ledger *job_ledger(uint64_t messages); /* heap; NULL: none left */

#endif
