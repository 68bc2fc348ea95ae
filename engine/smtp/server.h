/*
 * server.h - the near side's SMTP machine: command lines in, events out, replies out.
 *
 * Byte's path: after crypto-offload/session (or tcp), before mime and relay.
 *
 * Driving it:
 *   smtp_server_input() eats bytes until one event happened or the bytes are used up. It eats nothing while
 *   an event waits for its answer, so pipelined commands (RFC 2920) are handled strictly in order.
 *   Events marked [answer] must be answered with smtp_server_answer() before more input is eaten; the machine
 *   itself answers everything that needs no decision (HELO, NOOP, RSET, VRFY, HELP, syntax and order errors).
 *   smtp_server_output() moves replies to the leg's queue.
 *   Some events need no further byte (a chunk of 0 bytes, SERVER_CLOSE after goodbye or expire): after an answer,
 *   a goodbye or an expiry call input again, with an empty span if there is nothing else, until SERVER_NONE.
 *   Input also eats nothing while replies pile up unsent or the pool has no block; output or freed blocks help.
 *
 * Transactions, as the relay sees them: a positive answer to SERVER_MAIL opens one. It ends with
 * the answer to SERVER_BODY_END or SERVER_BODY_BAD, with a negative answer to SERVER_DATA or
 * SERVER_CHUNK, or with SERVER_RESET or SERVER_CLOSE; each of these is its only end.
 *   smtp_server_deadline()/_expire(): every state has a deadline (RFC 5321 4.5.3.2.7: 5 minutes).
 *
 * Body bytes arrive as SERVER_BODY events: unstuffed content with CRLF lines, judged for bare CR,
 * bare LF and NUL by smtp/line (the only judge). Back-pressure: do not call input.
 *
 * Spans in an event are borrowed until the next call into the machine.
 *
 * RFC 5321, 1870 (SIZE), 2034 (enhanced codes), 2920 (PIPELINING), 3030 (CHUNKING), 3207
 * (STARTTLS), 6152 (8BITMIME), 6531 (SMTPUTF8). The machine never sees TLS: the relay says when it
 * started.
 */
#ifndef WEIR_SMTP_SERVER_H
#define WEIR_SMTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blocks.h"
#include "base/check.h"
#include "base/instant.h"
#include "base/recorder.h"
#include "base/span.h"
#include "smtp/address.h"
#include "smtp/mail.h"
#include "smtp/reply.h"
#include "smtp/server_state.h"

#define SMTP_COMMAND_BYTES_MAX 2048u /* RFC 5321 4.5.3.1.4 asks 512 plus what extensions add */
#define SMTP_ERRORS_MAX 20u          /* protocol errors in one session; the next gets 421 and the close */
#define SMTP_JUNK_MAX 100u           /* NOOP, RSET, VRFY, ... without a message in between; more are errors */
#define SMTP_HELO_MAX 255u
#define SMTP_SERVER_OUTPUT_MAX 8192u /* bytes of unsent replies beyond which no command is eaten */
#define SMTP_SWALLOW_BYTES_MAX 16777216u /* eaten for nothing beyond message_bytes_max, then the session ends */
#define SMTP_ANSWER_TIMEOUT_US (11 * MINUTE_US) /* for the relay; longer than any deadline of its own */

struct smtp_server_config {
	struct span hostname; /* for the greeting and EHLO; outlives the machine */
	uint64_t message_bytes_max;
	uint32_t recipients_max;
	uint64_t command_timeout_us; /* 300 s */
	uint64_t data_timeout_us;    /* between body bytes: 180 s */
	bool starttls;               /* offer STARTTLS (until TLS is on) */
	bool tls_required;           /* MAIL without TLS gets 530 5.7.0 */
	bool chunking;               /* offer BDAT */
	bool smtputf8;
	bool seven_bit_strict;        /* 8-bit content without BODY=8BITMIME is a fault */
	uint32_t text_line_bytes_max; /* 0: SMTP_TEXT_LINE_MAX */
	struct recorder *recorder;    /* may be NULL */
};

/* Phases, rows of phases.def; the machine's own, named here for logs and tests. */
enum smtp_server_phase {
	SERVER_PHASE_NONE = 0,
#define SERVER_PHASE(name, deadline, text) SERVER_PHASE_##name,
#include "smtp/phases.def"
	SERVER_PHASE_COUNT
};

