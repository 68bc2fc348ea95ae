/*
 * tls_fake.c - the double of the TLS engine: the same outcomes as the real one, no cryptography.
 *
 * Two fakes understand each other and nobody else. What they say is in tls_fake_handshake.c, how it
 * looks on the wire in tls_fake_record.c; here are the sessions, the engine, and parking: a
 * handshake step that would be an asymmetric operation parks as often as configured, and
 * completions become ready in an order chosen by the seed.
 *
 * Entering a parked session is a bug of the caller and stops the run: OpenSSL would corrupt itself
 * in silence. Bounds: sessions_max, FAKE_TICKETS. Pure: no heap, no clock. Limits on records and
 * handshake bytes are those of tls.h; there are no key updates.
 */
#include "crypto-offload/tls_fake_int.h"

#include "base/text.h"

static void data_receive(struct fake_session *s);

/* ---- opening */

static void name_keep(char to[TLS_NAME_BYTES], const char *from)
{
	struct text t = text_of(to, TLS_NAME_BYTES);
	if (from != NULL)
		text_str(&t, from);
}

static struct fake_session *session_take(struct fake_engine *e, struct instant now)
{
	struct fake_slot *slot = slab_take(&e->sessions);
	if (slot == NULL)
		return NULL;
	struct fake_session *s = &slot->session;
	s->head.engine = (struct tls_engine *)(void *)e;
	s->phase = TLS_PHASE_HANDSHAKE;
	s->opened = now;
	s->deadline = instant_add(now, e->config.handshake_timeout_us);
	s->doomed = prng_chance(&e->prng, e->config.fail_per_mille);
	e->head.sessions++;
	return s;
}

static enum tls_call_outcome near_open(struct tls_engine *engine, uint32_t certificate,
                                       struct instant now, struct tls_session **session)
{
	(void)certificate;
	struct fake_session *s = session_take(fake_engine(engine), now);
	if (s == NULL)
		return TLS_CALL_NO_ROOM;
	s->server = true;
	s->step = FAKE_AWAIT_CLIENT_HELLO;
	*session = (struct tls_session *)(void *)s;
	return TLS_CALL_OK;
}

/* Everything that must be equal for a session to be resumed, as one number: good enough for a
 * double. */
static uint64_t ticket_key(const struct fake_session *s, uint64_t resumption_key)
{
	uint64_t hash = hash_bytes(HASH_START, span_of(&resumption_key, sizeof(resumption_key)));
	hash = hash_bytes(hash, span_of(s->server_name, sizeof(s->server_name)));
	hash = hash_bytes(hash, span_of(s->references, sizeof(s->references)));
	uint8_t rest[2] = { s->verify, (uint8_t)s->minimum };
	hash = hash_bytes(hash, span_of(rest, sizeof(rest)));
	return hash == 0 ? 1 : hash;
}

static enum tls_call_outcome next_open(struct tls_engine *engine, const struct tls_next_want *want,
                                       struct instant now, struct tls_session **session)
{
	CHECK(want->reference_count <= TLS_REFERENCES_MAX);
	struct fake_session *s = session_take(fake_engine(engine), now);
	if (s == NULL)
		return TLS_CALL_NO_ROOM;
	s->step = FAKE_SEND_CLIENT_HELLO;
	s->verify = want->verify;
	s->minimum = want->minimum == TLS_VERSION_1_3 ? TLS_VERSION_1_3 : TLS_VERSION_1_2;
	name_keep(s->server_name, want->server_name);
	s->reference_count = want->verify ? want->reference_count : 0;
	for (uint32_t i = 0; i < s->reference_count; i++)
		name_keep(s->references[i], want->references[i]);
	s->ticket_key = ticket_key(s, want->resumption_key);
	*session = (struct tls_session *)(void *)s;
	return TLS_CALL_OK;
}

/* ---- the four verbs */

static void call_begin(struct fake_session *s, const struct tls_queues *q)
{
	CHECK(s->phase != TLS_PHASE_PARKED);
	s->queues = q;
	s->writable = q->cipher_out_room;
	fake_flight_flush(s);
}

static void call_end(struct fake_session *s, struct instant now)
{
	fake_flight_flush(s);
	if (s->phase == TLS_PHASE_HANDSHAKE && s->step == FAKE_DONE && s->flight_bytes == 0) {
		struct tls_engine_head *head = tls_engine_head(s->head.engine);
		s->phase = TLS_PHASE_ESTABLISHED;
		s->established = true;
		s->handshake_us = instant_since(s->opened, now);
		head->handshakes_near += s->server;
		head->handshakes_next += !s->server;
		head->resumed_near += s->server && s->resumed;
		head->resumed_next += !s->server && s->resumed;
	}
	s->queues = NULL;
}

static void session_input(struct tls_session *t, const struct tls_queues *q, struct instant now)
{
	struct fake_session *s = fake_session(t);
	call_begin(s, q);
	if (s->phase == TLS_PHASE_HANDSHAKE)
		fake_handshake_carry(s, now);
	call_end(s, now);
	if (s->phase != TLS_PHASE_ESTABLISHED)
		return;
	s->queues = q;
	data_receive(s);
	call_end(s, now);
}

