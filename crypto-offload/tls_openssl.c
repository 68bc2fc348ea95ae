/*
 * tls_openssl.c - making, checking and freeing the OpenSSL engine of one worker.
 *
 * Everything is made at launch: the library context with its default provider, one SSL_CTX per
 * configured certificate, two for next, the name table, the ticket cipher, the cache of resumable
 * sessions and the slab of session structs. Nothing is read from disk afterwards, and openssl.cnf
 * is not read at all: what a worker speaks is in weir's own settings.
 *
 * Bounds: sessions_max, next_sessions_max, TLS_CERTIFICATES_MAX, TLS_NAMES_MAX. What OpenSSL
 * allocates per session comes from the heap and is bounded by sessions_max (README.md, "Memory").
 * Outcome: an engine, or NULL with a reason that names the file. Does not: reload (a new engine is
 * made and the old one freed), share anything with another engine, start threads.
 */
#include "crypto-offload/tls_openssl_int.h"

#include <openssl/provider.h>
#include <stdio.h>
#include <stdlib.h>

static bool engine_library_make(struct tls_engine *e, struct complaint *c);
static bool engine_contexts_make(struct tls_engine *e, const struct tls_openssl_config *config,
                                 struct complaint *c, int *which);
static bool near_contexts_make(struct tls_engine *e, const struct tls_openssl_config *config,
                               struct complaint *c, int *which);
static bool near_contexts_pair(struct tls_engine *e, const struct tls_openssl_config *config,
                               struct complaint *c, int *which);
static void engine_free(struct tls_engine *e);
static uint32_t engine_poll(struct tls_engine *e, struct instant now);
static bool engine_next_ready(struct tls_engine *e, uint64_t *user);

static const struct tls_ops openssl_ops = {
	.name = "openssl",
	.near_open = tls_session_near_open,
	.next_open = tls_session_next_open,
	.input = tls_session_input,
	.output = tls_session_output,
	.deadline = tls_session_deadline,
	.expire = tls_session_expire,
	.phase = tls_session_phase,
	.facts = tls_session_facts,
	.shut = tls_session_shut,
	.free = tls_session_free,
	.user_set = tls_session_user_set,
	.poll = engine_poll,
	.next_ready = engine_next_ready,
	.engine_free = engine_free,
};

static bool sessions_make(struct tls_engine *e, uint32_t sessions_max, struct complaint *c)
{
	size_t bytes = slab_memory_bytes(sizeof(struct session_slot), sessions_max);
	e->sessions_memory = aligned_alloc(64, bytes > 0 ? bytes : 64);
	if (e->sessions_memory == NULL) {
		tls_complain(c, "TLS sessions", "no memory");
		return false;
	}
	slab_init(&e->sessions, e->sessions_memory, sizeof(struct session_slot), sessions_max,
	          TLS_SESSION_MAGIC);
	return true;
}

struct tls_engine *tls_openssl_make(const struct tls_openssl_config *config,
				    struct block_pool *pool, char *error, size_t error_bytes)
{
	struct complaint c = { .text = error, .capacity = error_bytes };
	int which;
	struct tls_engine *e = calloc(1, sizeof(*e));
	if (e == NULL) {
		tls_complain(&c, "TLS engine", "no memory");
		return NULL;
	}
	e->head.ops = &openssl_ops;
	e->head.pool = pool;
	e->head.sessions_max = config->sessions_max;
	if (engine_contexts_make(e, config, &c, &which) && tls_verdict_make(e, &c) &&
	    tls_cache_make(&e->cache, e, config->next_sessions_max, &c) &&
	    sessions_make(e, config->sessions_max, &c))
		return e;
	engine_free(e);
	return NULL;
}

bool tls_openssl_check(const struct tls_openssl_config *config, int *which, char *error,
                       size_t error_bytes)
{
	struct complaint c = { .text = error, .capacity = error_bytes };
	*which = -1;
	struct tls_engine *e = calloc(1, sizeof(*e));
	if (e == NULL) {
		tls_complain(&c, "TLS engine", "no memory");
		return false;
	}
	bool good = engine_contexts_make(e, config, &c, which);
	engine_free(e);
	return good;
}

bool tls_openssl_check_file(enum tls_file kind, const char *path, char *error, size_t error_bytes)
{
	struct complaint c = { .text = error, .capacity = error_bytes };
	struct tls_engine *e = calloc(1, sizeof(*e));
	if (e == NULL) {
		tls_complain(&c, "TLS engine", "no memory");
		return false;
	}
	bool good = engine_library_make(e, &c) && tls_context_takes(e, kind, path, &c);
	engine_free(e);
	return good;
}

