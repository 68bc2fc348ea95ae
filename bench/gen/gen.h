/*
 * gen.h - weir's traffic generator: senders on the near side, sinks as next hops, and one book over
 * both (pure).
 *
 * Both sides stand on our own TCP, TLS and SMTP libraries. A generator is driven by one call per
 * turn, gen_turn(), over connections that a `struct gen_net` carries (net.h): one for the senders,
 * one for the sinks, or the same for both. It takes all events of its nets and of its TLS engines,
 * so they must be its own.
 *
 * Same seed, same configuration, same inputs at the same instants: same outputs. The simulator uses
 * it so.
 *
 * Bounds: connections as configured, one ledger row a message, one line a message under way.
 * Running out of blocks slows it down. RFC 5321, 2920 (PIPELINING), 3030 (BDAT), 3207 (STARTTLS).
 *
 * It does not follow MX, retry for hours, or write bounces: it is no MTA.
 */
#ifndef WEIR_BENCH_GEN_GEN_H
#define WEIR_BENCH_GEN_GEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/blocks.h"
#include "base/check.h"
#include "base/histogram.h"
#include "base/instant.h"
#include "crypto-offload/tls.h"
#include "bench/gen/ledger.h"
#include "bench/gen/mail.h"
#include "bench/gen/net.h"

#define GEN_LISTENERS_MAX 8u
#define GEN_TARGETS_MAX 8u
#define GEN_GATEWAYS_MAX 4u
#define GEN_REASONS_MAX 32u /* different refusals told apart; further ones are counted together */
#define GEN_REASON_BYTES 96u
#define GEN_NAME_BYTES 256u

enum gen_tls { GEN_TLS_NONE = 1, GEN_TLS_STARTTLS, GEN_TLS_IMPLICIT };
enum gen_arrivals { GEN_CLOSED_LOOP = 1, GEN_CONSTANT, GEN_POISSON };
enum gen_crowd { /* what a connection without mail does; crowd.c has the first four */
	GEN_CROWD_IDLE = 1, /* greeted, TLS, EHLO, then nothing */
	GEN_CROWD_SILENT,   /* connected, then nothing */
	GEN_CROWD_HALF_TLS, /* the beginning of a handshake, then nothing */
	GEN_CROWD_CRAWL,    /* a byte of a command every second */
	GEN_CROWD_SYN,      /* the program's: SYNs made from nothing */
};

enum gen_phase {
#define PHASE(name, key, text) GEN_PHASE_##name,
#include "bench/gen/phases.def"
#undef PHASE
	GEN_PHASE_COUNT
};

enum gen_end { /* why a sender's connection ended early */
#define END(name, text) GEN_END_##name,
#include "bench/gen/ends.def"
#undef END
	GEN_END_COUNT
};

enum gen_stage { /* where a reply fell, or where a sink does something */
	GEN_STAGE_CONNECT = 0,
	GEN_STAGE_HELLO,
	GEN_STAGE_MAIL,
	GEN_STAGE_RCPT,
	GEN_STAGE_DATA,
	GEN_STAGE_END,
	GEN_STAGE_COUNT
};
const char *gen_phase_name(enum gen_phase phase);
const char *gen_phase_text(enum gen_phase phase);
const char *gen_end_name(enum gen_end end);
const char *gen_stage_name(enum gen_stage stage);

/* ---- configuration; copied by gen_make(), but for what pointers point to ---- */

