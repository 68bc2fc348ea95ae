/*
 * client.h - the next side's SMTP machine: replies in, events out, commands and the body out.
 *
 * Byte's path: after relay/verdict, before crypto-offload/session and tcp/output.
 *
 * Requests are queued by the caller when the machine can take them (smtp_client_can()); commands
 * are sent together where the next hop offers PIPELINING (RFC 2920) and one at a time where not.
 * Each request's reply arrives as one CLIENT_REPLY event carrying which request it answers, in
 * order. The machine greets and says EHLO (HELO where EHLO is refused with 5yz) by itself and
 * reports CLIENT_READY.
 *
 * The body is handed over unstuffed, CRLF lines; the machine stuffs dots or frames BDAT chunks, and
 * keeps the end back until smtp_client_body_end(): that call is the commit (the final CRLF.CRLF or
 * `BDAT 0 LAST`). A body that does not end in CRLF gets one in DATA mode only (RFC 3030: BDAT
 * content stays as it is).
 *
 * Some events need no further byte (the made-up 354): call input, with an empty span if there is
 * nothing else, until CLIENT_NONE. At CLIENT_TLS_GO the leg calls input once more if its plaintext
 * queue is not empty: any byte there is CLIENT_FAULT_INJECTION.
 *
 * RFC 5321, 1870, 2034, 2920, 3030, 3207, 6152, 6531.
 */
#ifndef WEIR_SMTP_CLIENT_H
#define WEIR_SMTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blocks.h"
#include "base/check.h"
#include "base/instant.h"
#include "base/recorder.h"
#include "base/span.h"
#include "smtp/address.h"
#include "smtp/client_state.h"
#include "smtp/ehlo.h"
#include "smtp/mail.h"
#include "smtp/reply.h"

#define SMTP_CLIENT_REPLY_BYTES_MAX 65536u /* of one reply, all lines; more is a fault */
#define SMTP_CLIENT_REPLY_LINE_MAX 2048u   /* RFC 5321 4.5.3.1.5 says 512; real servers say more */
#define SMTP_CLIENT_BACKLOG_BYTES 65536u   /* of framed content not yet moved out; more is not taken */
#define SMTP_CLIENT_CHUNK_BYTES 65536u     /* content of one BDAT, at most; less when the pool runs low */
#define SMTP_CLIENT_CHUNK_LOW_BYTES 8192u  /* with less than a quarter of the pool free */
#define SMTP_CLIENT_CHUNKS_MAX 48u         /* BDAT chunks unanswered: 3 MiB a round trip, 40 Mbit/s over 600 ms */
#define SMTP_CLIENT_COMMAND_BYTES_MAX 512u /* of a command of ours, at most */

struct smtp_client_config {
	struct span helo;              /* our name in EHLO; outlives the machine */
	uint64_t greeting_timeout_us;  /* RFC 5321 4.5.3.2.1: 5 min; inside RCPT we want 20 s */
	uint64_t command_timeout_us;   /* EHLO, MAIL, RCPT, RSET, STARTTLS */
	uint64_t data_timeout_us;      /* reply to DATA: 2 min */
	uint64_t final_timeout_us;     /* reply to the final dot: 10 min */
	bool chunking;                 /* use BDAT where offered */
	struct recorder *recorder;     /* may be NULL */
};

/* Phases, rows of phases.def; the machine's own, named here for logs and tests. */
enum smtp_client_phase {
	CLIENT_PHASE_NONE = 0,
#define CLIENT_PHASE(name, text) CLIENT_PHASE_##name,
#include "smtp/phases.def"
	CLIENT_PHASE_COUNT
};

enum smtp_request {
	SMTP_REQUEST_GREETING = 1, /* the banner: awaited, not sent */
	SMTP_REQUEST_EHLO,
	SMTP_REQUEST_HELO,
	SMTP_REQUEST_STARTTLS,
	SMTP_REQUEST_MAIL,
	SMTP_REQUEST_RCPT,
	SMTP_REQUEST_DATA,
	SMTP_REQUEST_CHUNK, /* a BDAT that is not the last; positive replies are not reported */
	SMTP_REQUEST_END,   /* final dot or BDAT LAST */
	SMTP_REQUEST_RSET,
	SMTP_REQUEST_QUIT,
	SMTP_REQUEST_COUNT
};

enum smtp_client_event_kind {
	CLIENT_NONE = 1,
	CLIENT_READY,    /* greeted; extensions known. Comes again after TLS. */
	CLIENT_REPLY,    /* event.request was answered: event.reply. Also for a refused greeting/EHLO/HELO. */
	CLIENT_TLS_GO,   /* 220 to STARTTLS and no byte behind it: start TLS, then smtp_client_tls_started() */
	CLIENT_FAULT,    /* the next hop broke the protocol (event.fault): abandon the connection */
};

