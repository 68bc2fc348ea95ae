/*
 * leg.c - the pump of one connection (leg.h).
 */
#include "bench/gen/leg.h"

static struct tls_queues queues_of(struct gen_leg *leg);
static void tls_take_over(struct gen_leg *leg, uint64_t user, struct instant now);
typedef void tls_verb(struct tls_session *session, const struct tls_queues *queues,
                      struct instant now);
static bool tls_carry(struct gen_leg *leg, tls_verb *verb, struct instant now);
static bool tls_may_enter(const struct gen_leg *leg);
static void drain_input(struct gen_leg *leg, struct instant now);

void gen_leg_init(struct gen_leg *leg, struct gen_net net, struct block_pool *pool,
                  struct handle id)
{
	*leg = (struct gen_leg){ .net = net, .pool = pool, .id = id };
}

void gen_leg_event(struct gen_leg *leg, const struct tcp_event *event)
{
	if (event->bits & TCP_EOF)
		leg->eof = true;
	if (event->bits & TCP_CLOSED) {
		leg->eof = true;
		leg->closed = true;
		leg->why = event->why;
	}
}

bool gen_leg_tls_next(struct gen_leg *leg, struct tls_engine *engine,
                      const struct tls_next_want *want, uint64_t user, struct instant now)
{
	CHECK(leg->tls == NULL);
	if (tls_ops_of(engine)->next_open(engine, want, now, &leg->tls) != TLS_CALL_OK) {
		leg->tls = NULL;
		return false;
	}
	tls_take_over(leg, user, now);
	return true;
}

bool gen_leg_tls_near(struct gen_leg *leg, struct tls_engine *engine, uint32_t certificate,
                      uint64_t user, struct instant now)
{
	CHECK(leg->tls == NULL);
	if (tls_ops_of(engine)->near_open(engine, certificate, now, &leg->tls) != TLS_CALL_OK) {
		leg->tls = NULL;
		return false;
	}
	tls_take_over(leg, user, now);
	return true;
}

enum tls_phase gen_leg_tls_phase(const struct gen_leg *leg)
{
	return leg->tls == NULL ? 0 : tls_phase(leg->tls);
}

bool gen_leg_tls_just_on(struct gen_leg *leg)
{
	if (leg->established || leg->tls == NULL)
		return false;
	enum tls_phase phase = tls_phase(leg->tls);
	leg->established = phase == TLS_PHASE_ESTABLISHED || phase == TLS_PHASE_PEER_CLOSED;
	return leg->established;
}

bool gen_leg_pull(struct gen_leg *leg, struct instant now)
{
	if (!tls_may_enter(leg))
		return false;
	enum tls_phase phase = tls_phase(leg->tls);
	bool moved = tls_carry(leg, tls_input, now);
	if (tls_may_enter(leg))
		moved |= tls_carry(leg, tls_output, now);
	return moved || tls_phase(leg->tls) != phase;
}

struct byteq *gen_leg_in(struct gen_leg *leg)
{
	if (leg->tls != NULL)
		return &leg->plain_in;
	return leg->net.ops->rx(leg->net.self, leg->id);
}

void gen_leg_consume(struct gen_leg *leg, size_t bytes, struct instant now)
{
	if (bytes == 0)
		return;
	byteq_consume(gen_leg_in(leg), leg->pool, bytes);
	if (leg->tls == NULL)
		leg->net.ops->rx_taken(leg->net.self, leg->id, now);
}

size_t gen_leg_out_room(const struct gen_leg *leg)
{
	if (!gen_leg_is_open(leg) || leg->closed)
		return 0;
	if (leg->tls == NULL)
		return leg->net.ops->tx_room(leg->net.self, leg->id);
	if (!leg->established || byteq_bytes(&leg->plain_out) >= LEG_PLAIN_BYTES_MAX)
		return 0;
	return LEG_PLAIN_BYTES_MAX - byteq_bytes(&leg->plain_out);
}

struct byteq *gen_leg_out(struct gen_leg *leg)
{
	if (leg->tls != NULL)
		return &leg->plain_out;
	return leg->net.ops->tx(leg->net.self, leg->id);
}

void gen_leg_push(struct gen_leg *leg, size_t added, struct instant now)
{
	leg->bytes_out += added;
	if (tls_may_enter(leg))
		(void)tls_carry(leg, tls_output, now);
	else if (leg->tls == NULL && added > 0)
		leg->net.ops->tx_added(leg->net.self, leg->id, now);
}

