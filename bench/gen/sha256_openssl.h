/*
 * sha256_openssl.h - OpenSSL's compression for the seam in sha256.h.
 */
#ifndef WEIR_BENCH_GEN_SHA256_OPENSSL_H
#define WEIR_BENCH_GEN_SHA256_OPENSSL_H

#include "bench/gen/sha256.h"

sha256_compress sha256_compress_openssl;

#endif