static void session_output(struct tls_session *t, const struct tls_queues *q, struct instant now)
{
	struct fake_session *s = fake_session(t);
	call_begin(s, q);
	if (s->phase == TLS_PHASE_HANDSHAKE)
		fake_handshake_carry(s, now);
	call_end(s, now);
	s->queues = q;
	if (s->phase == TLS_PHASE_ESTABLISHED || s->phase == TLS_PHASE_PEER_CLOSED) {
		if (!s->shut_done)
			fake_data_send(s);
		if (s->shut_wanted && !s->shut_done && byteq_bytes(q->plain_out) == 0) {
			s->shut_done = true;
			fake_alert_send(s, FAKE_CLOSE_NOTIFY);
		}
	}
	call_end(s, now);
}

static struct instant session_deadline(const struct tls_session *t)
{
	const struct fake_session *s = fake_session_const(t);
	bool going = s->phase == TLS_PHASE_HANDSHAKE || s->phase == TLS_PHASE_PARKED;
	return going ? s->deadline : INSTANT_NEVER;
}

static void session_expire(struct tls_session *t, struct instant now)
{
	if (instant_reached(session_deadline(t), now))
		fake_fail(fake_session(t), TLS_FAILURE_TIMEOUT);
}

void fake_fail(struct fake_session *s, enum tls_failure failure)
{
	if (s->phase == TLS_PHASE_FAILED)
		return;
	if (!s->server && !s->established)
		fake_ticket_place(s)->key = 0;
	s->phase = TLS_PHASE_FAILED;
	s->failure = failure;
	tls_engine_head(s->head.engine)->failures[failure]++;
}

/* Fails and tells the peer. */
void fake_fault(struct fake_session *s, enum tls_failure failure, enum fake_alert alert)
{
	if (s->phase == TLS_PHASE_FAILED)
		return;
	fake_alert_send(s, alert);
	fake_fail(s, failure);
}

/* ---- data */

void fake_alert_receive(struct fake_session *s, struct span payload)
{
	if (payload.bytes != 2)
		fake_fault(s, TLS_FAILURE_PROTOCOL, FAKE_UNEXPECTED);
	else if (payload.data[1] == FAKE_CLOSE_NOTIFY && s->established)
		s->phase = TLS_PHASE_PEER_CLOSED;
	else if (payload.data[1] == FAKE_PROTOCOL_VERSION)
		fake_fail(s, TLS_FAILURE_VERSION);
	else
		fake_fail(s, TLS_FAILURE_ALERT);
}

static void ticket_receive(struct fake_session *s, struct span payload)
{
	struct reader r = reader_of(payload);
	uint8_t kind = reader_u8(&r);
	uint64_t value = (uint64_t)reader_be32(&r) << 32;
	value |= reader_be32(&r);
	if (s->server || kind != FAKE_TICKET || !r.ok || r.left.bytes != 0) {
		fake_fault(s, TLS_FAILURE_PROTOCOL, FAKE_UNEXPECTED);
		return;
	}
	*fake_ticket_place(s) = (struct fake_ticket){ .key = s->ticket_key, .value = value };
}

/* False: nothing more to do in this call. */
static bool record_receive(struct fake_session *s)
{
	enum fake_type type = FAKE_DATA;
	uint8_t payload[FAKE_MESSAGE_MAX];
	size_t bytes = 0;
	switch (fake_record_read(s, &type, payload, &bytes)) {
	case FAKE_READ_NOTHING:
		return false;
	case FAKE_READ_GARBAGE:
		fake_fault(s, TLS_FAILURE_PROTOCOL, FAKE_UNEXPECTED);
		return false;
	case FAKE_READ_MESSAGE:
		if (type == FAKE_ALERT)
			fake_alert_receive(s, span_of(payload, bytes));
		else
			ticket_receive(s, span_of(payload, bytes));
		return s->phase == TLS_PHASE_ESTABLISHED;
	case FAKE_READ_DATA:
		s->empty_records = s->open_left == 0 ? s->empty_records + 1 : 0;
		if (s->empty_records > TLS_EMPTY_RECORDS_MAX)
			fake_fail(s, TLS_FAILURE_LIMIT);
		return s->phase == TLS_PHASE_ESTABLISHED;
	}
	return false;
}

static void data_receive(struct fake_session *s)
{
	size_t room = s->queues->plain_in_room;
	while (room > 0) {
		if (s->open_left == 0 && !record_receive(s))
			return;
		if (s->open_left == 0)
			continue;
		size_t moved = fake_data_deliver(s, room);
		if (moved == 0)
			return;
		room -= moved;
	}
}

static void session_shut(struct tls_session *t)
{
	fake_session(t)->shut_wanted = true;
}

/* ---- asking */

static enum tls_phase session_phase(const struct tls_session *t)
{
	return fake_session_const(t)->phase;
}

