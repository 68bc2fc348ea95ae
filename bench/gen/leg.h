/*
 * leg.h - one connection of the generator: net <-> optional TLS <-> the queues an SMTP machine
 * works on (pure).
 *
 * Plain, the machine's queues are the connection's own; with TLS they are two bounded queues
 * between. The leg knows no SMTP: it pulls what arrived, shows it, takes what is to be sent, and
 * closes. Back-pressure is room: gen_leg_out_room() on the way out, not consuming on the way in.
 *
 * Order of use in a step: gen_leg_pull(); read gen_leg_in() and say gen_leg_consume(); append to
 * gen_leg_out() no more than gen_leg_out_room() and say gen_leg_push(); look at
 * gen_leg_tls_phase(), eof and closed.
 */
#ifndef WEIR_BENCH_GEN_LEG_H
#define WEIR_BENCH_GEN_LEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/blocks.h"
#include "base/check.h"
#include "base/instant.h"
#include "bench/gen/net.h"
#include "crypto-offload/tls.h"

#define LEG_PLAIN_BYTES_MAX 32768u /* between TLS and SMTP, each way: two records of 16 KiB */

struct gen_leg {
	struct gen_net net;
	struct block_pool *pool;
	struct handle id; /* HANDLE_NONE: no connection */
	struct tls_session *tls;
	bool established; /* TLS is on and usable */
	bool eof;         /* the peer sends nothing more */
	bool closed;      /* the connection is over; `why` says how */
	enum tcp_close_reason why;
	struct byteq plain_in, plain_out;
	uint64_t bytes_out; /* given to gen_leg_out() by the machine, counted at gen_leg_push() */
};

void gen_leg_init(struct gen_leg *leg, struct gen_net net, struct block_pool *pool,
                  struct handle id);
static inline bool gen_leg_is_open(const struct gen_leg *leg)
{
	return !handle_is_none(leg->id);
}
/* News from the net: notes EOF and the close. */
void gen_leg_event(struct gen_leg *leg, const struct tcp_event *event);

/* As client and as server. False: the engine has no room. `user` comes back from
 * tls_ops.next_ready(). */
MUST_USE bool gen_leg_tls_next(struct gen_leg *leg, struct tls_engine *engine,
                               const struct tls_next_want *want, uint64_t user, struct instant now);
MUST_USE bool gen_leg_tls_near(struct gen_leg *leg, struct tls_engine *engine, uint32_t certificate,
                               uint64_t user, struct instant now);
/* 0 while there is no TLS. */
enum tls_phase gen_leg_tls_phase(const struct gen_leg *leg);
/* True once, when the handshake has just been completed. */
MUST_USE bool gen_leg_tls_just_on(struct gen_leg *leg);

/* Whether anything was read or TLS got anywhere. */
bool gen_leg_pull(struct gen_leg *leg, struct instant now);
struct byteq *gen_leg_in(struct gen_leg *leg);
void gen_leg_consume(struct gen_leg *leg, size_t bytes, struct instant now);
/* 0 until a begun handshake is done, and once closed. */
size_t gen_leg_out_room(const struct gen_leg *leg);
struct byteq *gen_leg_out(struct gen_leg *leg);
/* Carries on what was appended to gen_leg_out(): `added` bytes, 0 to carry the rest of earlier
 * ones. */
void gen_leg_push(struct gen_leg *leg, size_t added, struct instant now);
/* Has everything been handed to the connection? */
bool gen_leg_is_flushed(const struct gen_leg *leg);
/* Nothing arrives any more, and all that had was read. */
bool gen_leg_is_drained(struct gen_leg *leg);

struct instant gen_leg_deadline(const struct gen_leg *leg);
void gen_leg_expire(struct gen_leg *leg, struct instant now);

enum gen_leg_close { LEG_CLOSE_ORDERLY = 1, LEG_CLOSE_FIN, LEG_CLOSE_RESET };
/* Orderly: close_notify, then FIN. FIN: without close_notify, as a dying host's kernel does. The
 * leg is empty after. */
void gen_leg_close(struct gen_leg *leg, enum gen_leg_close how, struct instant now);
size_t gen_leg_bytes(const struct gen_leg *leg);

#endif
