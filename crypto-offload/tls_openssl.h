/*
 * tls_openssl.h - making the real TLS engine of one worker (OpenSSL 3.5, its own OSSL_LIB_CTX).
 *
 * Made at launch on the main thread or on the worker's own thread; used by one thread only ever after.
 */
#ifndef WEIR_CRYPTO_OFFLOAD_TLS_OPENSSL_H
#define WEIR_CRYPTO_OFFLOAD_TLS_OPENSSL_H

#include "crypto-offload/tls.h"

#define TLS_CERTIFICATES_MAX 64u

struct tls_certificate_files { /* PEM */
	const char *name;  /* the operator's name for it, for messages */
	const char *chain; /* leaf first */
	const char *key;
};

struct tls_openssl_config {
	uint32_t certificate_count;
	struct tls_certificate_files certificates[TLS_CERTIFICATES_MAX];
	const char *trust;              /* PEM bundle for verification on next; NULL: the system's */
	enum tls_version near_minimum;
	bool near_no_tickets;           /* nobody resumes with us: for measuring full handshakes */
	uint64_t handshake_timeout_us;  /* 30 s */
	uint32_t sessions_max;          /* near and next together */
	uint8_t ticket_key[80];         /* near tickets: shared by all workers so that any of them resumes */
	uint32_t next_sessions_max;     /* resumption cache on next, entries; 0: off */
};

/* Makes OpenSSL's frees wipe its record buffers, fast, in the whole process. To be called once, as the very first
 * thing that touches OpenSSL. False: something allocated before; sessions then wipe in OpenSSL's own, slow way. */
bool tls_openssl_wiping_install(void);

/* NULL on failure, with the reason (file and OpenSSL's words) in `error`. */
MUST_USE struct tls_engine *tls_openssl_make(const struct tls_openssl_config *config,
                                             struct block_pool *pool, char *error, size_t error_bytes);

/* Could make use this file, whatever becomes of the others? For `weir -t`, which names every bad one. A trust of NULL
 * is the system's. False: the reason (file and OpenSSL's words) is in `error`. */
enum tls_file { TLS_FILE_CHAIN = 1, TLS_FILE_KEY, TLS_FILE_TRUST };
MUST_USE bool tls_openssl_check_file(enum tls_file kind, const char *path, char *error, size_t error_bytes);

/* Reads chain, key and trust and checks that they fit together, as make would; for `weir -t`. True when good.
 * `which` names what is wrong: the index of the certificate, or -1 for the trust bundle. */
MUST_USE bool tls_openssl_check(const struct tls_openssl_config *config, int *which, char *error,
                                size_t error_bytes);

#endif
