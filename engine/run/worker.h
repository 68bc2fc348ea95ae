/*
 * worker.h - one lcore's loop: frames in, machines, frames out. The clock is read here, once per turn.
 *
 * The same loop carries weir's relay and the traffic generator: both are a `struct worker_app`.
 */
#ifndef WEIR_RUN_WORKER_H
#define WEIR_RUN_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/blocks.h"
#include "base/check.h"
#include "base/histogram.h"
#include "base/instant.h"
#include "base/recorder.h"
#include "run/exception.h"
#include "run/port_io.h"
#include "tcp/tcp.h"

#define WORKER_PORTS_MAX 8u
#define WORKER_OUTPUT_MAX 256u     /* frames sent per stack and turn: bounds the length of a turn */
#define WORKER_SLEEP_SHARE 8u      /* a sleep lasts an eighth of the time without work so far ... */
#define WORKER_SLEEP_LEAST_US 50u  /* ... is not worth it below this, where the worker spins: waking takes as long ... */
#define WORKER_SLEEP_MOST_US 200u  /* ... and lasts no longer than this */

struct worker_app {
	void *app;
	/* One turn; true when there was anything to do. wall_us: microseconds since 1970. */
	bool (*turn)(void *app, struct instant now, int64_t wall_us);
	/* One long piece of work, after the frames of a turn with something to do were sent; true when there was any.
	 * NULL: there never is. */
	bool (*chore)(void *app, struct instant now);
	/* Nothing to do before this instant unless frames arrive. */
	struct instant (*deadline)(void *app);
};

enum worker_stage { /* of a turn, in its order */
	WORKER_STAGE_RECEIVE = 0, /* the driver and TCP's input */
	WORKER_STAGE_MACHINES,    /* TLS records, SMTP, content, policy */
	WORKER_STAGE_TIMERS,
	WORKER_STAGE_SEND,  /* TCP's output and the driver */
	WORKER_STAGE_CHORE, /* a step of a TLS handshake, and what it has to send */
	WORKER_STAGE_COUNT
};

struct worker_counters {
	uint64_t turns, busy_turns;
	uint64_t busy_cycles, total_cycles; /* a turn that did any work is busy; sleeping counts in neither */
	uint64_t sleeps;
	uint64_t longest_turn_us;
	uint64_t stage_cycles[WORKER_STAGE_COUNT]; /* of busy turns */
};

struct worker {
	uint32_t index;
	uint16_t lcore;
	bool idle_busy; /* false: sleeps a little when nothing happens (adaptive) */
	uint32_t port_count;
	struct port_queue *queues[WORKER_PORTS_MAX];
	struct tcp_stack *stacks[WORKER_PORTS_MAX];
	struct tcp_config tcp_configs[WORKER_PORTS_MAX];
	struct exception exceptions[WORKER_PORTS_MAX];
	uint32_t worker_count;
	struct worker_app app;
	struct recorder *recorder;
	struct block_pool *pool;
	struct worker_counters counters; /* read by control */
	uint64_t longest_turn_cycles;
	uint64_t stage_ends[WORKER_STAGE_COUNT]; /* of the turn under way */
	bool stop;                       /* set by control */
	int64_t wall_offset_us;          /* set by control now and then: clock_wall_offset_us() */
};

/* Takes recorder, block pool and one TCP stack per port out of the arena; queues and tcp_configs are filled in
 * before. False when it does not fit; with a counting arena true, and *w is not usable yet. */
MUST_USE bool worker_make(struct arena *arena, struct worker *w, uint32_t blocks, struct instant now);

/* The loop; returns when w->stop was set. Fits rte_eal_remote_launch(). */
int worker_run(void *worker);

#endif