enum smtp_client_fault {
	CLIENT_FAULT_NONE = 0,
	CLIENT_FAULT_SYNTAX,       /* a line that is no reply, or codes differ within one reply */
	CLIENT_FAULT_LONG,         /* reply over SMTP_CLIENT_REPLY_BYTES_MAX or line too long */
	CLIENT_FAULT_UNASKED,      /* a reply nobody waits for */
	CLIENT_FAULT_INJECTION,    /* bytes behind the 220 to STARTTLS in plaintext (CVE-2021-38371 class) */
	CLIENT_FAULT_TIMEOUT,
	CLIENT_FAULT_COUNT
};

struct smtp_client_event {
	enum smtp_client_event_kind kind;
	enum smtp_request request;
	const struct smtp_reply *reply; /* borrowed until the next call */
	enum smtp_client_fault fault;
};

void smtp_client_init(struct smtp_client *c, const struct smtp_client_config *config,
                      struct block_pool *pool, struct instant now);
void smtp_client_fini(struct smtp_client *c);

MUST_USE size_t smtp_client_input(struct smtp_client *c, struct span bytes, struct instant now,
                                  struct smtp_client_event *event);
/* Moves commands (and framed body) that may be sent now to `out`, up to `room` bytes; returns bytes
 * moved. */
size_t smtp_client_output(struct smtp_client *c, struct byteq *out, size_t room,
                          struct instant now);
struct instant smtp_client_deadline(const struct smtp_client *c);
/* True when the deadline passed: the fault is CLIENT_FAULT_TIMEOUT, abandon the connection. */
MUST_USE bool smtp_client_expire(struct smtp_client *c, struct instant now);

/* May this request be queued now (state and bound)? */
bool smtp_client_can(const struct smtp_client *c, enum smtp_request request);
void smtp_client_starttls(struct smtp_client *c, struct instant now);
void smtp_client_tls_started(struct smtp_client *c, struct instant now); /* says EHLO again */
/* Implicit TLS: nothing differs but that STARTTLS is never offered. Call directly after init. */
void smtp_client_tls_implicit(struct smtp_client *c);
/* Parameters the next hop does not offer are left out; the relay has checked what must not be. */
void smtp_client_mail(struct smtp_client *c, const struct smtp_mail *mail, struct instant now);
void smtp_client_rcpt(struct smtp_client *c, const struct smtp_mailbox *recipient,
                      struct instant now);
/* DATA, or nothing visible where BDAT is used: then CLIENT_REPLY for SMTP_REQUEST_DATA comes at the
 * next input/output call with a made-up 354. */
void smtp_client_data(struct smtp_client *c, struct instant now);
bool smtp_client_uses_bdat(const struct smtp_client *c);
/* Content that may be sent right now; returns how much of it was taken (0: no room or no blocks;
 * keep it). */
MUST_USE size_t smtp_client_body(struct smtp_client *c, struct span content, struct instant now);
/* The commit. Nothing happens where a chunk was refused (CLIENT_REPLY for SMTP_REQUEST_CHUNK):
 * abandon. A chunk refused after this call is reported as the answer to SMTP_REQUEST_END, and the
 * machine resets by itself, as if smtp_client_abandon() had been called. */
void smtp_client_body_end(struct smtp_client *c, struct instant now);
/* Has the commit's last byte been moved to the leg's queue by smtp_client_output()? */
bool smtp_client_committed(const struct smtp_client *c);
/* Abandon a transaction before commit. False: only closing the connection can (inside DATA). True:
 * nothing was begun, or RSET is on its way: no reply is reported until CLIENT_REPLY for
 * SMTP_REQUEST_RSET; a positive one makes the connection idle again. */
MUST_USE bool smtp_client_abandon(struct smtp_client *c, struct instant now);
/* Says QUIT where the state allows it; elsewhere (in a body, during the handshake) does nothing:
 * just close. */
void smtp_client_quit(struct smtp_client *c, struct instant now);

uint32_t smtp_client_extensions(const struct smtp_client *c); /* enum smtp_extension bits */
uint64_t smtp_client_size_limit(const struct smtp_client *c); /* SIZE's value; 0: none given */
enum smtp_client_phase smtp_client_phase(const struct smtp_client *c);
const char *smtp_client_phase_name(enum smtp_client_phase phase);
/* Idle, between transactions, nothing awaited: fit for the pool. */
bool smtp_client_idle(const struct smtp_client *c);

#endif