enum smtp_server_event_kind {
	SERVER_NONE = 1,  /* all bytes eaten, or waiting for an answer */
	SERVER_MAIL,      /* [answer] positive opens the transaction */
	SERVER_RCPT,      /* [answer] positive adds a recipient */
	SERVER_DATA,      /* [answer] the transfer begins; smtp_server_answer with 354 (DATA) to go on. For BDAT the
	                   * event comes before the first chunk's bytes are eaten and a positive
	                   * answer is silent */
	SERVER_BODY,      /* body content, event.body; not answered */
	SERVER_CHUNK,     /* [answer] one BDAT chunk that is not the last was eaten whole: 250 or a failure */
	SERVER_BODY_END,  /* [answer] the whole body was received (final dot or BDAT LAST) */
	SERVER_BODY_BAD,  /* [answer] the body broke a rule (event.fault); content was swallowed to its end: the
	                   * relay must abandon the transaction on next and answer with the fault's
	                   * reply */
	SERVER_RESET,     /* RSET, or EHLO/HELO, ended a transaction: abandon it. Answered by the machine. */
	SERVER_STARTTLS,  /* the 220 is queued: when output is flushed, start TLS, then smtp_server_tls_started() */
	SERVER_CLOSE,     /* QUIT, 421 or a protocol end: flush output, then close. Nothing is eaten any more. */
};

struct smtp_server_event {
	enum smtp_server_event_kind kind;
	struct smtp_mail mail;          /* SERVER_MAIL */
	struct smtp_mailbox recipient;  /* SERVER_RCPT */
	struct span body;               /* SERVER_BODY */
	bool chunked;                   /* SERVER_DATA: BDAT, not DATA */
	enum smtp_body_fault fault;     /* SERVER_BODY_BAD */
	enum smtp_reply_id fault_reply; /* SERVER_BODY_BAD: what to answer. SERVER_CLOSE: the machine's last word,
	                                 * TLS_INJECTION, TIMEOUT, TOO_MANY_ERRORS, BYE and so on,
	                                 * for counters */
};

/* Zeroes and starts: the 220 greeting is queued. `config` outlives the machine. */
void smtp_server_init(struct smtp_server *s, const struct smtp_server_config *config,
                      struct block_pool *pool, struct instant now);
/* Gives all blocks back. The machine may be initialised again afterwards. */
void smtp_server_fini(struct smtp_server *s);

/* Eats from `bytes`; returns how many were eaten and fills *event (kind SERVER_NONE when nothing
 * happened). */
MUST_USE size_t smtp_server_input(struct smtp_server *s, struct span bytes, struct instant now,
                                  struct smtp_server_event *event);
/* Answers the event that waits. */
void smtp_server_answer(struct smtp_server *s, const struct smtp_reply *reply, struct instant now);
void smtp_server_answer_id(struct smtp_server *s, enum smtp_reply_id id, struct instant now);
bool smtp_server_waits_for_answer(const struct smtp_server *s);
/* Moves up to `room` bytes of replies to `out`; returns the bytes moved. */
size_t smtp_server_output(struct smtp_server *s, struct byteq *out, size_t room,
                          struct instant now);
struct instant smtp_server_deadline(const struct smtp_server *s);
/* At the deadline: queues 421 4.4.2 and will report SERVER_CLOSE. True when that happened now: the
 * relay abandons a transaction and closes after flushing. */
MUST_USE bool smtp_server_expire(struct smtp_server *s, struct instant now);
/* Ends the session from our side with 421 (drain, overload) as soon as no answer is owed. */
void smtp_server_goodbye(struct smtp_server *s, enum smtp_reply_id id, struct instant now);

/* Bytes behind STARTTLS CRLF in the same span are found by smtp_server_input() itself: it then
 * reports SERVER_CLOSE (fault_reply TLS_INJECTION) instead of SERVER_STARTTLS. For bytes that lie
 * in another span of the leg's queue the leg asks here, right at SERVER_STARTTLS and before the
 * next smtp_server_output(), so that the 220 is taken back: Were plaintext bytes received behind
 * STARTTLS CRLF before the handshake (injection, RFC 3207 4.2)? The leg calls this with what is
 * left in the plaintext queue at the switch: true means answer was made (454 4.5.0) and
 * SERVER_CLOSE follows. */
MUST_USE bool smtp_server_starttls_injected(struct smtp_server *s, size_t plaintext_left,
                                            struct instant now);
/* TLS is on: everything learnt before is forgotten (RFC 3207 4.2); EHLO is expected, STARTTLS not
 * offered. */
void smtp_server_tls_started(struct smtp_server *s, struct instant now);
/* Implicit TLS (port 465): call directly after init, before any output. */
void smtp_server_tls_implicit(struct smtp_server *s);

/* What the session said; for the Received header and the log. */
struct span smtp_server_helo(const struct smtp_server *s); /* as given, printable only; empty before */
bool smtp_server_is_esmtp(const struct smtp_server *s);
enum smtp_server_phase smtp_server_phase(const struct smtp_server *s);
const char *smtp_server_phase_name(enum smtp_server_phase phase);
bool smtp_server_tls_on(const struct smtp_server *s);

#endif
