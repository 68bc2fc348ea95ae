/*
 * seeds.h - what both simulators' programs do with seeds: each that fails, by a CHECK or otherwise, is named.
 */
#ifndef WEIR_TESTS_SIM_SEEDS_H
#define WEIR_TESTS_SIM_SEEDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/check.h"

#define REPEAT_EVERY 50u /* such a seed is run twice and must leave the same trace */

static uint64_t seed_running;

static inline void seeds_check_told(const char *file, int line, const char *fact)
{
	printf("seed %llu: %s:%d: CHECK(%s) failed\n", (unsigned long long)seed_running, file, line, fact);
	fflush(stdout);
}

static inline void seeds_watch(void)
{
	check_hook_set(seeds_check_told);
	setvbuf(stdout, NULL, _IOLBF, 0);
}

/* Returns how many failed. */
static inline uint64_t seeds_run(const char *what, uint64_t first, uint64_t count, bool verbose,
                                 bool (*passes)(uint64_t seed, bool verbose))
{
	uint64_t failed = 0;
	printf("%s: seeds %llu to %llu\n", what, (unsigned long long)first, (unsigned long long)(first + count - 1));
	for (uint64_t i = 0; i < count; i++)
		failed += !passes(first + i, verbose);
	return failed;
}

static inline int seeds_end(const char *what, uint64_t count, uint64_t failed)
{
	printf("%s: %llu passed, %llu failed\n", what, (unsigned long long)(count - failed), (unsigned long long)failed);
	return failed != 0;
}

#endif
