/*
 * report.h - what weir-gen shows: the progress line, the table at the end, the JSON file.
 */
#ifndef WEIR_BENCH_GEN_REPORT_H
#define WEIR_BENCH_GEN_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/gen/gen.h"
#include "bench/gen/options.h"

struct report {
	struct gen_results results; /* of all jobs; totals when the run is over */
	double seconds;             /* from the start to the last outcome */
	double busy_percent;        /* of the busiest thread */
	uint32_t threads;
	uint32_t senders, sinks; /* connections open */
};

/* One line over the last one; `rate` is that since the last time. */
void report_progress(FILE *to, const struct gen_options *o, const struct report *r, double rate);
void report_progress_end(FILE *to);
void report_table(FILE *to, const struct gen_options *o, const struct report *r);
MUST_USE bool report_json(const char *path, const struct gen_options *o, const struct report *r);

#endif