static bool engine_library_make(struct tls_engine *e, struct complaint *c)
{
	/* Without this the first SSL_CTX would read the system's openssl.cnf. */
	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	e->lib = OSSL_LIB_CTX_new();
	e->provider = e->lib == NULL ? NULL : OSSL_PROVIDER_load(e->lib, "default");
	e->bio_method = tls_bio_method();
	if (e->provider != NULL && e->bio_method != NULL)
		return true;
	tls_complain(c, "OpenSSL", "cannot be set up");
	return false;
}

/* *which is the certificate that is wrong, -1 when it is anything else. */
static bool engine_contexts_make(struct tls_engine *e, const struct tls_openssl_config *config,
                                 struct complaint *c, int *which)
{
	*which = -1;
	e->handshake_timeout_us = config->handshake_timeout_us;
	memcpy(e->ticket_key, config->ticket_key, sizeof(e->ticket_key));
	if (!engine_library_make(e, c))
		return false;
	if (!tls_ticket_make(e, c) || !near_contexts_make(e, config, c, which))
		return false;
	e->next_encrypt = tls_context_next(e, config, false, c);
	if (e->next_encrypt == NULL)
		return false;
	e->next_verify = tls_context_next(e, config, true, c);
	return e->next_verify != NULL;
}

static bool near_contexts_make(struct tls_engine *e, const struct tls_openssl_config *config,
                               struct complaint *c, int *which)
{
	CHECK(config->certificate_count <= TLS_CERTIFICATES_MAX);
	for (uint32_t i = 0; i < config->certificate_count; i++) {
		e->near[i] = tls_context_near(e, config, i, c);
		if (e->near[i] == NULL) {
			*which = (int)i;
			return false;
		}
		e->near_count++;
	}
	return tls_names_make(e, config, c, which) && near_contexts_pair(e, config, c, which);
}

static int context_key_type(const SSL_CTX *context)
{
	return EVP_PKEY_get_base_id(X509_get0_pubkey(SSL_CTX_get0_certificate(context)));
}

/* An ECDSA and an RSA certificate for the same names are one certificate to the operator:
 * whichever of the two is chosen, the other one is at hand for peers that need its algorithm. */
static bool near_contexts_pair(struct tls_engine *e, const struct tls_openssl_config *config,
                               struct complaint *c, int *which)
{
	int types[TLS_CERTIFICATES_MAX];
	for (uint32_t i = 0; i < e->near_count; i++)
		types[i] = context_key_type(e->near[i]);
	for (uint32_t i = 0; i < e->near_count; i++)
		for (uint32_t j = 0; j < e->near_count; j++) {
			if (types[j] == types[i] || !tls_names_same(&e->names, i, j))
				continue;
			if (!tls_context_near_beside(e->near[i], &config->certificates[j], c)) {
				*which = (int)j;
				return false;
			}
		}
	return true;
}

static void sessions_free(struct tls_engine *e)
{
	uint32_t slot = 0;
	struct session_slot *s;
	while ((s = slab_next(&e->sessions, &slot)) != NULL)
		tls_session_free(&s->session, false);
	free(e->sessions_memory);
}

/* Also of an engine that was made only in part. */
static void engine_free(struct tls_engine *e)
{
	if (e->sessions_memory != NULL)
		sessions_free(e);
	tls_cache_free(&e->cache);
	tls_verdict_free(e);
	tls_names_free(&e->names);
	for (uint32_t i = 0; i < e->near_count; i++)
		SSL_CTX_free(e->near[i]);
	SSL_CTX_free(e->next_verify);
	SSL_CTX_free(e->next_encrypt);
	EVP_CIPHER_free(e->ticket_cipher);
	BIO_meth_free(e->bio_method);
	OSSL_PROVIDER_unload(e->provider);
	OSSL_LIB_CTX_free(e->lib);
	OPENSSL_cleanse(e, sizeof(*e));
	free(e);
	tls_errors_clear();
}

/* OpenSSL answers at once: no operation of this engine is ever under way elsewhere. */
static uint32_t engine_poll(struct tls_engine *e, struct instant now)
{
	(void)e;
	(void)now;
	return 0;
}

static bool engine_next_ready(struct tls_engine *e, uint64_t *user)
{
	(void)e;
	(void)user;
	return false;
}

void tls_complain(struct complaint *c, const char *subject, const char *why)
{
	unsigned long error = ERR_peek_error();
	const char *reason = error == 0 ? NULL : ERR_reason_error_string(error);
	if (error != 0 && ERR_SYSTEM_ERROR(error))
		reason = strerror(ERR_GET_REASON(error));
	if (c->capacity > 0)
		snprintf(c->text, c->capacity, "%s: %s%s%s", subject, why,
			 reason != NULL ? ": " : "", reason != NULL ? reason : "");
	ERR_clear_error();
}