struct gen_sender_config {
	struct gen_net net;     /* ops NULL: no senders */
	struct tls_engine *tls; /* may be NULL with GEN_TLS_NONE; may be the sinks' */
	uint32_t target_count;  /* connections take them in turn */
	struct endpoint targets[GEN_TARGETS_MAX];
	uint32_t connections;   /* at once; in open loop the most there may be */
	uint64_t message_first; /* numbers of the ledger that this generator sends */
	uint64_t message_count;
	uint32_t messages_per_connection; /* 0: no limit */
	uint32_t messages_per_connection_max; /* more than that: each takes a number in between */
	enum gen_arrivals arrivals;
	uint64_t rate_per_1000s;  /* open loop: messages in 1000 seconds */
	uint32_t start_spread_us; /* closed loop: the first connections open over so long a time */
	uint64_t think_us;        /* closed loop: pause before each message of a connection */
	enum gen_tls tls_mode;
	bool tls_verify;
	enum tls_version tls_minimum;     /* 0: TLS 1.2 */
	/* Of connections: without TLS all the same, with TLS 1.2 at most, that resume where they can. */
	uint32_t clear_per_mille, tls12_per_mille, resume_per_mille;
	char server_name[GEN_NAME_BYTES]; /* SNI and reference name; "": none */
	char helo[GEN_NAME_BYTES];
	bool pipelining;     /* use it where offered */
	bool chunking;       /* use BDAT where offered */
	uint32_t in_turn_per_mille; /* connections that do not pipeline all the same */
	uint32_t bdat_per_mille;    /* connections that use BDAT, where chunking is not for all */
	uint32_t fragment_per_mille, fragment_bytes; /* connections that write so little at a time */
	uint32_t slow_per_mille, slow_bytes_per_second;
	uint32_t recipients; /* per message, all at its one domain; 0 counts as 1 */
	uint32_t attempts_max; /* more than 1: 4yz, failures and lost connections are tried again */
	uint64_t retry_after_us;
	uint64_t reply_timeout_us; /* 0: RFC 5321 4.5.3.2 */
	uint32_t abort_per_mille;  /* attempts cut at a random byte, half by RST, half by FIN */
};

struct gen_listener_config {
	struct endpoint local;
	enum gen_tls tls;     /* STARTTLS: offered, not required */
	uint32_t certificate; /* as tls_ops.near_open() takes it */
};

struct gen_refusal_config { /* how often a stage is refused; MAIL, RCPT, DATA and END are asked */
	uint32_t transient_per_mille; /* 450, 451 */
	uint32_t permanent_per_mille; /* 550, 554 */
};

struct gen_crowd_config { /* connections without mail, to the senders' targets */
	uint32_t connections; /* 0: none */
	enum gen_crowd kind;
	uint32_t opened_per_second;
};

struct gen_sink_config {
	struct gen_net net;     /* ops NULL: no sinks */
	struct tls_engine *tls; /* may be NULL when no listener wants TLS; may be the senders' */
	uint32_t listener_count;
	struct gen_listener_config listeners[GEN_LISTENERS_MAX];
	uint32_t connections; /* at once; more are reset */
	char hostname[GEN_NAME_BYTES];
	bool chunking;            /* offer BDAT */
	uint32_t messages_max;    /* on a connection, then 421; 0: no limit */
	uint64_t idle_timeout_us; /* 0: RFC 5321 4.5.3.2.7 */
	/* Replies wait 0..max, by seed; MAIL, RCPT, DATA and END are asked. */
	uint64_t delay_us_max[GEN_STAGE_COUNT];
	struct gen_refusal_config refuse[GEN_STAGE_COUNT];
	/* Connections cut at accept, or transactions cut at a stage or within the body. */
	uint32_t abort_per_mille;
	uint32_t slow_per_mille; /* connections that read slowly */
	uint32_t slow_bytes_per_second;
	uint32_t goodbye_per_mille;     /* connections greeted with 421 */
	uint32_t no_starttls_per_mille; /* connections that are not offered it */
	uint32_t bad_certificate_per_mille, bad_certificate; /* as near_open() takes it */
};

struct gen_config {
	struct mail_mix mix;     /* with the run's seed */
	struct ledger *ledger;   /* NULL: make one of message_first + message_count rows */
	struct block_pool *pool; /* that of the nets and TLS engines */
	struct gen_sender_config sender;
	struct gen_sink_config sink;
	struct gen_crowd_config crowd;
};

/* ---- results ---- */

