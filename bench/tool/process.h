/*
 * process.h - what a process and all below it have used: CPU time and memory, from /proc.
 *
 * The time of children that have ended is in their parents' books once they were waited for, so that
 * a tree whose root reaps (as mail servers' do) is counted whole, kernel time included.
 */
#ifndef WEIR_BENCH_TOOL_PROCESS_H
#define WEIR_BENCH_TOOL_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

struct process_use {
	double user_seconds, system_seconds;
	uint64_t resident_bytes; /* proportional shares (PSS) where the kernel tells, else RSS */
	uint32_t processes;
};

/* False: there is no such process. */
MUST_USE bool process_look(uint32_t pid, struct process_use *use);

#endif
