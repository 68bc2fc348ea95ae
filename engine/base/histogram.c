/*
 * histogram.c - log-linear durations. See histogram.h.
 *
 * Values below 2 * HISTOGRAM_STEPS have a cell each; above, the top eight bits of the value choose the cell.
 */
#include "base/histogram.h"

static uint32_t cell_of(uint64_t us)
{
	if (us < 2 * HISTOGRAM_STEPS)
		return (uint32_t)us;
	unsigned octave = 63u - (unsigned)__builtin_clzll(us); /* >= 8 */
	unsigned shift = octave - 7;
	uint64_t cell = (uint64_t)shift * HISTOGRAM_STEPS + (us >> shift);
	return cell < HISTOGRAM_CELLS ? (uint32_t)cell : HISTOGRAM_CELLS - 1;
}

/* The largest value that falls into a cell. */
static uint64_t cell_bound(uint32_t cell)
{
	if (cell < 2 * HISTOGRAM_STEPS)
		return cell;
	unsigned shift = cell / HISTOGRAM_STEPS - 1;
	uint64_t mantissa = cell - (uint64_t)shift * HISTOGRAM_STEPS;
	return ((mantissa + 1) << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t us)
{
	h->count++;
	h->sum_us += us;
	h->max_us = us > h->max_us ? us : h->max_us;
	h->over_target += us > BUDGET_TARGET_US;
	h->over_limit += us > BUDGET_LIMIT_US;
	h->cells[cell_of(us)]++;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	into->count += from->count;
	into->sum_us += from->sum_us;
	into->max_us = from->max_us > into->max_us ? from->max_us : into->max_us;
	into->over_target += from->over_target;
	into->over_limit += from->over_limit;
	for (uint32_t i = 0; i < HISTOGRAM_CELLS; i++)
		into->cells[i] += from->cells[i];
}

void histogram_since(struct histogram *h, const struct histogram *earlier)
{
	uint32_t last = 0;
	h->count -= earlier->count;
	h->sum_us -= earlier->sum_us;
	h->over_target -= earlier->over_target;
	h->over_limit -= earlier->over_limit;
	for (uint32_t i = 0; i < HISTOGRAM_CELLS; i++) {
		h->cells[i] -= earlier->cells[i];
		last = h->cells[i] > 0 ? i : last;
	}
	if (h->count == 0)
		h->max_us = 0;
	else if (last < HISTOGRAM_CELLS - 1 && cell_bound(last) < h->max_us)
		h->max_us = cell_bound(last);
}

uint64_t histogram_percentile(const struct histogram *h, uint32_t per_100k)
{
	uint64_t rank = (h->count * per_100k + 99999) / 100000;
	uint64_t seen = 0;
	if (h->count == 0)
		return 0;
	rank = rank == 0 ? 1 : rank;
	for (uint32_t i = 0; i < HISTOGRAM_CELLS; i++) {
		seen += h->cells[i];
		if (seen >= rank)
			return cell_bound(i) < h->max_us && i < HISTOGRAM_CELLS - 1 ? cell_bound(i) : h->max_us;
	}
	return h->max_us;
}

/* Just above a budget bound the exact count knows more than the cells: a count never falls as `us` grows. */
static uint64_t at_least_the_budget(const struct histogram *h, uint64_t us, uint64_t seen)
{
	uint64_t known = us > BUDGET_LIMIT_US  ? h->count - h->over_limit :
	                 us > BUDGET_TARGET_US ? h->count - h->over_target :
	                                         0;
	return seen > known ? seen : known;
}

uint64_t histogram_at_most(const struct histogram *h, uint64_t us)
{
	uint64_t seen = 0;
	if (us >= h->max_us)
		return h->count;
	if (us == BUDGET_TARGET_US)
		return h->count - h->over_target;
	if (us == BUDGET_LIMIT_US)
		return h->count - h->over_limit;
	for (uint32_t i = 0; i < HISTOGRAM_CELLS - 1 && cell_bound(i) <= us; i++)
		seen += h->cells[i]; /* not the last cell: it also holds what is longer */
	return at_least_the_budget(h, us, seen);
}
