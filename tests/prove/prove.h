/*
 * prove.h - claims about pure functions, for all inputs.
 *
 * A file here has one function, prove_once(): it draws values that may be anything, assumes what the contract of the
 * code demands, and claims. Under CBMC (./dev prove) that is a proof over all values, with every array access, pointer,
 * shift and loop bound checked as well. As an ordinary program, which is what ./dev test runs, the same claims
 * are tried on drawn values, edges more often than others.
 */
#ifndef WEIR_TESTS_PROVE_H
#define WEIR_TESTS_PROVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void prove_once(void);

#ifdef WEIR_PROVE /* ./dev prove */

uint32_t nondet_uint32_t(void);
#define ANY_U32() nondet_uint32_t()
#define ASSUME(fact) __CPROVER_assume(fact)
#define CLAIM(fact, text) __CPROVER_assert(fact, text)

#else

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/prng.h"

#define PROVE_DRAWS 2000000u

static struct prng prove_prng;

static inline uint32_t prove_draw(void)
{
	static const uint32_t edges[] = { 0, 1, 2, 8, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff };
	uint64_t v = prng_u64(&prove_prng);
	if (v % 4 == 0)
		return edges[v / 4 % COUNT_OF(edges)];
	return v % 4 == 1 ? (uint32_t)(v >> 56) : (uint32_t)(v >> 32);
}

#define ANY_U32() prove_draw()
#define ASSUME(fact)                                                                               \
	do {                                                                                       \
		if (!(fact))                                                                       \
			return;                                                                    \
	} while (0)
#define CLAIM(fact, text)                                                                          \
	do {                                                                                       \
		if (!(fact)) {                                                                     \
			printf("does not hold: %s\nprove: 0 passed, 1 failed\n", text);            \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

int main(void)
{
	prng_seed(&prove_prng, 1);
	for (uint32_t i = 0; i < PROVE_DRAWS; i++)
		prove_once();
	printf("prove: 1 passed, 0 failed\n");
	return 0;
}

#endif
#endif
