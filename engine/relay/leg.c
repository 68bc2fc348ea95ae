/*
 * leg.c - one hop's stack below SMTP. See leg.h.
 *
 * Byte's path: after tcp/input, before smtp/line; and again between smtp/client and tcp/output.
 */
#include "relay/leg.h"

#include "base/check.h"
#include "relay/limits.h"

void leg_open(struct leg *leg, struct tcp_stack *tcp, struct handle id)
{
	CHECK(leg->tcp == NULL);
	*leg = (struct leg){ .tcp = tcp, .id = id };
}

void leg_note(struct leg *leg, const struct tcp_event *event)
{
	if (event->bits & TCP_EOF)
		leg->eof = true;
	if (event->bits & TCP_CLOSED) {
		leg->closed = true;
		leg->eof = true;
		leg->why = event->why;
	}
}

/* What one leg may hold of each kind, given what is free: when the pool fills, all legs hold less. */
static size_t leg_share(const struct block_pool *pool, size_t max)
{
	size_t share = (size_t)pool->free_count * BLOCK_DATA_BYTES / LEG_POOL_SHARE;
	if (share < LEG_SHARE_BYTES_MIN)
		share = LEG_SHARE_BYTES_MIN;
	return share < max ? share : max;
}

static size_t room_under(size_t used, size_t max)
{
	return used < max ? max - used : 0;
}

/* Room in tcp_tx(), and of that what this leg's share of the pool allows. */
static size_t leg_tx_room(struct leg *leg, const struct block_pool *pool)
{
	size_t room = tcp_tx_room(leg->tcp, leg->id);
	size_t shared = room_under(byteq_bytes(tcp_tx(leg->tcp, leg->id)), leg_share(pool, SIZE_MAX));
	return room < shared ? room : shared;
}

static struct tls_queues leg_queues(struct leg *leg, const struct block_pool *pool)
{
	return (struct tls_queues){
		.cipher_in = tcp_rx(leg->tcp, leg->id),
		.cipher_out = tcp_tx(leg->tcp, leg->id),
		.cipher_out_room = leg_tx_room(leg, pool),
		.plain_in = &leg->plain_in,
		.plain_in_room = room_under(byteq_bytes(&leg->plain_in), LEG_PLAIN_BYTES_MAX),
		.plain_out = &leg->out,
	};
}

/* A session whose crypto operation is on its way elsewhere must not be entered. */
static bool tls_is_parked(const struct leg *leg)
{
	return leg->tls != NULL && tls_phase(leg->tls) == TLS_PHASE_PARKED;
}

void leg_pull(struct leg *leg, struct block_pool *pool, struct instant now)
{
	if (leg->tcp == NULL || leg->tls == NULL || tls_is_parked(leg))
		return;
	struct tls_queues queues = leg_queues(leg, pool);
	size_t in_before = byteq_bytes(queues.cipher_in);
	size_t out_before = byteq_bytes(queues.cipher_out);
	bool may_read = queues.plain_in_room > 0 && pool->free_count > 0;
	tls_input(leg->tls, &queues, now);
	leg->stuck = leg->eof && may_read && byteq_bytes(queues.cipher_in) == in_before;
	if (byteq_bytes(queues.cipher_in) != in_before)
		tcp_rx_taken(leg->tcp, leg->id, now);
	if (byteq_bytes(queues.cipher_out) != out_before)
		tcp_tx_added(leg->tcp, leg->id, now);
}

bool leg_handshaking(const struct leg *leg)
{
	if (leg->tls == NULL)
		return false;
	enum tls_phase phase = tls_phase(leg->tls);
	return phase == TLS_PHASE_HANDSHAKE || phase == TLS_PHASE_PARKED;
}

bool leg_tls_failed(const struct leg *leg)
{
	return leg->tls != NULL && tls_phase(leg->tls) == TLS_PHASE_FAILED;
}

