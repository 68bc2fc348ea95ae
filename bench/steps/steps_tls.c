/*
 * steps_tls.c - records sealed and opened, and a handshake of both sides, by the real engine (steps.h).
 */
#include <stdio.h>
#include <string.h>

#include "bench/gen/options.h"
#include "bench/steps/steps.h"
#include "bench/tool/self_signed.h"
#include "crypto-offload/tls_openssl.h"

#define BLOCKS 2048u
#define PLAIN_BYTES 65536u
#define ROOM 262144u
#define ROUNDS_MAX 64u

struct side {
	struct tls_engine *engine;
	struct tls_session *session;
	struct byteq cipher_in, cipher_out, plain_in, plain_out;
};

static struct block_pool *pool;
static struct side near, next;
static struct instant now = { .us = SECOND_US };
static uint8_t content[PLAIN_BYTES];

static struct tls_queues queues(struct side *s)
{
	return (struct tls_queues){ .cipher_in = &s->cipher_in,
		                    .cipher_out = &s->cipher_out,
		                    .cipher_out_room = ROOM,
		                    .plain_in = &s->plain_in,
		                    .plain_in_room = ROOM,
		                    .plain_out = &s->plain_out };
}

void steps_certificate(const char **chain, const char **key)
{
	static struct gen_options o;
	if (o.chain == NULL) {
		gen_options_defaults(&o);
		o.config.sink.listener_count = 1;
		o.config.sink.listeners[0].tls = GEN_TLS_STARTTLS;
		steps_need(self_signed_provide(&o), "no certificate");
	}
	*chain = o.chain;
	*key = o.key;
}

static void engine_make(struct side *s)
{
	const char *chain, *key;
	char error[512];
	steps_certificate(&chain, &key);
	struct tls_openssl_config config = { .certificate_count = 1,
		                             .certificates = { { "mx", chain, key } },
		                             .near_minimum = TLS_VERSION_1_2,
		                             .near_no_tickets = true,
		                             .handshake_timeout_us = 30 * SECOND_US,
		                             .sessions_max = 8 };
	s->engine = tls_openssl_make(&config, pool, error, sizeof(error));
	steps_need(s->engine != NULL, error);
}

static void side_step(struct side *s)
{
	struct tls_queues q = queues(s);
	tls_input(s->session, &q, now);
	tls_output(s->session, &q, now);
}

static bool is_on(const struct side *s)
{
	return tls_phase(s->session) == TLS_PHASE_ESTABLISHED;
}

static void shake_hands(void)
{
	static const struct tls_next_want want = { .server_name = "mx.weir.test", .minimum = TLS_VERSION_1_3 };
	CHECK(tls_ops_of(next.engine)->next_open(next.engine, &want, now, &next.session) == TLS_CALL_OK);
	CHECK(tls_ops_of(near.engine)->near_open(near.engine, 0, now, &near.session) == TLS_CALL_OK);
	for (uint32_t i = 0; i < ROUNDS_MAX && !(is_on(&near) && is_on(&next)); i++) {
		side_step(&next);
		byteq_move(&near.cipher_in, &next.cipher_out, pool, ROOM);
		side_step(&near);
		byteq_move(&next.cipher_in, &near.cipher_out, pool, ROOM);
	}
	CHECK(is_on(&near) && is_on(&next));
}

static void side_close(struct side *s)
{
	tls_free(s->session, false);
	s->session = NULL;
	byteq_clear(&s->cipher_in, pool);
	byteq_clear(&s->cipher_out, pool);
	byteq_clear(&s->plain_in, pool);
	byteq_clear(&s->plain_out, pool);
}

static void engines_make(void)
{
	if (pool != NULL)
		return;
	pool = steps_pool(BLOCKS);
	engine_make(&near);
	engine_make(&next);
}

static void session_make(void)
{
	engines_make();
	if (next.session == NULL)
		shake_hands();
}

static void seal_prepare(void)
{
	byteq_clear(&next.plain_out, pool);
	byteq_move(&near.cipher_in, &next.cipher_out, pool, ROOM);
	struct tls_queues q = queues(&near);
	tls_input(near.session, &q, now);
	byteq_clear(&near.plain_in, pool);
	steps_need(byteq_write(&next.plain_out, pool, span_of(content, PLAIN_BYTES)) == PLAIN_BYTES, "no blocks");
}

static void seal_batch(void)
{
	struct tls_queues q = queues(&next);
	tls_output(next.session, &q, now);
}

static void open_prepare(void)
{
	seal_prepare();
	seal_batch();
	byteq_move(&near.cipher_in, &next.cipher_out, pool, ROOM);
}

static void open_batch(void)
{
	struct tls_queues q = queues(&near);
	tls_input(near.session, &q, now);
}

static void handshake_prepare(void)
{
	if (next.session == NULL)
		return;
	side_close(&next);
	side_close(&near);
}

const struct step steps_tls[] = {
	{ "tls-seal", "KiB", "plaintext into TLS 1.3 records, 16 KiB each", session_make, seal_prepare,
	  seal_batch, PLAIN_BYTES / 1024 },
	{ "tls-open", "KiB", "records into plaintext", session_make, open_prepare, open_batch,
	  PLAIN_BYTES / 1024 },
	{ "handshake", "handshake", "TLS 1.3, both sides together, P-256, nothing resumed or verified",
	  engines_make, handshake_prepare, shake_hands, 1 },
};
const uint32_t steps_tls_count = COUNT_OF(steps_tls);
