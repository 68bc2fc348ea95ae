/*
 * conn_desk.h - questions about a worker's connections, answered by the worker itself: it owns them, so nobody else
 * may look.
 *
 * One desk per worker, one question at a time. Who asks (a thread of telemetry; a lock of its own keeps askers
 * apart) writes the question and waits; the worker looks at the desk once a turn, which is one load, and answers
 * at the end of it: one connection, or CONN_DESK_ROWS of those in CONN_DESK_SLOTS places, so that the work of a
 * turn is bounded. No lock: whose turn it is stands in one word.
 *
 * An asker that loses patience takes its question back, unless the worker is just answering.
 */
#ifndef WEIR_RUN_CONN_DESK_H
#define WEIR_RUN_CONN_DESK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/instant.h"
#include "tcp/tcp.h"

#define CONN_DESK_ROWS 32u         /* connections told in one answer */
#define CONN_DESK_SLOTS 512u       /* places looked at for them: some 50 us when all miss the cache */
#define CONN_DESK_PATIENCE_MS 1000u /* a worker that takes longer for a turn is stalled */

struct conn_ask {
	bool rows; /* those from `slot` on; else the one named `id` */
	uint32_t port;
	uint32_t slot;
	struct handle id;
};

struct conn_answer {
	bool found; /* the port exists; of one connection: so does it */
	int64_t wall_us; /* when record.last was, in microseconds since 1970 */
	struct black_box_record record;
	struct tcp_info info;
	bool more; /* rows: ask again, from `slot` on */
	uint32_t slot;
	uint32_t count;
	struct tcp_row rows[CONN_DESK_ROWS];
};

struct conn_desk {
	uint32_t state; /* enum desk_state, atomic: who may touch the rest */
	struct conn_ask ask;
	struct conn_answer answer;
};

/* The worker's side. True when there was a question. */
bool conn_desk_turn(struct conn_desk *d, struct tcp_stack *const *stacks, uint32_t stack_count, struct instant now,
                    int64_t wall_us);
/* The other side, one caller at a time. False: the worker did not answer in time. */
MUST_USE bool conn_desk_ask(struct conn_desk *d, const struct conn_ask *ask, struct conn_answer *answer);

#endif
