/*
 * tls_openssl_int.h - what the chapters of the OpenSSL engine share. Never included from outside.
 *
 *	tls_openssl.c          making, checking and freeing an engine; the ops table
 *	tls_openssl_context.c  the SSL_CTXs of near and next: versions, suites, groups, modes
 *	tls_openssl_names.c    which certificate answers which server name
 *	tls_openssl_ticket.c   the tickets we issue on near
 *	tls_openssl_verify.c   judging the next hop's certificate
 *	tls_openssl_verdict.c  chains that were found good before
 *	tls_openssl_cache.c    sessions we may resume on next
 *	tls_openssl_bio.c      OpenSSL's view of a connection's byte queues
 *	tls_openssl_session.c  one session: the four verbs
 *	tls_openssl_failure.c  OpenSSL's many reasons -> our few failures
 *	tls_openssl_memory.c   wiping what OpenSSL gives back
 */
#ifndef WEIR_CRYPTO_OFFLOAD_TLS_OPENSSL_INT_H
#define WEIR_CRYPTO_OFFLOAD_TLS_OPENSSL_INT_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdarg.h>

#include "base/prng.h"
#include "base/slab.h"
#include "crypto-offload/tls_openssl.h"

#define TLS_RECORD_PLAIN_MAX 16384u /* RFC 8446 5.1 */
#define TLS_RECORD_HEAD 5u
#define TLS_RECORD_CIPHER_MAX (TLS_RECORD_PLAIN_MAX + 256u) /* RFC 8446 5.2 */
/* What a record costs beyond its plaintext: 29 bytes in TLS 1.2 with GCM, 22 in 1.3; and the
 * answer to a KeyUpdate may go ahead of it (27). */
#define TLS_RECORD_OVERHEAD 64u
/* A record with fewer bytes than this is written only when plain_out holds no more. */
#define TLS_RECORD_SPARSE 1024u
/* An incomplete record is handed to OpenSSL (which then holds a 16 KiB buffer for it) from here
 * on. */
#define TLS_FEED_PARTIAL 8192u
#define TLS_HELD_BYTES 64u         /* an alert with its record */
#define TLS_POST_MESSAGES_MAX 32u  /* tickets and the like after establishment, per session */
#define TLS_NAMES_MAX 4096u        /* dNSNames of all configured certificates */
#define TLS_NEXT_SESSION_AGE_US (2 * 60 * MINUTE_US)
#define TLS_TICKET_LIFETIME_S 7200
#define TLS_VERDICTS_MAX 1024u /* per worker; a multiple of the ways */
#define TLS_VERDICT_WAYS 4u
#define TLS_VERDICT_AGE_US (60 * MINUTE_US)
#define TLS_VERDICT_DIGEST_BYTES 32u
#define TLS_SESSION_MAGIC 0x544c5353u

struct name_entry {
	char *name; /* lower case; "*.rest" for wildcards */
	uint32_t certificate;
};

struct name_table {
	struct name_entry *entries; /* sorted by name, then certificate */
	uint32_t count;
};

/* One remembered session; entries of a bucket are chained, all are on the LRU list. Indices + 1;
 * 0: none. */
struct cache_entry {
	SSL_SESSION *session; /* NULL: the entry is free */
	uint8_t *identity;
	size_t identity_bytes;
	uint64_t key;
	struct instant at;
	uint32_t bucket, chain_next;
	uint32_t newer, older;
};

struct session_cache {
	struct cache_entry *entries;
	uint32_t *buckets;
	uint32_t entries_max; /* 0: off */
	uint32_t bucket_mask;
	uint32_t newest, oldest;
	uint32_t free_head; /* chained through chain_next */
	uint32_t used;
	struct siphash_key hash_key;
};

/* A chain that was good, under the digest of all that this depends on. Zeroed: none. */
struct verdict_entry {
	uint8_t digest[TLS_VERDICT_DIGEST_BYTES];
	struct instant at, used;
	int64_t end_s; /* wall clock: when a certificate of the chain runs out */
};

