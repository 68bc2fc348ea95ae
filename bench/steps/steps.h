/*
 * steps.h - what single steps of the engine cost: each is prepared, then measured, in batches.
 *
 * A step's `prepare` makes whatever one batch needs and is not counted; `batch` does `operations`
 * operations and nothing else. The harness (micro.c) counts cycles around it, and instructions through
 * callgrind where the machine has no counters.
 */
#ifndef WEIR_BENCH_STEPS_STEPS_H
#define WEIR_BENCH_STEPS_STEPS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/blocks.h"
#include "base/check.h"
#include "base/instant.h"

struct step {
	const char *name, *unit; /* "tcp-input", "segment" */
	const char *what;
	void (*make)(void); /* once */
	void (*prepare)(void);
	void (*batch)(void);
	uint32_t operations; /* of one batch */
};

extern const struct step steps_smtp[], steps_policy[], steps_tcp[], steps_tls[];
extern const uint32_t steps_smtp_count, steps_policy_count, steps_tcp_count, steps_tls_count;

/* Stops the program: a benchmark that cannot be set up measures nothing. */
void steps_need(bool good, const char *what);
/* Files of a certificate for sink.gen.test, made when it is first wanted; gone with the program. */
void steps_certificate(const char **chain, const char **key);
void *steps_memory(size_t bytes); /* zeroed, 4 KiB aligned, never given back */
struct block_pool *steps_pool(uint32_t blocks);
void steps_nothing(void); /* to be prepared where nothing has to be */
extern volatile uint64_t steps_sink; /* results go here, so that no compiler leaves them out */

#endif
