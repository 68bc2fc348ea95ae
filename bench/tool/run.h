/*
 * run.h - one run: the crew started, watched to its end, wound up, reconciled, judged.
 */
#ifndef WEIR_BENCH_TOOL_RUN_H
#define WEIR_BENCH_TOOL_RUN_H

#include "bench/gen/crew.h"
#include "bench/gen/options.h"
#include "bench/tool/report.h"

struct run {
	const struct gen_options *o;
	struct crew crew;
	struct report *report;
	enum live_kind live;
	double begun;         /* on the clock of seconds_now() */
	double measured_from; /* 0: still warming up */
	struct gen_results first, last; /* as the measuring began; as the last moment ended */
	double first_busy[CREW_JOBS_MAX], last_busy;
	double first_used, last_at;
	double step; /* seconds between two moments that are kept */
	struct process_use process;
	double engine_busy;
};

/* Signals are watched from here on. False: it could not be started; the reason was printed. */
MUST_USE bool run_start(struct run *run, const struct gen_options *o, struct report *report);
/* To its end, whatever that is; the report is complete then, but for report_judge(). */
void run_finish(struct run *run);
void run_free(struct run *run);

/* For the search (saturation.c). */
double run_seconds(void);
void run_step(void);
bool run_interrupted(void);
/* Reads all jobs into the report: the whole run so far. */
void run_look(struct run *run);
/* The measuring begins now: what was before is warm-up. */
void run_measure(struct run *run);
/* It ends now: everything that grows is read, what was before is taken off. */
void run_measured(struct run *run);
/* Busy seconds of the busiest job since the measuring began, and of all of them. */
double run_busiest(const struct run *run);
void run_rate(struct run *run, double rate);
/* Shows and keeps a moment if it is time for one. */
void run_moment(struct run *run, const char *phase);

void saturation_search(struct run *run);

#endif