struct span leg_peek(struct leg *leg)
{
	if (leg->tcp == NULL)
		return SPAN_NONE;
	return byteq_peek(leg->tls != NULL ? &leg->plain_in : tcp_rx(leg->tcp, leg->id));
}

void leg_eat(struct leg *leg, struct block_pool *pool, size_t bytes, struct instant now)
{
	if (bytes == 0)
		return;
	if (leg->tls != NULL) {
		byteq_consume(&leg->plain_in, pool, bytes);
		return;
	}
	byteq_consume(tcp_rx(leg->tcp, leg->id), pool, bytes);
	tcp_rx_taken(leg->tcp, leg->id, now);
}

size_t leg_plain_left(struct leg *leg)
{
	return byteq_bytes(leg->tls != NULL ? &leg->plain_in : tcp_rx(leg->tcp, leg->id));
}

size_t leg_out_room(const struct leg *leg, const struct block_pool *pool)
{
	return room_under(byteq_bytes(&leg->out), leg_share(pool, LEG_OUT_BYTES_MAX));
}

static void leg_close_now(struct leg *leg, const struct block_pool *pool, struct instant now)
{
	if (leg->tls != NULL && !tls_is_parked(leg) && tls_phase(leg->tls) != TLS_PHASE_FAILED) {
		tls_shut(leg->tls);
		struct tls_queues queues = leg_queues(leg, pool);
		tls_output(leg->tls, &queues, now);
		tcp_tx_added(leg->tcp, leg->id, now);
	}
	tcp_shut(leg->tcp, leg->id, now);
	leg->shut = false;
}

void leg_push(struct leg *leg, struct block_pool *pool, struct instant now)
{
	if (leg->tcp == NULL || leg->closed || tls_is_parked(leg))
		return;
	struct byteq *tx = tcp_tx(leg->tcp, leg->id);
	size_t before = byteq_bytes(tx);
	if (leg->tls != NULL) {
		struct tls_queues queues = leg_queues(leg, pool);
		tls_output(leg->tls, &queues, now);
		if (leg_tls_failed(leg))
			byteq_clear(&leg->out, pool); /* nothing but the alert can be sent any more */
	} else {
		(void)byteq_move(tx, &leg->out, pool, leg_tx_room(leg, pool));
	}
	if (byteq_bytes(tx) != before)
		tcp_tx_added(leg->tcp, leg->id, now);
	if (leg->shut && leg_flushed(leg))
		leg_close_now(leg, pool, now);
}

bool leg_ended(struct leg *leg)
{
	if (leg->tcp == NULL)
		return true;
	if (leg->tls != NULL && byteq_bytes(&leg->plain_in) > 0)
		return false;
	if (leg->tls != NULL && tls_phase(leg->tls) == TLS_PHASE_PEER_CLOSED)
		return true;
	return leg->eof && (leg->stuck || byteq_bytes(tcp_rx(leg->tcp, leg->id)) == 0);
}

static void leg_free_parts(struct leg *leg, struct block_pool *pool, bool orderly)
{
	if (leg->tls != NULL)
		tls_free(leg->tls, orderly);
	byteq_clear(&leg->plain_in, pool);
	byteq_clear(&leg->out, pool);
	*leg = (struct leg){ .tcp = NULL };
}

void leg_drop(struct leg *leg, struct block_pool *pool, struct instant now)
{
	if (leg->tcp == NULL)
		return;
	if (!leg->closed && !leg->shut && leg->tls != NULL && tls_phase(leg->tls) == TLS_PHASE_ESTABLISHED)
		leg_close_now(leg, pool, now);
	tcp_release(leg->tcp, leg->id, now);
	leg_free_parts(leg, pool, true);
}

void leg_abort(struct leg *leg, struct block_pool *pool, struct instant now)
{
	if (leg->tcp == NULL)
		return;
	tcp_abort(leg->tcp, leg->id, now);
	leg_free_parts(leg, pool, true);
}
