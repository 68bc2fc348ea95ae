/*
 * prng.h - seeded random numbers (xoshiro256**), and SipHash-2-4 for keys that a peer can choose.
 *
 * Randomness is an argument: workers seed theirs from the operating system, the simulator from its one seed.
 * The generator is not for secrets; what must be unpredictable (ISN, ports, flow hash) goes through
 * siphash() under a key that came from the operating system.
 */
#ifndef WEIR_BASE_PRNG_H
#define WEIR_BASE_PRNG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct prng {
	uint64_t state[4];
};

void prng_seed(struct prng *p, uint64_t seed);
uint64_t prng_u64(struct prng *p);
/* Uniform in 0..bound-1; bound >= 1. */
uint64_t prng_below(struct prng *p, uint64_t bound);
/* True `per_mille` times in a thousand. */
bool prng_chance(struct prng *p, uint32_t per_mille);

struct siphash_key {
	uint64_t k0;
	uint64_t k1;
};

uint64_t siphash(struct siphash_key key, struct span s);
/* Public, unkeyed 64-bit hash (FNV-1a) for keys no peer can choose; start with HASH_START and chain. */
#define HASH_START 0xcbf29ce484222325u
uint64_t hash_bytes(uint64_t hash, struct span s);

#endif
