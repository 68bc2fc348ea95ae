/*
 * stage.h - where a dialogue is played: the real engine between two hosts that a script speaks for.
 *
 * Three hosts on one wire, as in tests/sim: `near`, `weir` (stack, fake TLS, plain matcher, policy, relay: everything
 * but DPDK and OpenSSL) and `next`. The wire is calm: TALK_DELAY_US and no faults. Time is virtual and moves only in
 * stage_run_to() and stage_step().
 *
 * A peer is one connection of near or of next. Its bytes stay in its leg until the script listens for them, so that
 * whatever was said and not listened for is found by peer_has_said(). Speech towards weir waits in `outbox` for the window.
 *
 * Memory comes from malloc once and is used again for each script; a failed script is abandoned in mid-air.
 */
#ifndef WEIR_TESTS_TALK_STAGE_H
#define WEIR_TESTS_TALK_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blocks.h"
#include "base/recorder.h"
#include "policy/content.h"
#include "policy/policy.h"
#include "relay/leg.h"
#include "relay/relay.h"
#include "tcp/tcp.h"
#include "tests/sim/wire.h"

#define TALK_DELAY_US 100u
#define TALK_PEERS_MAX 16u
#define TALK_TEXT_BYTES (8u << 20) /* of one peer, each way */
#define TALK_NEXT_PORT 2525u       /* the first candidate; the second is one above */
#define TALK_STEPS_MAX 4000000u

enum talk_host { HOST_NEAR, HOST_WEIR, HOST_NEXT, HOST_COUNT };

struct talk_settings { /* what the head of a script chose; set.c has the names and the values otherwise used */
	uint64_t near_tls, sender_level, sender_on_failure;
	uint64_t next_level, next_on_failure, next_minimum, next_candidates, next_closed;
	uint64_t next_trusted, next_version, next_tls_fails, next_window;
	uint64_t next_connections_max, next_idle_seconds, next_messages_max;
	uint64_t message_bytes_max, recipients_max, park, content_verdict, blocks;
	char next_name[64];
};

struct talk_text {
	uint8_t *data;
	size_t head, end;
	size_t ready; /* of an outbox: what may leave; the rest is still being gathered */
};

struct peer {
	char name[8]; /* "near", "next2"; "" while no line has named it */
	bool live, near, opened, stalled;
	uint16_t port;
	uint64_t order; /* of accepting */
	struct leg leg;
	struct talk_text inbox, outbox;
	bool end_heard, shut; /* the script knows of the end; the script has closed its side */
};

struct stage {
	struct talk_settings set;
	struct instant now, begin;
	struct wire wire;
	struct tcp_stack *stacks[HOST_COUNT];
	struct block_pool peer_pool, weir_pool;
	struct byteq hog;
	struct recorder recorder;
	struct tls_engine *tls[HOST_COUNT];
	struct content *content;
	struct policy *policy;
	struct settings settings;
	struct relay *relay;
	struct arena arena;
	uint64_t steps, orders, reports;
	struct peer peers[TALK_PEERS_MAX];
	uint8_t frame[WIRE_FRAME_BYTES];
};

/* ---- set.c ---- */
void talk_settings_init(struct talk_settings *s);
/* NULL, or why "name = value" is no setting. */
const char *talk_settings_set(struct talk_settings *s, const char *name, const char *value);
/* weir's settings for this script. */
void talk_settings_fill(const struct talk_settings *chosen, struct settings *s);

/* ---- stage.c ---- */
/* An empty stage at time 0, with the settings chosen. */
struct stage *stage_make(const struct talk_settings *set);
/* One event later, but no later than `limit`; false when the limit was reached. */
bool stage_step(struct stage *g, struct instant limit);
void stage_run_to(struct stage *g, struct instant at);
/* Gives everything back and looks whether it is all there. NULL, or what is left. */
const char *stage_end(struct stage *g);

/* ---- peer.c ---- */
void peers_init(struct stage *g);
/* Takes the stacks' events, moves what waits towards weir. */
void peers_turn(struct stage *g);
struct peer *peer_named(struct stage *g, const char *name); /* NULL: no such one */
/* The name may have been another connection's, now over. */
struct peer *peer_open(struct stage *g, const char *name, uint16_t port);
/* The oldest connection of next that no line has named; NULL: none. */
struct peer *peer_unnamed(struct stage *g);
void peer_gather(struct peer *p, struct span bytes);
/* What was gathered leaves together. */
void peer_speak(struct peer *p);
bool peer_has_said(const struct peer *p);
bool peer_ended(struct peer *p);
bool peer_was_reset(const struct peer *p);
bool peer_is_over(struct peer *p);
/* All that this side said has been acknowledged by weir. */
bool peer_is_flushed(const struct peer *p);
/* Moves what weir has said into the inbox, up to and with the first LF behind what is there (or all there is). */
bool peer_listen_line(struct stage *g, struct peer *p);
void peer_listen(struct stage *g, struct peer *p, size_t bytes_wanted);
bool peer_tls_begin(struct stage *g, struct peer *p);
void peer_drop(struct stage *g, struct peer *p);
void peer_reset(struct stage *g, struct peer *p);

#endif
