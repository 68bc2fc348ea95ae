/*
 * tls_fake_int.h - what the chapters of the fake share: tls_fake.c (sessions, engine, parking),
 * tls_fake_handshake.c and tls_fake_record.c (records on the wire). Never included from outside.
 */
#ifndef WEIR_CRYPTO_OFFLOAD_TLS_FAKE_INT_H
#define WEIR_CRYPTO_OFFLOAD_TLS_FAKE_INT_H

#include "base/prng.h"
#include "base/slab.h"
#include "crypto-offload/tls_fake.h"

#define FAKE_MAGIC 0x46414b45u
#define FAKE_MASK 0xA5u
#define FAKE_RECORD_MAX 16384u /* payload of a data record, as in TLS */
#define FAKE_HEAD 5u
#define FAKE_MESSAGE_MAX 600u  /* payload of a handshake or alert record */
#define FAKE_FLIGHT_MAX 1400u  /* two messages and an alert */
#define FAKE_SPARSE 1024u      /* as the real engine: no smaller record while more is waiting */
#define FAKE_PARTIAL 8192u /* a data record is opened when whole, or when this much of it is here */
#define FAKE_TICKETS 64u

enum fake_type { FAKE_ALERT = 21, FAKE_HANDSHAKE = 22, FAKE_DATA = 23 };
enum fake_message { FAKE_CLIENT_HELLO = 1, FAKE_SERVER_HELLO, FAKE_FINISHED, FAKE_TICKET };
enum fake_alert {
	FAKE_CLOSE_NOTIFY = 0,
	FAKE_UNEXPECTED = 10,
	FAKE_BAD_CERTIFICATE = 42,
	FAKE_UNKNOWN_CA = 48,
	FAKE_PROTOCOL_VERSION = 70,
};

/* What a session does next in its handshake. */
enum fake_step {
	FAKE_SEND_CLIENT_HELLO = 1,
	FAKE_AWAIT_CLIENT_HELLO,
	FAKE_ANSWER_CLIENT_HELLO, /* may have been parked before */
	FAKE_AWAIT_SERVER_HELLO,
	FAKE_JUDGE_SERVER_HELLO, /* may have been parked before */
	FAKE_AWAIT_FINISHED,
	FAKE_DONE, /* established when the flight is out */
};

struct fake_ticket {
	uint64_t key;      /* resumption key and identity, hashed; 0: none */
	uint64_t value;    /* the server's */
};

struct fake_engine {
	struct tls_engine_head head;
	struct tls_fake_config config;
	struct prng prng;
	struct slab sessions;
	struct fake_session *parked; /* waiting for their completion, zombies among them */
	struct fake_session *ready;  /* completed, not yet named */
	struct fake_ticket tickets[FAKE_TICKETS];
};

struct fake_session {
	struct tls_session_head head;
	const struct tls_queues *queues; /* of the call that is under way */
	size_t writable;
	enum tls_phase phase;
	enum tls_failure failure;
	enum fake_step step;
	bool server, verify, doomed, zombie, parked, resumed, established, shut_wanted, shut_done;
	enum tls_version version, peer_maximum, peer_minimum, minimum;
	bool peer_trusted, peer_resumes;
	uint64_t peer_ticket;
	uint64_t ticket_key;
	uint32_t empty_records, handshake_bytes;
	size_t open_left; /* of the data record that is being delivered */
	struct instant opened, deadline, ready_at;
	uint64_t handshake_us;
	struct fake_session *next_parked;
	uint32_t reference_count;
	size_t flight_bytes;
	uint8_t flight[FAKE_FLIGHT_MAX];
	char server_name[TLS_NAME_BYTES];
	char peer_name[TLS_NAME_BYTES];
	char references[TLS_REFERENCES_MAX][TLS_NAME_BYTES];
};

struct fake_slot {
	struct slab_head slab;
	struct fake_session session;
};

static inline struct fake_session *fake_session(struct tls_session *t)
{
	return (struct fake_session *)(void *)t;
}
static inline const struct fake_session *fake_session_const(const struct tls_session *t)
{
	return (const struct fake_session *)(const void *)t;
}
static inline struct fake_engine *fake_engine(struct tls_engine *e)
{
	return (struct fake_engine *)(void *)e;
}

/* Ends the session; fake_fault() tells the peer as well. */
void fake_fail(struct fake_session *s, enum tls_failure failure);
void fake_fault(struct fake_session *s, enum tls_failure failure, enum fake_alert alert);
void fake_alert_receive(struct fake_session *s, struct span payload);

/* Carries the handshake on as far as what is in cipher_in allows. */
void fake_handshake_carry(struct fake_session *s, struct instant now);
/* Where a client's ticket for this session is, or would be. */
struct fake_ticket *fake_ticket_place(struct fake_session *s);

/* Queues a record in the flight; false when it has no place there. */
bool fake_message_send(struct fake_session *s, enum fake_type type, struct span payload);
void fake_alert_send(struct fake_session *s, enum fake_alert alert);
/* Moves the flight into cipher_out as far as there is room. */
void fake_flight_flush(struct fake_session *s);
/* Frames plain_out into data records as far as cipher_out has room for whole ones. */
void fake_data_send(struct fake_session *s);

enum fake_read { FAKE_READ_NOTHING = 1, FAKE_READ_MESSAGE, FAKE_READ_DATA, FAKE_READ_GARBAGE };
/* Takes the next handshake or alert record (unmasked into `payload`, FAKE_MESSAGE_MAX bytes), or
 * opens the next data record: s->open_left bytes of cipher_in are then its payload. */
enum fake_read fake_record_read(struct fake_session *s, enum fake_type *type, uint8_t *payload,
                                size_t *payload_bytes);
/* Unmasks what is here of the open data record into plain_in; returns the bytes. */
size_t fake_data_deliver(struct fake_session *s, size_t room);

#endif
