/*
 * tls_fake_handshake.c - the fake's handshake.
 *
 *	client hello   kind, newest version, oldest version, ticket (0: none), server name
 *	server hello   kind, version, trusted or not, resumption or not, the certificate's name
 *	finished       kind
 *	ticket         kind, ticket; after the handshake
 *
 * The client judges, as clients do: trust before names, and neither when it resumes. Answering a
 * client hello and judging a server hello stand for asymmetric operations, and these two may be
 * parked. Pure.
 */
#include "crypto-offload/tls_fake_int.h"

#include "base/text.h"

static void handshake_message(struct fake_session *s, struct span payload, struct instant now);

static struct span name_span(const char *name)
{
	size_t bytes = 0;
	while (bytes < TLS_NAME_BYTES - 1 && name[bytes] != '\0')
		bytes++;
	return span_of(name, bytes);
}

struct fake_ticket *fake_ticket_place(struct fake_session *s)
{
	return &fake_engine(s->head.engine)->tickets[s->ticket_key % FAKE_TICKETS];
}

static void client_hello_send(struct fake_session *s)
{
	const struct tls_fake_config *config = &fake_engine(s->head.engine)->config;
	const struct fake_ticket *ticket = fake_ticket_place(s);
	struct span name = name_span(s->server_name);
	uint8_t message[FAKE_MESSAGE_MAX];
	struct writer w = writer_of((struct room){ .data = message, .bytes = sizeof(message) });
	uint64_t value = ticket->key == s->ticket_key ? ticket->value : 0;
	writer_u8(&w, FAKE_CLIENT_HELLO);
	writer_u8(&w, (uint8_t)config->version_max);
	writer_u8(&w, (uint8_t)s->minimum);
	writer_be32(&w, (uint32_t)(value >> 32));
	writer_be32(&w, (uint32_t)value);
	writer_u8(&w, (uint8_t)name.bytes);
	writer_bytes(&w, name);
	CHECK(w.ok);
	s->step = FAKE_AWAIT_SERVER_HELLO;
	bool sent = fake_message_send(s, FAKE_HANDSHAKE, writer_span(&w));
	CHECK(sent);
}

/* A server accepts its own tickets, and those of every other fake with the same certificate. */
static uint64_t ticket_value(const struct fake_session *s)
{
	const struct tls_fake_config *config = &fake_engine(s->head.engine)->config;
	return hash_bytes(HASH_START, name_span(config->certificate_name)) | 1;
}

static void ticket_send(struct fake_session *s)
{
	uint64_t value = ticket_value(s);
	uint8_t message[9];
	struct writer w = writer_of((struct room){ .data = message, .bytes = sizeof(message) });
	writer_u8(&w, FAKE_TICKET);
	writer_be32(&w, (uint32_t)(value >> 32));
	writer_be32(&w, (uint32_t)value);
	(void)fake_message_send(s, FAKE_HANDSHAKE, writer_span(&w));
}

static void client_hello_answer(struct fake_session *s)
{
	const struct tls_fake_config *config = &fake_engine(s->head.engine)->config;
	struct span name = name_span(config->certificate_name);
	uint8_t message[FAKE_MESSAGE_MAX];
	struct writer w = writer_of((struct room){ .data = message, .bytes = sizeof(message) });
	s->version = s->peer_maximum < config->version_max ? s->peer_maximum : config->version_max;
	if (s->version < s->peer_minimum) {
		fake_fault(s, TLS_FAILURE_VERSION, FAKE_PROTOCOL_VERSION);
		return;
	}
	s->resumed = s->peer_ticket == ticket_value(s);
	writer_u8(&w, FAKE_SERVER_HELLO);
	writer_u8(&w, (uint8_t)s->version);
	writer_u8(&w, config->certificate_trusted);
	writer_u8(&w, s->resumed);
	writer_u8(&w, (uint8_t)name.bytes);
	writer_bytes(&w, name);
	CHECK(w.ok);
	s->step = FAKE_AWAIT_FINISHED;
	if (!fake_message_send(s, FAKE_HANDSHAKE, writer_span(&w)))
		fake_fail(s, TLS_FAILURE_RESOURCES);
}

/* Equal without case, or the certificate's "*." stands for the reference's first label. */
static bool name_matches(struct span certificate, struct span reference)
{
	if (certificate.bytes == 0 || reference.bytes == 0)
		return false;
	if (span_equal_nocase(certificate, reference))
		return true;
	struct span rest = span_after(reference, span_find(reference, '.'));
	return certificate.data[0] == '*' && rest.bytes > 1 &&
	       span_equal_nocase(span_after(certificate, 1), rest);
}

static bool reference_matches(const struct fake_session *s)
{
	for (uint32_t i = 0; i < s->reference_count; i++)
		if (name_matches(name_span(s->peer_name), name_span(s->references[i])))
			return true;
	return false;
}

static void server_hello_judge(struct fake_session *s)
{
	uint8_t finished = FAKE_FINISHED;
	s->resumed = s->peer_resumes;
	if (s->version < s->minimum)
		fake_fault(s, TLS_FAILURE_VERSION, FAKE_PROTOCOL_VERSION);
	else if (s->verify && !s->resumed && !s->peer_trusted)
		fake_fault(s, TLS_FAILURE_UNTRUSTED, FAKE_UNKNOWN_CA);
	else if (s->verify && !s->resumed && !reference_matches(s))
		fake_fault(s, TLS_FAILURE_NAME, FAKE_BAD_CERTIFICATE);
	else if (fake_message_send(s, FAKE_HANDSHAKE, span_of(&finished, 1)))
		s->step = FAKE_DONE;
	else
		fake_fail(s, TLS_FAILURE_RESOURCES);
}

