/*
 * engine.h - everything of a running weir in one place: made by launch.c, watched by control.c.
 *
 * Main makes one, zeroed; it lives as long as the process. What a worker writes while it runs lies behind pointers
 * in its arena; the fields here are the main thread's, but for those marked.
 */
#ifndef WEIR_RUN_ENGINE_H
#define WEIR_RUN_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "policy/content.h"
#include "policy/match_hs.h"
#include "policy/policy.h"
#include "policy/settings.h"
#include "relay/relay.h"
#include "run/conn_desk.h"
#include "run/conn_files.h"
#include "run/dpdk_start.h"
#include "run/log.h"
#include "run/report_ring.h"
#include "run/view.h"
#include "run/worker.h"

struct engine_worker {
	struct worker worker;
	struct arena arena; /* its ledger is the memory table */
	struct relay *relay;
	struct tls_engine *tls;
	struct content *content;
	struct report_ring reports;      /* transactions */
	struct report_ring conn_reports; /* connections that ended in disorder */
	struct conn_desk desk;
	bool drain;   /* set by control, read by the worker at its turn (atomic) */
	bool drained; /* the worker's: relay_drain() was called */
	/* control's watch, once a second; read by telemetry's thread too (atomic) */
	uint64_t watched_turns, watched_busy_cycles, watched_cycles;
	uint32_t busy_ppm;
	bool stalled;
};

struct engine {
	const char *version;
	const struct settings *settings;
	struct policy *policy;
	struct match_hs_database *database;
	struct dpdk_want want;
	struct dpdk dpdk;
	uint8_t ticket_key[80];
	uint32_t worker_count; /* launched */
	struct engine_worker workers[PLAN_LCORES_MAX];
	struct log *log;
	struct conn_files conn_files;
	int64_t started_us;
	bool draining;
	uint64_t stalls;
};

/* Fills a view of the running engine. */
void engine_view(struct engine *e, struct view *view);
/* The relay as the worker loop's application. */
struct worker_app engine_app(struct engine_worker *w);

#endif
