/*
 * tls.h - TLS sessions as machines over byte queues, with the library behind an ops struct.
 *
 * One `struct tls_engine` per worker; nothing in it is shared with another worker (OpenSSL's contention is on
 * shared contexts). Two engines exist: tls_openssl (the real one) and tls_fake (the simulator's double: no
 * cryptography, same outcomes, any order of completion).
 *
 * A session stands between a connection's queues and an SMTP machine's queues:
 *
 *	cipher_in  (tcp_rx)  -> tls_input()  -> plain_in     the peer's bytes, decrypted
 *	plain_out            -> tls_output() -> cipher_out   (tcp_tx)
 *
 * Both verbs also carry the handshake on. tls_input() consumes from cipher_in only what it can finish, and
 * never puts more than plain_in_room bytes into plain_in; tls_output() never puts more than cipher_out_room bytes
 * into cipher_out. Either may be called at any time with nothing to do. After a call, look at the session's phase.
 *
 * "Parked" is an ordinary outcome: an asymmetric operation is on its way elsewhere. A parked session is not
 * entered again until tls_next_ready() names it, and not freed before: tls_free() of a parked session makes
 * it a zombie that the engine frees when the completion arrives.
 *
 * The handshake writes its flights and alerts into cipher_out even when it fails: the leg flushes them, then
 * closes. RFC 8446, 5246, 9325, 3207 6 (verification), 6125/9525 (names), 8446 2.2 (resumption, no early data).
 */
#ifndef WEIR_CRYPTO_OFFLOAD_TLS_H
#define WEIR_CRYPTO_OFFLOAD_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/blocks.h"
#include "base/check.h"
#include "base/instant.h"
#include "base/span.h"

#define TLS_NAME_BYTES 256u
#define TLS_REFERENCES_MAX 4u
#define TLS_HANDSHAKE_BYTES_MAX 65536u /* from the peer, before establishment */
#define TLS_KEY_UPDATES_MAX 16u        /* from the peer, per session */
#define TLS_EMPTY_RECORDS_MAX 32u      /* in a row */

enum tls_version { TLS_VERSION_1_2 = 1, TLS_VERSION_1_3 };

enum tls_phase {
	TLS_PHASE_HANDSHAKE = 1,
	TLS_PHASE_PARKED,      /* inside the handshake, waiting for a crypto completion */
	TLS_PHASE_ESTABLISHED,
	TLS_PHASE_PEER_CLOSED, /* close_notify received; we may still send */
	TLS_PHASE_FAILED,      /* tls_facts().failure says why; flush cipher_out, then close */
};

enum tls_failure {
	TLS_FAILURE_NONE = 0,
	TLS_FAILURE_PROTOCOL,      /* not TLS, bad record, unexpected message */
	TLS_FAILURE_VERSION,       /* no common version, or below the minimum */
	TLS_FAILURE_CIPHER,        /* no common cipher or group */
	TLS_FAILURE_ALERT,         /* the peer sent a fatal alert */
	TLS_FAILURE_UNTRUSTED,     /* no chain to a trusted root */
	TLS_FAILURE_NAME,          /* certificate for another name */
	TLS_FAILURE_EXPIRED,       /* outside its validity */
	TLS_FAILURE_CERTIFICATE,   /* any other verification error */
	TLS_FAILURE_LIMIT,         /* TLS_*_MAX reached */
	TLS_FAILURE_TIMEOUT,
	TLS_FAILURE_RESOURCES,     /* our memory: defer */
	TLS_FAILURE_COUNT
};
const char *tls_failure_name(enum tls_failure failure);

struct tls_facts {
	enum tls_failure failure;
	enum tls_version version;
	const char *version_text; /* "TLSv1.3"; lives as long as the engine */
	const char *cipher_text;  /* "TLS_AES_128_GCM_SHA256"; lives as long as the engine */
	bool resumed;
	bool verified;            /* chain and name were verified now or at the session's first handshake */
	const char *server_name;  /* SNI, "" when none; lives as long as the session */
	const char *peer_name;    /* subject of the peer's leaf for logs, "" when none; lives with the session */
	uint64_t handshake_us;    /* from open to established */
};

struct tls_queues {
	struct byteq *cipher_in;
	struct byteq *cipher_out;
	size_t cipher_out_room;
	struct byteq *plain_in;
	size_t plain_in_room;
	struct byteq *plain_out;
};

