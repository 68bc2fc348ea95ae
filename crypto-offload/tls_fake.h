/*
 * tls_fake.h - the double of the TLS engine for the simulator and for tests: no cryptography.
 *
 * It frames records, exchanges hellos, "parks" and completes in an order chosen by the seed, and fails
 * as told. Its records are recognisable: a record's payload is masked with 0xA5, so that a test which looks for
 * plaintext on the wire does not find it.
 */
#ifndef WEIR_CRYPTO_OFFLOAD_TLS_FAKE_H
#define WEIR_CRYPTO_OFFLOAD_TLS_FAKE_H

#include "crypto-offload/tls.h"

struct tls_fake_config {
	uint64_t seed;
	uint32_t sessions_max;
	uint32_t park_per_mille;         /* how often a handshake step parks */
	uint64_t park_us_max;            /* for how long at most */
	uint64_t handshake_timeout_us;
	const char *certificate_name;    /* the name our near certificate carries; "" : none */
	bool certificate_trusted;        /* would a verifying client trust it */
	enum tls_version version_max;    /* what this side speaks at most */
	uint32_t fail_per_mille;         /* handshakes that fail with TLS_FAILURE_PROTOCOL */
};

/* `memory` of tls_fake_bytes() outlives the engine; no heap is used. */
size_t tls_fake_bytes(const struct tls_fake_config *config);
struct tls_engine *tls_fake_make(const struct tls_fake_config *config, struct block_pool *pool,
                                 void *memory);
/* When the next parked operation completes; INSTANT_NEVER when none is parked. For a clock that jumps. */
struct instant tls_fake_deadline(const struct tls_engine *e);

#endif