static void session_facts(const struct tls_session *t, struct tls_facts *facts)
{
	const struct fake_session *s = fake_session_const(t);
	*facts = (struct tls_facts){ .failure = s->failure,
		                     .version_text = "",
		                     .cipher_text = "",
		                     .server_name = s->server_name,
		                     .peer_name = s->peer_name,
		                     .handshake_us = s->handshake_us };
	if (!s->established)
		return;
	facts->version = s->version;
	facts->version_text = s->version == TLS_VERSION_1_3 ? "TLSv1.3" : "TLSv1.2";
	facts->cipher_text = "FAKE_NULL_A5";
	facts->resumed = s->resumed;
	facts->verified = s->verify;
}

static void session_user_set(struct tls_session *t, uint64_t user)
{
	fake_session(t)->head.user = user;
}

/* ---- freeing, parking and completing */

static void session_give(struct fake_session *s)
{
	struct fake_engine *e = fake_engine(s->head.engine);
	slab_give(&e->sessions,
	          (struct fake_slot *)(void *)((char *)s - offsetof(struct fake_slot, session)));
	e->head.sessions--;
}

static void list_remove(struct fake_session **list, const struct fake_session *s)
{
	while (*list != s)
		list = &(*list)->next_parked;
	*list = s->next_parked;
}

static bool list_holds(const struct fake_session *list, const struct fake_session *s)
{
	while (list != NULL && list != s)
		list = list->next_parked;
	return list != NULL;
}

static void session_free(struct tls_session *t, bool orderly)
{
	struct fake_session *s = fake_session(t);
	struct fake_engine *e = fake_engine(s->head.engine);
	CHECK(!s->zombie);
	if (!orderly && !s->server && fake_ticket_place(s)->key == s->ticket_key)
		fake_ticket_place(s)->key = 0;
	if (s->parked && !list_holds(e->ready, s)) {
		s->zombie = true;
		return;
	}
	if (s->parked)
		list_remove(&e->ready, s);
	session_give(s);
}

/* Puts a completed session at one end of the ready list or the other, as the seed will have it. */
static void ready_add(struct fake_engine *e, struct fake_session *s)
{
	struct fake_session **place = &e->ready;
	while (*place != NULL && prng_chance(&e->prng, 500))
		place = &(*place)->next_parked;
	s->next_parked = *place;
	*place = s;
}

static uint32_t engine_poll(struct tls_engine *engine, struct instant now)
{
	struct fake_engine *e = fake_engine(engine);
	struct fake_session **place = &e->parked;
	uint32_t ready = 0;
	while (*place != NULL) {
		struct fake_session *s = *place;
		if (!instant_reached(s->ready_at, now)) {
			place = &s->next_parked;
			continue;
		}
		*place = s->next_parked;
		if (s->zombie) {
			session_give(s);
			continue;
		}
		ready_add(e, s);
		ready++;
	}
	return ready;
}

static bool engine_next_ready(struct tls_engine *engine, uint64_t *user)
{
	struct fake_engine *e = fake_engine(engine);
	struct fake_session *s = e->ready;
	if (s == NULL)
		return false;
	e->ready = s->next_parked;
	s->parked = false;
	if (s->phase == TLS_PHASE_PARKED)
		s->phase = TLS_PHASE_HANDSHAKE;
	*user = s->head.user;
	return true;
}

struct instant tls_fake_deadline(const struct tls_engine *engine)
{
	const struct fake_engine *e = (const struct fake_engine *)(const void *)engine;
	struct instant at = INSTANT_NEVER;
	for (const struct fake_session *s = e->parked; s != NULL; s = s->next_parked)
		at = instant_earlier(at, s->ready_at);
	return at;
}

/* The memory is the caller's; nothing else is held. */
static void engine_free(struct tls_engine *engine)
{
	memset(engine, 0, sizeof(struct fake_engine));
}

static const struct tls_ops fake_ops = {
	.name = "fake",
	.near_open = near_open,
	.next_open = next_open,
	.input = session_input,
	.output = session_output,
	.deadline = session_deadline,
	.expire = session_expire,
	.phase = session_phase,
	.facts = session_facts,
	.shut = session_shut,
	.free = session_free,
	.user_set = session_user_set,
	.poll = engine_poll,
	.next_ready = engine_next_ready,
	.engine_free = engine_free,
};

static size_t engine_bytes(void)
{
	return (sizeof(struct fake_engine) + 63) / 64 * 64;
}

size_t tls_fake_bytes(const struct tls_fake_config *config)
{
	return engine_bytes() + slab_memory_bytes(sizeof(struct fake_slot), config->sessions_max);
}

struct tls_engine *tls_fake_make(const struct tls_fake_config *config, struct block_pool *pool,
                                 void *memory)
{
	struct fake_engine *e = memory;
	memset(e, 0, sizeof(*e));
	e->head.ops = &fake_ops;
	e->head.pool = pool;
	e->head.sessions_max = config->sessions_max;
	e->config = *config;
	prng_seed(&e->prng, config->seed);
	slab_init(&e->sessions, (uint8_t *)memory + engine_bytes(), sizeof(struct fake_slot),
	          config->sessions_max, FAKE_MAGIC);
	return (struct tls_engine *)(void *)e;
}
