/*
 * crew.h - the threads of a run: workers over DPDK ports, or one thread over kernel sockets.
 *
 * crew_*_start() makes everything and lets the jobs begin; control (main.c) then watches the jobs;
 * crew_*_stop() ends the threads, after which the jobs belong to the main thread until
 * crew_*_free().
 */
#ifndef WEIR_BENCH_GEN_CREW_H
#define WEIR_BENCH_GEN_CREW_H

#include "bench/gen/job.h"
#include "bench/gen/options.h"

#define CREW_JOBS_MAX 16u

struct crew {
	uint32_t count;
	struct job *jobs[CREW_JOBS_MAX];
	struct ledger *ledger;
};

MUST_USE bool crew_dpdk_start(struct crew *crew, const struct gen_options *o, char *error,
                              size_t error_bytes);
void crew_dpdk_stop(struct crew *crew);
void crew_dpdk_free(struct crew *crew);

MUST_USE bool crew_kernel_start(struct crew *crew, const struct gen_options *o, char *error,
                                size_t error_bytes);
void crew_kernel_stop(struct crew *crew);
void crew_kernel_free(struct crew *crew);

#endif