struct verdict_cache {
	struct verdict_entry entries[TLS_VERDICTS_MAX];
	EVP_MD *sha256;
	EVP_MD_CTX *md; /* used within one call */
};

struct tls_verdict { /* of one verification, between asking and keeping */
	uint8_t digest[TLS_VERDICT_DIGEST_BYTES];
	bool usable;
};

struct tls_engine {
	struct tls_engine_head head;
	OSSL_LIB_CTX *lib;
	OSSL_PROVIDER *provider;
	BIO_METHOD *bio_method;
	EVP_CIPHER *ticket_cipher;
	uint32_t near_count;
	SSL_CTX *near[TLS_CERTIFICATES_MAX]; /* one per configured certificate */
	SSL_CTX *next_verify;
	SSL_CTX *next_encrypt; /* any certificate will do */
	struct name_table names;
	struct session_cache cache;
	struct verdict_cache verdicts;
	struct slab sessions;
	void *sessions_memory;
	uint64_t handshake_timeout_us;
	uint8_t ticket_key[80];
	struct instant now; /* of the call that is under way, for OpenSSL's callbacks */
	uint8_t scratch[TLS_RECORD_PLAIN_MAX];
};

/* What a session on next asked for, as bytes that compare: resumption is exact about it. */
struct tls_identity {
	uint8_t *bytes; /* verify, minimum, server name NUL, references NUL ... */
	size_t count;
};

struct tls_session {
	struct tls_session_head head;
	/* per call */
	SSL *ssl;
	const struct tls_queues *queues; /* of the call that is under way, else NULL */
	size_t readable;      /* what OpenSSL may still take from cipher_in in this step */
	size_t writable;      /* what it may still put into cipher_out */
	size_t record_left;   /* of the record OpenSSL is in the middle of */
	size_t write_pending; /* plaintext of a record that cipher_out has not wholly taken */
	enum tls_phase phase;
	enum tls_failure failure;
	uint8_t server;                  /* we are the server: near */
	uint8_t verify;
	uint8_t started;
	uint8_t was_established;
	uint8_t wants_write;
	uint8_t shut_wanted, shut_done;
	uint8_t limit_hit;
	uint8_t held_bytes;
	/* counters of limits */
	uint32_t handshake_bytes;
	uint32_t key_updates, post_messages, empty_records;
	uint32_t messages; /* anything but application data, ever: tells empty records apart */
	/* rare */
	uint32_t certificate;
	struct instant opened;
	struct instant deadline;
	uint64_t handshake_us;
	uint64_t resumption_key;
	struct tls_identity identity;
	char *peer_name; /* made when first asked for */
	uint8_t held[TLS_HELD_BYTES];
};

/* A session's place in the slab; both heads want to be first. */
struct session_slot {
	struct slab_head slab;
	struct tls_session session;
};

/* Where making an engine complains to. */
struct complaint {
	char *text;
	size_t capacity;
};

/* "subject: why: OpenSSL's words"; empties the error queue. */
void tls_complain(struct complaint *c, const char *subject, const char *why);

/* context */
MUST_USE SSL_CTX *tls_context_near(struct tls_engine *e, const struct tls_openssl_config *config,
                                   uint32_t certificate, struct complaint *c);
/* May certificate `other` be loaded beside `context`'s own, for peers that cannot do its
 * algorithm? */
MUST_USE bool tls_context_near_beside(SSL_CTX *context, const struct tls_certificate_files *other,
                                      struct complaint *c);
MUST_USE SSL_CTX *tls_context_next(struct tls_engine *e, const struct tls_openssl_config *config,
                                   bool verify, struct complaint *c);

/* Would a context take that file by itself? */
MUST_USE bool tls_context_takes(struct tls_engine *e, enum tls_file kind, const char *path,
                                struct complaint *c);

/* names */
MUST_USE bool tls_names_make(struct tls_engine *e, const struct tls_openssl_config *config,
                             struct complaint *c, int *which);