/* A step that stands for an asymmetric operation. True: it was parked. */
static bool handshake_park(struct fake_session *s, struct instant now)
{
	struct fake_engine *e = fake_engine(s->head.engine);
	if (!prng_chance(&e->prng, e->config.park_per_mille))
		return false;
	s->parked = true;
	s->phase = TLS_PHASE_PARKED;
	s->ready_at = instant_add(now, 1 + prng_below(&e->prng, e->config.park_us_max + 1));
	s->next_parked = e->parked;
	e->parked = s;
	e->head.parked++;
	return true;
}

static void handshake_step(struct fake_session *s)
{
	switch (s->step) {
	case FAKE_SEND_CLIENT_HELLO:
		client_hello_send(s);
		break;
	case FAKE_ANSWER_CLIENT_HELLO:
		client_hello_answer(s);
		break;
	case FAKE_JUDGE_SERVER_HELLO:
		server_hello_judge(s);
		break;
	case FAKE_AWAIT_CLIENT_HELLO:
	case FAKE_AWAIT_SERVER_HELLO:
	case FAKE_AWAIT_FINISHED:
	case FAKE_DONE: /* the peer's turn, or nobody's */
		break;
	}
	fake_flight_flush(s);
}

/* Each record read ends one round of the loop. */
void fake_handshake_carry(struct fake_session *s, struct instant now)
{
	handshake_step(s);
	while (s->phase == TLS_PHASE_HANDSHAKE && s->step != FAKE_DONE) {
		enum fake_type type = FAKE_DATA;
		uint8_t payload[FAKE_MESSAGE_MAX];
		size_t bytes = 0;
		enum fake_read read = fake_record_read(s, &type, payload, &bytes);
		if (read == FAKE_READ_NOTHING)
			return;
		s->handshake_bytes += (uint32_t)(FAKE_HEAD + bytes);
		if (s->handshake_bytes > TLS_HANDSHAKE_BYTES_MAX)
			fake_fail(s, TLS_FAILURE_LIMIT);
		else if (read != FAKE_READ_MESSAGE)
			fake_fault(s, TLS_FAILURE_PROTOCOL, FAKE_UNEXPECTED);
		else if (type == FAKE_ALERT)
			fake_alert_receive(s, span_of(payload, bytes));
		else
			handshake_message(s, span_of(payload, bytes), now);
	}
}

static bool client_hello_read(struct fake_session *s, struct reader *r)
{
	uint8_t maximum = reader_u8(r);
	uint8_t minimum = reader_u8(r);
	uint64_t ticket = (uint64_t)reader_be32(r) << 32;
	ticket |= reader_be32(r);
	struct span name = reader_take(r, reader_u8(r));
	s->peer_maximum = maximum >= TLS_VERSION_1_3 ? TLS_VERSION_1_3 : TLS_VERSION_1_2;
	s->peer_minimum = minimum >= TLS_VERSION_1_3 ? TLS_VERSION_1_3 : TLS_VERSION_1_2;
	s->peer_ticket = ticket;
	struct text t = text_of(s->server_name, sizeof(s->server_name));
	text_span(&t, name);
	s->step = FAKE_ANSWER_CLIENT_HELLO;
	return r->ok && r->left.bytes == 0 && maximum != 0;
}

static bool server_hello_read(struct fake_session *s, struct reader *r)
{
	uint8_t version = reader_u8(r);
	s->version = version >= TLS_VERSION_1_3 ? TLS_VERSION_1_3 : TLS_VERSION_1_2;
	s->peer_trusted = reader_u8(r) == 1;
	s->peer_resumes = reader_u8(r) == 1;
	struct span name = reader_take(r, reader_u8(r));
	struct text t = text_of(s->peer_name, sizeof(s->peer_name));
	text_span(&t, name);
	s->step = FAKE_JUDGE_SERVER_HELLO;
	/* A server that resumes what we did not offer is lying. */
	return r->ok && r->left.bytes == 0 && version != 0 &&
	       (!s->peer_resumes || fake_ticket_place(s)->key == s->ticket_key);
}

static void handshake_message(struct fake_session *s, struct span payload, struct instant now)
{
	struct reader r = reader_of(payload);
	uint8_t kind = reader_u8(&r);
	bool good = false;
	if (s->doomed) {
		fake_fault(s, TLS_FAILURE_PROTOCOL, FAKE_UNEXPECTED);
		return;
	}
	if (s->step == FAKE_AWAIT_CLIENT_HELLO && kind == FAKE_CLIENT_HELLO)
		good = client_hello_read(s, &r);
	else if (s->step == FAKE_AWAIT_SERVER_HELLO && kind == FAKE_SERVER_HELLO)
		good = server_hello_read(s, &r);
	else if (s->step == FAKE_AWAIT_FINISHED && kind == FAKE_FINISHED && r.left.bytes == 0) {
		s->step = FAKE_DONE;
		ticket_send(s);
		return;
	}
	if (!good)
		fake_fault(s, TLS_FAILURE_PROTOCOL, FAKE_UNEXPECTED);
	else if (!handshake_park(s, now))
		handshake_step(s);
}
