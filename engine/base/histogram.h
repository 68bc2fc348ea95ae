/*
 * histogram.h - durations in microseconds, log-linear: 128 steps an octave (0.8 % error), fixed memory,
 * mergeable; with exact counts over the two bounds that the message budget names (10 ms, 15 ms).
 */
#ifndef WEIR_BASE_HISTOGRAM_H
#define WEIR_BASE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS 128u
#define HISTOGRAM_OCTAVES 26u /* 0 .. 2^32 us = 71 minutes; longer counts in the last step */
#define HISTOGRAM_CELLS (HISTOGRAM_STEPS * HISTOGRAM_OCTAVES)
#define BUDGET_TARGET_US 10000u
#define BUDGET_LIMIT_US 15000u

struct histogram {
	uint64_t count;
	uint64_t sum_us;
	uint64_t max_us;
	uint64_t over_target; /* > BUDGET_TARGET_US */
	uint64_t over_limit;  /* > BUDGET_LIMIT_US */
	uint64_t cells[HISTOGRAM_CELLS];
};

void histogram_add(struct histogram *h, uint64_t us);
void histogram_merge(struct histogram *into, const struct histogram *from);
/* What was added between two readings of one histogram: `earlier` out of `h`. The longest of them is known
 * to its cell only. */
void histogram_since(struct histogram *h, const struct histogram *earlier);
/* The smallest cell bound that at least per_100k/100000 of the values do not exceed; 0 when empty.
 * p99.9 is 99900. Never above the exact maximum. */
uint64_t histogram_percentile(const struct histogram *h, uint32_t per_100k);
/* How many values are <= us: exact for the budget bounds, else to the cell. For Prometheus buckets. */
uint64_t histogram_at_most(const struct histogram *h, uint64_t us);

#endif