/* What we ask of a session as the client on next. */
struct tls_next_want {
	const char *server_name; /* SNI; NULL: none (address literals) */
	bool verify;             /* chain to the trust store and one of the reference names must match */
	uint32_t reference_count;
	const char *references[TLS_REFERENCES_MAX]; /* DNS names, or IP addresses in text form */
	enum tls_version minimum;
	enum tls_version maximum; /* 0: none; a traffic generator speaks old versions on purpose */
	uint64_t resumption_key; /* sessions are resumed only under the same key: group key x next host */
};

struct tls_engine; /* per worker, opaque */
struct tls_session;

enum tls_call_outcome {
	TLS_CALL_OK = 1,
	TLS_CALL_NO_ROOM, /* sessions_max reached, or no memory: back-pressure / defer */
};

struct tls_ops {
	const char *name;
	/* As server on near, with the certificate set of `certificate` (index as configured); SNI may choose another. */
	enum tls_call_outcome (*near_open)(struct tls_engine *e, uint32_t certificate, struct instant now,
	                                   struct tls_session **session);
	enum tls_call_outcome (*next_open)(struct tls_engine *e, const struct tls_next_want *want,
	                                   struct instant now, struct tls_session **session);
	void (*input)(struct tls_session *t, const struct tls_queues *q, struct instant now);
	void (*output)(struct tls_session *t, const struct tls_queues *q, struct instant now);
	struct instant (*deadline)(const struct tls_session *t); /* of the handshake; INSTANT_NEVER after */
	void (*expire)(struct tls_session *t, struct instant now);
	enum tls_phase (*phase)(const struct tls_session *t);
	void (*facts)(const struct tls_session *t, struct tls_facts *facts);
	/* Queue close_notify behind what tls_output() has taken; the next tls_output() writes it. */
	void (*shut)(struct tls_session *t);
	/* In any phase. `orderly`: the session may be resumed later. */
	void (*free)(struct tls_session *t, bool orderly);
	void (*user_set)(struct tls_session *t, uint64_t user);
	/* Finish what can be finished of parked operations; once per turn. Returns how many sessions became ready. */
	uint32_t (*poll)(struct tls_engine *e, struct instant now);
	/* The user word of a session whose parked operation is done; false when there is none. */
	bool (*next_ready)(struct tls_engine *e, uint64_t *user);
	void (*engine_free)(struct tls_engine *e);
};

/* Every engine's struct begins with this. */
struct tls_engine_head {
	const struct tls_ops *ops;
	struct block_pool *pool; /* the worker's; queues of all sessions use it */
	uint64_t handshakes_near, handshakes_next, resumed_near, resumed_next, parked;
	uint64_t chains_known; /* full handshakes on next whose chain had been found good before */
	uint64_t failures[TLS_FAILURE_COUNT];
	uint32_t sessions, sessions_max;
};

/* Every session's struct begins with this. */
struct tls_session_head {
	struct tls_engine *engine;
	uint64_t user;
};

static inline struct tls_engine_head *tls_engine_head(struct tls_engine *e)
{
	return (struct tls_engine_head *)(void *)e;
}
static inline const struct tls_ops *tls_ops_of(struct tls_engine *e)
{
	return tls_engine_head(e)->ops;
}
static inline const struct tls_ops *tls_session_ops(const struct tls_session *t)
{
	return tls_ops_of(((const struct tls_session_head *)(const void *)t)->engine);
}

static inline void tls_input(struct tls_session *t, const struct tls_queues *q, struct instant now)
{
	tls_session_ops(t)->input(t, q, now);
}
static inline void tls_output(struct tls_session *t, const struct tls_queues *q, struct instant now)
{
	tls_session_ops(t)->output(t, q, now);
}
static inline struct instant tls_deadline(const struct tls_session *t)
{
	return tls_session_ops(t)->deadline(t);
}
static inline void tls_expire(struct tls_session *t, struct instant now)
{
	tls_session_ops(t)->expire(t, now);
}
static inline enum tls_phase tls_phase(const struct tls_session *t)
{
	return tls_session_ops(t)->phase(t);
}
static inline void tls_facts(const struct tls_session *t, struct tls_facts *facts)
{
	tls_session_ops(t)->facts(t, facts);
}
static inline void tls_shut(struct tls_session *t)
{
	tls_session_ops(t)->shut(t);
}
static inline void tls_free(struct tls_session *t, bool orderly)
{
	tls_session_ops(t)->free(t, orderly);
}

#endif
