/*
 * sha256.h - SHA-256 (FIPS 180-4) as a stream (pure).
 *
 * The compression of whole blocks is a seam: the plain one here needs nothing, and the program puts
 * OpenSSL's in its place, which uses the processor's own instructions and is some five times as fast.
 * At 100 KiB a message the plain one would cost the generator more than the mail does.
 */
#ifndef WEIR_BENCH_GEN_SHA256_H
#define WEIR_BENCH_GEN_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define SHA256_BYTES 32u
#define SHA256_BLOCK_BYTES 64u

typedef void sha256_compress(uint32_t state[8], const uint8_t *blocks, size_t count);

struct sha256 {
	sha256_compress *compress;
	uint32_t state[8];
	uint64_t bytes;
	uint8_t block[SHA256_BLOCK_BYTES]; /* begun, not yet whole */
};

/* NULL: the plain one. */
void sha256_init(struct sha256 *h, sha256_compress *compress);
void sha256_add(struct sha256 *h, struct span s);
/* *h itself stays as it is, so that more may be added. */
void sha256_value(const struct sha256 *h, uint8_t value[SHA256_BYTES]);

void sha256_compress_plain(uint32_t state[8], const uint8_t *blocks, size_t count);

#endif