bool gen_leg_is_flushed(const struct gen_leg *leg)
{
	return byteq_bytes(&leg->plain_out) == 0;
}

bool gen_leg_is_drained(struct gen_leg *leg)
{
	if (leg->tls == NULL)
		return leg->eof && byteq_bytes(gen_leg_in(leg)) == 0;
	if (byteq_bytes(&leg->plain_in) > 0)
		return false;
	enum tls_phase phase = tls_phase(leg->tls);
	if (phase == TLS_PHASE_PEER_CLOSED || phase == TLS_PHASE_FAILED)
		return true;
	/* what TLS left behind without a way on is the beginning of a record whose rest never
	 * comes */
	return leg->eof && phase != TLS_PHASE_PARKED;
}

struct instant gen_leg_deadline(const struct gen_leg *leg)
{
	return leg->tls == NULL ? INSTANT_NEVER : tls_deadline(leg->tls);
}

void gen_leg_expire(struct gen_leg *leg, struct instant now)
{
	if (leg->tls != NULL && instant_reached(tls_deadline(leg->tls), now))
		tls_expire(leg->tls, now);
}

void gen_leg_close(struct gen_leg *leg, enum gen_leg_close how, struct instant now)
{
	if (leg->tls != NULL) {
		bool orderly = how == LEG_CLOSE_ORDERLY && leg->established && tls_may_enter(leg);
		if (orderly) {
			tls_shut(leg->tls);
			(void)tls_carry(leg, tls_output, now);
		}
		tls_free(leg->tls, orderly);
		leg->tls = NULL;
	}
	byteq_clear(&leg->plain_in, leg->pool);
	byteq_clear(&leg->plain_out, leg->pool);
	if (!gen_leg_is_open(leg))
		return;
	if (how == LEG_CLOSE_RESET) {
		leg->net.ops->abort(leg->net.self, leg->id, now);
	} else {
		drain_input(leg, now);
		leg->net.ops->release(leg->net.self, leg->id, now);
	}
	leg->id = HANDLE_NONE;
}

size_t gen_leg_bytes(const struct gen_leg *leg)
{
	return byteq_bytes(&leg->plain_in) + byteq_bytes(&leg->plain_out);
}

static struct tls_queues queues_of(struct gen_leg *leg)
{
	size_t held = byteq_bytes(&leg->plain_in);
	return (struct tls_queues){
		.cipher_in = leg->net.ops->rx(leg->net.self, leg->id),
		.cipher_out = leg->net.ops->tx(leg->net.self, leg->id),
		.cipher_out_room = leg->net.ops->tx_room(leg->net.self, leg->id),
		.plain_in = &leg->plain_in,
		.plain_in_room = held < LEG_PLAIN_BYTES_MAX ? LEG_PLAIN_BYTES_MAX - held : 0,
		.plain_out = &leg->plain_out,
	};
}

static void tls_take_over(struct gen_leg *leg, uint64_t user, struct instant now)
{
	tls_session_ops(leg->tls)->user_set(leg->tls, user);
	gen_leg_pull(leg, now);
}

/* Either verb may read and write: both carry a handshake on. The net is told what became of its
 * queues. */
static bool tls_carry(struct gen_leg *leg, tls_verb *verb, struct instant now)
{
	struct tls_queues q = queues_of(leg);
	size_t in = byteq_bytes(q.cipher_in);
	size_t out = byteq_bytes(q.cipher_out);
	verb(leg->tls, &q, now);
	bool read = byteq_bytes(q.cipher_in) != in;
	bool written = byteq_bytes(q.cipher_out) != out;
	if (read)
		leg->net.ops->rx_taken(leg->net.self, leg->id, now);
	if (written)
		leg->net.ops->tx_added(leg->net.self, leg->id, now);
	return read || written;
}

static bool tls_may_enter(const struct gen_leg *leg)
{
	return leg->tls != NULL && gen_leg_is_open(leg) && tls_phase(leg->tls) != TLS_PHASE_PARKED;
}

/* Unread bytes would turn the release into a reset; nobody wants them any more. */
static void drain_input(struct gen_leg *leg, struct instant now)
{
	struct byteq *rx = leg->net.ops->rx(leg->net.self, leg->id);
	if (byteq_bytes(rx) == 0)
		return;
	byteq_clear(rx, leg->pool);
	leg->net.ops->rx_taken(leg->net.self, leg->id, now);
}
