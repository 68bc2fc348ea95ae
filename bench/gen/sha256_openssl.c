/*
 * sha256_openssl.c - whole blocks through OpenSSL's SHA-256, which uses the processor's own
 * instructions where it has them.
 *
 * Only the old interface lets a caller keep the state himself (the new one allocates for each
 * message); it is deprecated, and there.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "bench/gen/sha256_openssl.h"

#include <openssl/sha.h>
#include <string.h>

void sha256_compress_openssl(uint32_t state[8], const uint8_t *blocks, size_t count)
{
	SHA256_CTX c = { .md_len = SHA256_DIGEST_LENGTH };
	memcpy(c.h, state, sizeof(c.h));
	SHA256_Update(&c, blocks, count * SHA256_BLOCK_BYTES);
	memcpy(state, c.h, sizeof(c.h));
}
