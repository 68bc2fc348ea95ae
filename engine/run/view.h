/*
 * view.h - what control may see of the workers: pointers to counters and a few sampled numbers.
 *
 * The workers write these counters while control reads them; each is read whole, but two of them need not be of
 * the same moment. Metrics, telemetry and the health page are readings of the same view.
 */
#ifndef WEIR_RUN_VIEW_H
#define WEIR_RUN_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/blocks.h"
#include "base/histogram.h"
#include "crypto-offload/tls.h"
#include "pmd-config/plan.h"
#include "policy/content.h"
#include "relay/relay.h"
#include "run/label.h"
#include "run/port_io.h"
#include "run/worker.h"
#include "tcp/tcp.h"

struct view_stack {
	const char *port;
	const struct port_counters *io;
	const struct tcp_counters *tcp;
	const struct exception_counters *exception; /* NULL: there is no exception path */
	uint32_t connections, time_waits;
};

struct view_worker {
	uint32_t index;
	uint16_t lcore;
	bool stalled;      /* its loop did not turn in the last second */
	double busy_ratio; /* busy time as a share of the last second */
	const struct worker_counters *loop;
	uint32_t stack_count;
	struct view_stack stacks[WORKER_PORTS_MAX];
	const uint64_t *relay; /* RELAY_COUNTER_COUNT of them */
	uint32_t sessions, nexts;
	const struct histogram *budget[RELAY_STAGE_COUNT + 1]; /* the last: of whole messages */
	const struct block_pool *pool;
	const struct arena *memory; /* its ledger says what was reserved; NULL: nothing is told */
	uint32_t connections_max;
	const struct tls_engine_head *tls; /* NULL: no TLS */
	const struct content_head *content;
	uint64_t reports_lost, conn_reports_lost;
};

struct view {
	const char *version;
	uint64_t tsc_hz;
	int64_t started_us; /* since 1970 */
	bool draining;
	uint64_t stalls;
	uint64_t log_lines, log_lines_dropped;
	uint64_t conn_files_written, conn_files_failed;
	uint32_t worker_count;
	struct view_worker workers[PLAN_LCORES_MAX];
};

static inline uint64_t view_read(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* All workers together; `stage` RELAY_STAGE_COUNT: whole messages, called "message". */
void view_budget(const struct view *view, enum relay_stage stage, struct histogram *sum);
struct label view_stage_name(enum relay_stage stage);

#endif