struct gen_reason { /* one kind of refusal, counted in messages that will not be tried again */
	uint64_t count;
	uint8_t stage;               /* enum gen_stage */
	uint16_t code;               /* 0: no reply; the text is then that of an enum gen_end */
	char text[GEN_REASON_BYTES]; /* first line of the reply, printable */
};

struct gen_listener_counters {
	uint64_t accepted, tls_established, tls_failed, tls_resumed;
	uint64_t plain_mail, tls_mail; /* MAIL commands */
	uint64_t plain_body_bytes, tls_body_bytes;
	/* RCPT over plaintext by domain of the mix: the oracle of TLS policy */
	uint64_t plain_rcpt[MAIL_DOMAINS_MAX];
	uint64_t tls_rcpt[MAIL_DOMAINS_MAX];
};

struct gen_results {
	/* running counts, right at any time */
	uint64_t begun, acknowledged, refused,
		uncertain; /* messages; refused and uncertain without those tried again */
	uint64_t tried_again;
	uint64_t deliveries; /* 250s queued by the sinks, corrupted ones as well */
	uint64_t corrupted;  /* of them */
	uint64_t bytes_acknowledged;
	uint64_t connections_opened, tls_established, tls_resumed;
	uint64_t crowd_opened, crowd_ready, crowd_lost; /* opened; got as far as they go; ended by the peer */
	uint64_t backlog_max; /* open loop: messages due but not begun */
	uint64_t slip_us_max; /* open loop: the longest a message waited for a connection slot */
	uint64_t ends[GEN_END_COUNT];
	uint64_t sink_refusals, sink_aborts,
		sink_failures; /* failures: sessions that ended in a fault of the peer */
	uint32_t reason_count;
	struct gen_reason reasons[GEN_REASONS_MAX]; /* the last row takes what found no row */
	uint32_t listener_count;
	struct gen_listener_counters listeners[GEN_LISTENERS_MAX];
	struct histogram phases[GEN_PHASE_COUNT];
	/* the ledger, reconciled by gen_results(); of the whole ledger, if it is shared */
	struct ledger_totals totals;
};

/* ---- the generator ---- */

struct gen;

/* Takes its memory out of `arena` and starts listening. NULL: it does not fit, or a net refused
 * to listen. */
MUST_USE struct gen *gen_make(struct arena *arena, const struct gen_config *config,
                              struct instant now);
/* Whether there was anything to do. */
bool gen_turn(struct gen *g, struct instant now);
/* Nothing to do before that unless frames arrive. */
struct instant gen_deadline(const struct gen *g);
/* Every message of this generator has its outcome and the senders' connections are gone. Sinks
 * stay open. */
bool gen_done(const struct gen *g);
/* No new messages (what is not begun never will be); those under way are finished, but not tried
 * again. */
void gen_stop(struct gen *g, struct instant now);
/* Open loop: another rate from now on; what is due and not begun is forgotten. 0: no arrivals. */
void gen_rate(struct gen *g, uint64_t rate_per_1000s, struct instant now);
/* Ends all that is left: sinks say 421 where they may and close, senders close. Turn on until
 * gen_idle(). */
void gen_shut(struct gen *g, struct instant now);
bool gen_idle(const struct gen *g); /* no connection of either side is left */
/* The counts, with the ledger reconciled now (O(messages)). Borrowed; running counts stay right. */
const struct gen_results *gen_results(struct gen *g);
const struct gen_results *gen_running(
	const struct gen *g); /* without reconciling: O(1), for progress */
struct ledger *gen_ledger(struct gen *g);
uint32_t gen_senders(const struct gen *g); /* connections now open or opening */
uint32_t gen_sinks(const struct gen *g);
uint32_t gen_crowd_held(const struct gen *g); /* as far as their kind goes, and alive */
/* Bytes in the generator's own queues; 0 when idle. */
size_t gen_bytes_held(const struct gen *g);
void gen_results_merge(struct gen_results *into,
                       const struct gen_results *from); /* all but totals */

#endif
