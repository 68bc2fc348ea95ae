/*
 * relay.h - one conversation across two legs, for all sessions of one worker.
 *
 * Byte's path: run/worker hands the turn over here; relay/leg pumps tcp <-> tls <-> smtp on both hops;
 * relay/session owns the transaction (DESIGN: 250 only because next said 250); relay/pool keeps idle next legs.
 *
 * The relay is driven once per turn with relay_turn(): it takes the events of the worker's TCP stacks, the
 * completions of parked TLS sessions and its own due timers, and pumps the legs concerned; what takes long is left for
 * relay_chore(). It never blocks and calls nobody back; what is worth telling (one report per transaction, faults) is pulled as reports.
 *
 * Pure: no DPDK, OpenSSL, clock, heap or stdio. TLS and content matching come as ops.
 */
#ifndef WEIR_RELAY_RELAY_H
#define WEIR_RELAY_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/blocks.h"
#include "base/check.h"
#include "base/histogram.h"
#include "base/instant.h"
#include "base/recorder.h"
#include "crypto-offload/tls.h"
#include "policy/content.h"
#include "policy/policy.h"
#include "policy/settings.h"
#include "tcp/tcp.h"

#define RELAY_STACKS_MAX 8u

struct relay;

struct relay_config {
	const struct settings *settings;
	const struct policy *policy;
	struct tls_engine *tls;  /* NULL: no TLS at all (then no listener may want it) */
	struct content *content;
	struct block_pool *pool; /* the worker's */
	uint32_t stack_count;
	struct tcp_stack *stacks[RELAY_STACKS_MAX]; /* one per port */
	uint32_t sessions_max;                      /* near sessions of this worker */
	uint32_t nexts_max;                         /* next legs of this worker */
	uint32_t worker;                            /* 0.., leads the queue ids */
	uint64_t seed;                              /* for queue ids */
	struct recorder *recorder;                  /* may be NULL */
};

/* Takes its memory out of `arena` and starts listening on every listener of the settings whose address one of the
 * stacks has. NULL when it does not fit. */
MUST_USE struct relay *relay_make(struct arena *arena, const struct relay_config *config,
                                  struct instant now);

/* One turn. `wall_us`: microseconds since 1970 at `now`, for Received headers only. Returns whether there was
 * anything to do. */
bool relay_turn(struct relay *r, struct instant now, int64_t wall_us);
/* One long piece of work, a step of one TLS handshake (some 0.3 ms), if there is any to do; true when there was. To be
 * called after the frames of a turn have been sent, at most once a turn; what it leaves to send goes out after it. */
bool relay_chore(struct relay *r, struct instant now);
struct instant relay_deadline(const struct relay *r);

/* No new sessions; sessions between transactions get 421 and close; transactions run to their end. */
void relay_drain(struct relay *r, struct instant now);
uint32_t relay_sessions(const struct relay *r);
uint32_t relay_nexts(const struct relay *r);

/* ---- what it tells ---- */

enum relay_counter { /* rows of counters.def: COUNTER(name, "help") */
#define COUNTER(name, help) RELAY_##name,
#include "relay/counters.def"
#undef COUNTER
	RELAY_COUNTER_COUNT
};
const char *relay_counter_name(enum relay_counter counter); /* as in counters.def */
const char *relay_counter_help(enum relay_counter counter);
const uint64_t *relay_counters(const struct relay *r);

/* Engine-caused delay of a message: time it waited for us and not for a peer, by stage. */
enum relay_stage { /* rows of stages.def: STAGE(name, "help") */
#define STAGE(name, help) RELAY_STAGE_##name,
#include "relay/stages.def"
#undef STAGE
	RELAY_STAGE_COUNT
};
const char *relay_stage_name(enum relay_stage stage);
/* stage RELAY_STAGE_COUNT: the message whole. */
const struct histogram *relay_budget(const struct relay *r, enum relay_stage stage);

enum relay_outcome { /* how a transaction ended; rows of outcomes.def */
	RELAY_OUTCOME_NONE = 0,
#define OUTCOME(name, text, counter) RELAY_OUTCOME_##name,
#include "relay/outcomes.def"
#undef OUTCOME
	RELAY_OUTCOME_COUNT
};
const char *relay_outcome_text(enum relay_outcome outcome);

#define RELAY_REPORT_TEXT 96u

/* One transaction, told when it ends. Self-contained: travels through a ring to control, which writes the log line. */
struct relay_report {
	char queue_id[16];
	int64_t wall_us;   /* when it ended */
	uint32_t worker;
	enum relay_outcome outcome;
	uint16_t reply_code;                    /* the final reply given to the sender */
	char reply_text[RELAY_REPORT_TEXT];     /* its first line, without code, cut */
	char rule[32];                          /* content or TLS rule that decided, "" if none */
	struct endpoint near, next;             /* next.port 0: no next leg was had */
	struct conn_id near_conn, next_conn;    /* as weirctl names them; generation 0: none */
	char helo[64], sender[128], recipient[128]; /* first recipient; cut */
	uint32_t recipients;                    /* accepted */
	uint64_t body_bytes;
	const char *near_tls, *near_cipher;     /* "" in plaintext; live as long as the TLS engine */
	const char *next_tls, *next_cipher;
	bool next_verified, next_reused, chunked;
	const char *level;                      /* TLS level asked on next */
	uint64_t total_us, engine_us;           /* from MAIL to the final reply; of that, ours */
	uint64_t stage_us[RELAY_STAGE_COUNT];
};

MUST_USE bool relay_report_pop(struct relay *r, struct relay_report *report);

#endif
