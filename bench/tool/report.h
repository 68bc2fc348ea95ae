/*
 * report.h - what a run has found: filled by run.c, shown by live.c (while it runs), table.c (after it)
 * and report_json.c (for machines, and for the page that weir-bench report makes).
 */
#ifndef WEIR_BENCH_TOOL_REPORT_H
#define WEIR_BENCH_TOOL_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/gen/gen.h"
#include "bench/gen/options.h"
#include "bench/tool/engine.h"
#include "bench/tool/process.h"

#define REPORT_MOMENTS_MAX 600u
#define REPORT_TRIALS_MAX 40u
#define REPORT_DOUBTS_MAX 8u
#define REPORT_DOUBT_BYTES 160u
#define REPORT_BUSY_PERCENT_MAX 80.0 /* above, the generator itself may be what is measured */
#define REPORT_SLIP_US_MAX 1000u

struct moment { /* one interval of a run */
	double at, seconds; /* its end since the start, and its length */
	uint64_t messages, bytes, handshakes, connections, refused, failed;
	uint64_t in_flight, crowd;
	uint64_t p50_us, p99_us, max_us;
	double busy_percent;
};

struct trial { /* one rate of a search for saturation */
	double rate, reached;
	double within_share;
	uint64_t p50_us, p99_us, p999_us, max_us;
	double busy_percent;
	uint64_t failed;
	bool held;
	const char *why; /* it did not hold */
};

struct report {
	struct gen_results results;  /* of the whole run; totals when it is over */
	struct gen_results measured; /* without the warm-up */
	double seconds, measured_seconds;
	double busy_percent; /* of the busiest thread, while it was measured */
	double busy_seconds; /* of all threads, while it was measured */
	double drained_seconds;    /* from the start to when nearly all was delivered, if that came later */
	double total_busy_seconds; /* of all threads, from the start to then */
	double used_seconds; /* CPU time of this program while it was measured, as the kernel counts it */
	uint32_t threads;
	uint32_t senders, sinks, crowd; /* connections open */
	uint32_t moment_count;
	struct moment moments[REPORT_MOMENTS_MAX];
	uint32_t trial_count;
	struct trial trials[REPORT_TRIALS_MAX];
	double saturation; /* messages a second; 0: none found, or not searched */
	bool process_seen, engine_seen;
	struct process_use process; /* while it was measured; memory at its end */
	double engine_busy_seconds;
	char engine_before[ENGINE_TEXT_BYTES], engine_after[ENGINE_TEXT_BYTES];
	bool stopped_by_trouble, interrupted;
	bool accounted, valid;
	uint32_t doubt_count;
	char doubts[REPORT_DOUBTS_MAX][REPORT_DOUBT_BYTES];
};

/* Connections that ended badly, of any kind. */
uint64_t report_failed(const struct gen_results *r);
/* Messages that have an outcome. */
uint64_t report_over(const struct gen_results *r);
/* What makes the figures doubtful, in words; sets accounted and valid. Once, at the end. */
void report_judge(const struct gen_options *o, struct report *r);

void report_table(FILE *to, const struct gen_options *o, const struct report *r);
MUST_USE bool report_json(const char *path, const struct gen_options *o, const struct report *r);

/* The view while it runs; `r` holds what was seen last, `now` the whole run so far. */
enum live_kind { LIVE_NONE = 1, LIVE_LINES, LIVE_SCREEN };
void live_begin(enum live_kind kind, const struct gen_options *o);
void live_show(enum live_kind kind, const struct gen_options *o, const struct report *r,
               const char *phase);
void live_end(enum live_kind kind);

/* results "since": running counts and phases of `now` minus `before`. */
void results_since(struct gen_results *now, const struct gen_results *before);

#endif