void tls_names_free(struct name_table *names);
/* The certificate for a server name; `listener` when it covers the name too, or when none does. */
uint32_t tls_names_find(const struct name_table *names, const char *server_name, uint32_t listener);
/* Do two certificates answer for exactly the same names? */
bool tls_names_same(const struct name_table *names, uint32_t a, uint32_t b);
int tls_names_callback(SSL *ssl, int *alert, void *engine);

/* tickets */
MUST_USE bool tls_ticket_make(struct tls_engine *e, struct complaint *c);
int tls_ticket_callback(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                        EVP_MAC_CTX *mac, int encrypt);

/* verification */
MUST_USE bool tls_verify_trust(SSL_CTX *context, struct tls_engine *e, const char *file,
                               struct complaint *c);
int tls_verify_callback(X509_STORE_CTX *store, void *unused);
int tls_verify_skip_callback(X509_STORE_CTX *store, void *unused);
MUST_USE bool tls_identity_make(struct tls_identity *identity, const struct tls_next_want *want);
void tls_identity_free(struct tls_identity *identity);
const char *tls_identity_server_name(const struct tls_identity *identity);

/* verdicts */
MUST_USE bool tls_verdict_make(struct tls_engine *e, struct complaint *c);
void tls_verdict_free(struct tls_engine *e);
/* Was this very chain good for this very want? Either way *verdict is what tls_verdict_keep() takes. */
MUST_USE bool tls_verdict_known(struct tls_engine *e, X509_STORE_CTX *store,
				struct tls_verdict *verdict);
/* It was found good now. */
void tls_verdict_keep(struct tls_engine *e, X509_STORE_CTX *store,
		      const struct tls_verdict *verdict);

/* sessions for resumption on next */
MUST_USE bool tls_cache_make(struct session_cache *cache, struct tls_engine *e,
			     uint32_t entries_max, struct complaint *c);
void tls_cache_free(struct session_cache *cache);
/* The caller frees it; NULL: none that may be used. */
SSL_SESSION *tls_cache_find(struct session_cache *cache, const struct tls_session *t,
                            struct instant now);
/* Takes the reference over. */
void tls_cache_keep(struct session_cache *cache, const struct tls_session *t, SSL_SESSION *session,
                    struct instant now);
void tls_cache_forget(struct session_cache *cache, const struct tls_session *t);
int tls_cache_new_callback(SSL *ssl, SSL_SESSION *session);

/* bio */
MUST_USE BIO_METHOD *tls_bio_method(void);
/* Moves what the BIO holds back into cipher_out as far as there is room. */
void tls_bio_flush_held(struct tls_session *t);

/* failures */
/* Of the OpenSSL call that just failed; empties the error queue. */
enum tls_failure tls_failure_of_errors(const struct tls_session *t);
enum tls_failure tls_failure_of_verification(long result);
void tls_errors_clear(void);

/* memory */
/* What contexts must ask of OpenSSL so that plaintext is wiped. */
uint64_t tls_memory_options(void);

/* sessions */
enum tls_call_outcome tls_session_near_open(struct tls_engine *e, uint32_t certificate,
                                            struct instant now, struct tls_session **session);
enum tls_call_outcome tls_session_next_open(struct tls_engine *e, const struct tls_next_want *want,
                                            struct instant now, struct tls_session **session);
void tls_session_input(struct tls_session *t, const struct tls_queues *q, struct instant now);
void tls_session_output(struct tls_session *t, const struct tls_queues *q, struct instant now);
struct instant tls_session_deadline(const struct tls_session *t);
void tls_session_expire(struct tls_session *t, struct instant now);
enum tls_phase tls_session_phase(const struct tls_session *t);
void tls_session_facts(const struct tls_session *t, struct tls_facts *facts);
void tls_session_shut(struct tls_session *t);
void tls_session_free(struct tls_session *t, bool orderly);
void tls_session_user_set(struct tls_session *t, uint64_t user);
void tls_session_message_callback(int sent, int version, int type, const void *bytes, size_t count,
                                  SSL *ssl, void *session);

#endif
