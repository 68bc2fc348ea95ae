/*
 * totals.h - the ledger's totals as one list, for the table and for the JSON file.
 */
#ifndef WEIR_BENCH_TOOL_TOTALS_H
#define WEIR_BENCH_TOOL_TOTALS_H

#include "bench/tool/report.h"

#define TOTALS 16u

struct total {
	const char *key, *text;
	uint64_t value;
};

void totals_of(const struct gen_results *r, struct total totals[TOTALS]);

#endif
