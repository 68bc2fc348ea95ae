/*
 * leg.h - one hop's stack below SMTP: a TCP connection and, perhaps, TLS on it, with the queues between.
 *
 *	tcp_rx -> [tls -> plain_in] -> leg_peek()/leg_eat()          towards the SMTP machine
 *	leg->out -> [tls] -> tcp_tx                                  from the SMTP machine
 *
 * Used for near and for next alike. A leg owns its TCP handle, its TLS session and both queues; leg_drop() and
 * leg_abort() give everything back. Copies per content byte: frame -> tcp_rx, (decrypt) -> plain_in, -> out,
 * (encrypt) -> tcp_tx, -> frame; without TLS the second and the fourth pass blocks on.
 */
#ifndef WEIR_RELAY_LEG_H
#define WEIR_RELAY_LEG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blocks.h"
#include "base/instant.h"
#include "crypto-offload/tls.h"
#include "tcp/tcp.h"

struct leg {
	struct tcp_stack *tcp; /* NULL: no connection */
	struct handle id;
	struct tls_session *tls; /* NULL: plaintext */
	struct byteq plain_in;
	struct byteq out;
	bool eof;    /* the peer sends no more, once tcp_rx is eaten */
	bool stuck;  /* ... but TLS can make nothing of what is left there: half a record */
	bool closed; /* TCP reported the end */
	bool shut;   /* close when `out` has left */
	enum tcp_close_reason why;
};

void leg_open(struct leg *leg, struct tcp_stack *tcp, struct handle id);
static inline bool leg_is_open(const struct leg *leg)
{
	return leg->tcp != NULL;
}
/* Notes what TCP told: EOF, closed. */
void leg_note(struct leg *leg, const struct tcp_event *event);
/* Lets TLS work on what has arrived. Call before leg_peek(). */
void leg_pull(struct leg *leg, struct block_pool *pool, struct instant now);
/* Bytes for the SMTP machine; empty during a handshake. Borrowed until the next call on the leg. */
struct span leg_peek(struct leg *leg);
void leg_eat(struct leg *leg, struct block_pool *pool, size_t bytes, struct instant now);
/* All that arrived in plaintext and was not eaten: must be nothing when TLS starts. */
size_t leg_plain_left(struct leg *leg);
/* How much an SMTP machine may add to `out` now. */
size_t leg_out_room(const struct leg *leg, const struct block_pool *pool);
/* Sends what TCP takes of `out`; with `shut` set and everything sent, closes. */
void leg_push(struct leg *leg, struct block_pool *pool, struct instant now);
/* Everything handed to `out` has been given to TCP. */
static inline bool leg_flushed(const struct leg *leg)
{
	return byteq_bytes(&leg->out) == 0;
}
bool leg_handshaking(const struct leg *leg);
bool leg_tls_failed(const struct leg *leg);
/* No byte will come from the peer any more and all that came was eaten. */
bool leg_ended(struct leg *leg);
/* Closes in order (FIN behind what was sent, close_notify first where there is TLS). */
void leg_drop(struct leg *leg, struct block_pool *pool, struct instant now);
/* RST: the peer must not take what it has for a complete message. */
void leg_abort(struct leg *leg, struct block_pool *pool, struct instant now);

#endif
