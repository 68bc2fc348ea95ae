/*
 * tls_cases.h - what every TLS engine must do, as one table of cases: included by the test of each
 * engine.
 */
#ifndef WEIR_TESTS_TLS_CASES_H
#define WEIR_TESTS_TLS_CASES_H

#include "tls_cases_session.h"
#include "tls_pair.h"

static void case_handshake(void)
{
	struct pair p;
	pair_begin(&p, &kit_plain);
	pair_connect(&p, &want_encrypt);
	pair_assert_established(&p);
	struct tls_facts near = facts_of(&p.near);
	struct tls_facts next = facts_of(&p.next);
	CU_ASSERT_EQUAL(near.version, TLS_VERSION_1_3);
	CU_ASSERT_EQUAL(next.version, TLS_VERSION_1_3);
	CU_ASSERT_STRING_EQUAL(near.version_text, "TLSv1.3");
	CU_ASSERT_STRING_EQUAL(near.cipher_text, next.cipher_text);
	CU_ASSERT_STRING_NOT_EQUAL(near.cipher_text, "");
	CU_ASSERT_STRING_EQUAL(near.server_name, "mx.example.test");
	CU_ASSERT_STRING_EQUAL(next.server_name, "mx.example.test");
	CU_ASSERT_STRING_EQUAL(near.peer_name, "");
	CU_ASSERT_PTR_NOT_NULL(strstr(next.peer_name, "mx.example.test"));
	CU_ASSERT_FALSE(near.resumed || next.resumed || near.verified || next.verified);
	CU_ASSERT_TRUE(near.handshake_us > 0 && next.handshake_us > 0);
	CU_ASSERT_EQUAL(tls_engine_head(p.near.engine)->handshakes_near, 1);
	CU_ASSERT_EQUAL(tls_engine_head(p.next.engine)->handshakes_next, 1);
	CU_ASSERT_EQUAL(tls_deadline(p.near.session).us, INSTANT_NEVER.us);
	pair_end(&p);
}

static void case_handshake_1_2(void)
{
	struct pair p;
	struct kit_options old = kit_plain;
	old.version_max = TLS_VERSION_1_2;
	pair_begin(&p, &old);
	pair_connect(&p, &want_verify);
	pair_assert_established(&p);
	CU_ASSERT_EQUAL(facts_of(&p.near).version, TLS_VERSION_1_2);
	CU_ASSERT_EQUAL(facts_of(&p.next).version, TLS_VERSION_1_2);
	CU_ASSERT_TRUE(facts_of(&p.next).verified);
	pair_end(&p);
}

static void case_data(void)
{
	struct pair p;
	pair_begin(&p, &kit_plain);
	p.forbidden = SPAN("a secret that crosses the wire");
	pair_connect(&p, &want_encrypt);
	queue_put(&p, &p.next.plain_out, p.forbidden);
	queue_put(&p, &p.near.plain_out, SPAN("220 ready\r\n"));
	pair_run(&p);
	CU_ASSERT_TRUE(queue_is(&p.near.plain_in, p.forbidden));
	CU_ASSERT_TRUE(queue_is(&p.next.plain_in, SPAN("220 ready\r\n")));
	CU_ASSERT_EQUAL(byteq_bytes(&p.next.plain_out), 0);
	pair_end(&p);
}

/* What is in plain_out before the handshake is done waits for it. */
static void case_data_early(void)
{
	struct pair p;
	pair_begin(&p, &kit_plain);
	p.forbidden = SPAN("EHLO too.early.test\r\n");
	pair_open(&p, &want_encrypt);
	queue_put(&p, &p.next.plain_out, p.forbidden);
	side_output(&p, &p.next);
	CU_ASSERT_EQUAL(byteq_bytes(&p.next.plain_out), p.forbidden.bytes);
	pair_run(&p);
	CU_ASSERT_TRUE(queue_is(&p.near.plain_in, p.forbidden));
	pair_end(&p);
}

static void case_verified(void)
{
	struct pair p;
	pair_begin(&p, &kit_plain);
	pair_connect(&p, &want_verify);
	pair_assert_established(&p);
	CU_ASSERT_TRUE(facts_of(&p.next).verified);
	CU_ASSERT_FALSE(facts_of(&p.near).verified);
	pair_end(&p);
}

static void case_untrusted(void)
{
	struct pair p;
	struct kit_options stranger = kit_plain;
	stranger.certificate = KIT_UNTRUSTED;
	pair_begin(&p, &stranger);
	p.forbidden = SPAN("MAIL FROM:<a@b.test>\r\n");
	pair_open(&p, &want_verify);
	queue_put(&p, &p.next.plain_out, p.forbidden);
	pair_run(&p);
	pair_assert_next_failed(&p, TLS_FAILURE_UNTRUSTED);
	CU_ASSERT_EQUAL(byteq_bytes(&p.near.plain_in), 0);
	CU_ASSERT_EQUAL(byteq_bytes(&p.next.plain_out), p.forbidden.bytes);
	CU_ASSERT_EQUAL(facts_of(&p.near).failure, TLS_FAILURE_ALERT);
	CU_ASSERT_EQUAL(tls_engine_head(p.next.engine)->failures[TLS_FAILURE_UNTRUSTED], 1);
	pair_end(&p);
}

static void case_untrusted_is_fine_unverified(void)
{
	struct pair p;
	struct kit_options stranger = kit_plain;
	stranger.certificate = KIT_UNTRUSTED;
	pair_begin(&p, &stranger);
	pair_connect(&p, &want_encrypt);
	pair_assert_established(&p);
	CU_ASSERT_FALSE(facts_of(&p.next).verified);
	pair_end(&p);
}

static void case_wrong_name(void)
{
	struct pair p;
	struct tls_next_want want = want_verify;
	want.reference_count = 1; /* other.test */
	pair_begin(&p, &kit_plain);
	pair_connect(&p, &want);
	pair_assert_next_failed(&p, TLS_FAILURE_NAME);
	pair_shut(&p, false);
	want.reference_count = 0;
	pair_connect(&p, &want);
	pair_assert_next_failed(&p, TLS_FAILURE_NAME);
	pair_end(&p);
}

static void case_minimum_version(void)
{
	struct pair p;
	struct kit_options old = kit_plain;
	struct tls_next_want want = want_encrypt;
	old.version_max = TLS_VERSION_1_2;
	want.minimum = TLS_VERSION_1_3;
	pair_begin(&p, &old);
	pair_connect(&p, &want);
	pair_assert_next_failed(&p, TLS_FAILURE_VERSION);
	CU_ASSERT_EQUAL(facts_of(&p.near).failure, TLS_FAILURE_VERSION);
	pair_end(&p);
}

static void garbage_fails(const char *text)
{
	struct pair p;
	pair_begin(&p, &kit_plain);
	pair_open(&p, &want_encrypt);
	queue_put(&p, &p.near.cipher_in, span_of(text, strlen(text)));
	side_input(&p, &p.near);
	CU_ASSERT_EQUAL(tls_phase(p.near.session), TLS_PHASE_FAILED);
	CU_ASSERT_STRING_EQUAL(tls_failure_name(facts_of(&p.near).failure), "protocol");
	CU_ASSERT_STRING_EQUAL(facts_of(&p.near).version_text, "");
	queue_put(&p, &p.next.cipher_in, span_of(text, strlen(text)));
	side_output(&p, &p.next);
	side_input(&p, &p.next);
	CU_ASSERT_EQUAL(tls_phase(p.next.session), TLS_PHASE_FAILED);
	CU_ASSERT_EQUAL(facts_of(&p.next).failure, TLS_FAILURE_PROTOCOL);
	pair_end(&p);
}

static void case_garbage(void)
{
	garbage_fails("EHLO I.did.not.hear.of.starttls.test\r\n");
	garbage_fails("GET / HTTP/1.1\r\nHost: mx.example.test\r\n\r\n");
	garbage_fails("\x16\x03\x01\xff\xff this record would be too big");
}

static void case_garbage_established(void)
{
	struct pair p;
	pair_begin(&p, &kit_plain);
	pair_connect(&p, &want_encrypt);
	queue_put(&p, &p.near.cipher_in, SPAN("MAIL FROM:<injected@example.test>\r\n"));
	side_input(&p, &p.near);
	CU_ASSERT_EQUAL(tls_phase(p.near.session), TLS_PHASE_FAILED);
	CU_ASSERT_EQUAL(facts_of(&p.near).failure, TLS_FAILURE_PROTOCOL);
	CU_ASSERT_EQUAL(byteq_bytes(&p.near.plain_in), 0);
	CU_ASSERT_TRUE(byteq_bytes(&p.near.cipher_out) > 0); /* the alert */
	pair_run(&p);
	CU_ASSERT_EQUAL(facts_of(&p.next).failure, TLS_FAILURE_ALERT);
	pair_end(&p);
}

static void case_byte_by_byte(void)
{
	struct pair p;
	pair_begin(&p, &kit_plain);
	p.chunk = 1;
	pair_connect(&p, &want_verify);
	pair_assert_established(&p);
	queue_put(&p, &p.next.plain_out, SPAN("EHLO a.test\r\n"));
	queue_put(&p, &p.near.plain_out, SPAN("250 b.test\r\n"));
	pair_run(&p);
	CU_ASSERT_TRUE(queue_is(&p.near.plain_in, SPAN("EHLO a.test\r\n")));
	CU_ASSERT_TRUE(queue_is(&p.next.plain_in, SPAN("250 b.test\r\n")));
	pair_end(&p);
}

/* The handshake's flights, and a failing one's alerts, come through whatever the room is. */
static void case_small_rooms(void)
{
	struct kit_options stranger = kit_plain;
	stranger.certificate = KIT_UNTRUSTED;
	for (size_t room = 1; room < 60; room += room < 8 ? 1 : 13) {
		struct pair p;
		pair_begin(&p, &kit_plain);
		p.room = room;
		pair_connect(&p, &want_verify);
		pair_assert_established(&p);
		p.room = 200;
		queue_put(&p, &p.next.plain_out, SPAN("short"));
		pair_run(&p);
		CU_ASSERT_TRUE(queue_is(&p.near.plain_in, SPAN("short")));
		pair_end(&p);
		pair_begin(&p, &stranger);
		p.room = room;
		pair_connect(&p, &want_verify);
		pair_assert_next_failed(&p, TLS_FAILURE_UNTRUSTED);
		CU_ASSERT_EQUAL(facts_of(&p.near).failure, TLS_FAILURE_ALERT);
		pair_end(&p);
	}
}

static uint8_t pattern(size_t at)
{
	return (uint8_t)(at * 2654435761u >> 13);
}

/* Tops plain_out up and eats plain_in, checking each byte; rooms and chunks change all the time. */
static void transfer(struct pair *p, struct side *from, struct side *to, size_t total, bool jitter)
{
	struct prng prng;
	size_t sent = 0;
	size_t got = 0;
	prng_seed(&prng, total);
	for (unsigned round = 0; got < total; round++) {
		CU_ASSERT_FATAL(round < PAIR_ROUNDS_MAX);
		uint8_t bytes[8192];
		size_t n = prng_below(&prng, sizeof(bytes)) + 1;
		n = n < total - sent ? n : total - sent;
		for (size_t i = 0; i < n; i++)
			bytes[i] = pattern(sent + i);
		if (byteq_bytes(&from->plain_out) < 65536)
			sent += byteq_write(&from->plain_out, &p->pool, span_of(bytes, n));
		p->room = jitter ? 1 + prng_below(&prng, 40000) : 65536;
		p->plain_room = jitter ? 1 + prng_below(&prng, 20000) : 65536;
		p->chunk = jitter ? 1 + prng_below(&prng, 40000) : 65536;
		if (p->room < byteq_bytes(&from->cipher_out))
			p->room = byteq_bytes(&from->cipher_out);
		pair_step(p);
		struct span piece;
		while ((piece = byteq_peek(&to->plain_in)).bytes > 0) {
			bool good = true;
			for (size_t i = 0; i < piece.bytes; i++)
				good &= piece.data[i] == pattern(got + i);
			CU_ASSERT_TRUE_FATAL(good);
			got += piece.bytes;
			byteq_consume(&to->plain_in, &p->pool, piece.bytes);
		}
	}
	CU_ASSERT_EQUAL(got, total);
}

static void case_transfer(void)
{
	struct pair p;
	pair_begin(&p, &kit_plain);
	pair_connect(&p, &want_encrypt);
	transfer(&p, &p.next, &p.near, 10u << 20, false);
	transfer(&p, &p.near, &p.next, 1u << 20, false);
	pair_assert_established(&p);
	pair_end(&p);
}

static void case_transfer_jitter(void)
{
	struct pair p;
	struct kit_options old = kit_plain;
	old.version_max = TLS_VERSION_1_2;
	for (int i = 0; i < 2; i++) {
		pair_begin(&p, i == 0 ? &kit_plain : &old);
		pair_connect(&p, &want_encrypt);
		transfer(&p, &p.next, &p.near, 3u << 20, true);
		transfer(&p, &p.near, &p.next, 3u << 20, true);
		pair_assert_established(&p);
		pair_end(&p);
	}
}

/* Nobody reads: nothing is lost, nothing piles up beyond the rooms, and all of it arrives
 * afterwards. */
static void case_back_pressure(void)
{
	struct pair p;
	uint8_t bytes[60000];
	memset(bytes, 'x', sizeof(bytes));
	pair_begin(&p, &kit_plain);
	pair_connect(&p, &want_encrypt);
	p.room = 20000;
	p.plain_room = 0;
	queue_put(&p, &p.next.plain_out, span_of(bytes, sizeof(bytes)));
	for (int i = 0; i < 3; i++)
		side_output(&p, &p.next);
	CU_ASSERT_TRUE(byteq_bytes(&p.next.cipher_out) > 16384);
	CU_ASSERT_TRUE(byteq_bytes(&p.next.plain_out) >= sizeof(bytes) - 20000);
	carry(&p, &p.next, &p.near);
	size_t waiting = byteq_bytes(&p.near.cipher_in);
	side_input(&p, &p.near);
	CU_ASSERT_EQUAL(byteq_bytes(&p.near.plain_in), 0);
	CU_ASSERT_EQUAL(byteq_bytes(&p.near.cipher_in), waiting);
	p.plain_room = 100;
	side_input(&p, &p.near);
	CU_ASSERT_EQUAL(byteq_bytes(&p.near.plain_in), 100);
	p.plain_room = 65536;
	pair_run(&p);
	CU_ASSERT_EQUAL(byteq_bytes(&p.near.plain_in), sizeof(bytes));
	pair_end(&p);
}

/* Blocks taken away from under the engine are back-pressure too. */
static void case_no_blocks(void)
{
	struct pair p;
	uint8_t bytes[40000];
	memset(bytes, 'y', sizeof(bytes));
	pair_begin(&p, &kit_plain);
	pair_connect(&p, &want_encrypt);
	queue_put(&p, &p.next.plain_out, span_of(bytes, sizeof(bytes)));
	struct byteq hoard = { .bytes = 0 };
	while (p.pool.free_count > 0)
		queue_put(&p, &hoard, span_of(bytes, BLOCK_DATA_BYTES));
	for (int i = 0; i < 5; i++)
		(void)pair_step(&p);
	pair_assert_established(&p);
	byteq_consume(&hoard, &p.pool, 6 * BLOCK_DATA_BYTES);
	for (int i = 0; i < 20; i++)
		(void)pair_step(&p);
	byteq_clear(&hoard, &p.pool);
	pair_run(&p);
	CU_ASSERT_EQUAL(byteq_bytes(&p.near.plain_in), sizeof(bytes));
	pair_end(&p);
}

static void case_close_notify(void)
{
	struct pair p;
	pair_begin(&p, &kit_plain);
	pair_connect(&p, &want_encrypt);
	queue_put(&p, &p.next.plain_out, SPAN("QUIT\r\n"));
	tls_shut(p.next.session);
	pair_run(&p);
	CU_ASSERT_TRUE(queue_is(&p.near.plain_in, SPAN("QUIT\r\n")));
	CU_ASSERT_EQUAL(tls_phase(p.near.session), TLS_PHASE_PEER_CLOSED);
	CU_ASSERT_EQUAL(tls_phase(p.next.session), TLS_PHASE_ESTABLISHED);
	queue_put(&p, &p.near.plain_out, SPAN("221 bye\r\n"));
	tls_shut(p.near.session);
	pair_run(&p);
	CU_ASSERT_TRUE(queue_is(&p.next.plain_in, SPAN("221 bye\r\n")));
	CU_ASSERT_EQUAL(tls_phase(p.next.session), TLS_PHASE_PEER_CLOSED);
	CU_ASSERT_EQUAL(facts_of(&p.next).version, TLS_VERSION_1_3);
	pair_end(&p);
}

/* close_notify waits for data that finds no room yet. */
static void case_close_notify_waits(void)
{
	struct pair p;
	uint8_t bytes[30000];
	memset(bytes, 'q', sizeof(bytes));
	pair_begin(&p, &kit_plain);
	pair_connect(&p, &want_encrypt);
	queue_put(&p, &p.next.plain_out, span_of(bytes, sizeof(bytes)));
	tls_shut(p.next.session);
	p.room = 3000;
	pair_run(&p);
	CU_ASSERT_EQUAL(byteq_bytes(&p.near.plain_in), sizeof(bytes));
	CU_ASSERT_EQUAL(tls_phase(p.near.session), TLS_PHASE_PEER_CLOSED);
	queue_put(&p, &p.next.plain_out, SPAN("too late"));
	pair_run(&p);
	CU_ASSERT_EQUAL(byteq_bytes(&p.next.plain_out), 8);
	CU_ASSERT_EQUAL(tls_phase(p.next.session), TLS_PHASE_ESTABLISHED);
	pair_end(&p);
}

/* A cut without close_notify leaves what came before it, and is not mistaken for an orderly end. */
static void case_truncation(void)
{
	struct pair p;
	uint8_t bytes[3000];
	memset(bytes, 'z', sizeof(bytes));
	pair_begin(&p, &kit_plain);
	pair_connect(&p, &want_encrypt);
	queue_put(&p, &p.next.plain_out, SPAN("first"));
	pair_run(&p);
	queue_put(&p, &p.next.plain_out, span_of(bytes, sizeof(bytes)));
	side_output(&p, &p.next);
	p.chunk = byteq_bytes(&p.next.cipher_out) - 1;
	carry(&p, &p.next, &p.near);
	side_input(&p, &p.near);
	CU_ASSERT_TRUE(queue_is(&p.near.plain_in, SPAN("first")));
	CU_ASSERT_EQUAL(tls_phase(p.near.session), TLS_PHASE_ESTABLISHED);
	pair_end(&p);
}

#define TLS_CASES                                                                                  \
	{ "a TLS 1.3 handshake establishes both sides and their facts agree", case_handshake },    \
	{ "a TLS 1.2 handshake is verified and established", case_handshake_1_2 },                 \
	{ "established: data passes both ways and is not seen on the wire", case_data },           \
	{ "handshake: data offered early waits until it is done", case_data_early },               \
	{ "a want that verifies finds trust and name in order", case_verified },                   \
	{ "untrusted certificate, verify: fails, and no byte of SMTP goes out", case_untrusted },  \
	{ "untrusted certificate, no verify: established, not verified",                           \
	  case_untrusted_is_fine_unverified },                                                     \
	{ "certificate for another name, or no references: fails", case_wrong_name },              \
	{ "peer below the wanted minimum version: both fail with version", case_minimum_version }, \
	{ "handshake: what is not TLS fails as protocol", case_garbage },                          \
	{ "established: plaintext injected into the stream fails, with an alert",                  \
	  case_garbage_established },                                                              \
	{ "bytes arriving one by one make no difference", case_byte_by_byte },                     \
	{ "cipher_out_room of 1 and up: handshakes and alerts come through", case_small_rooms },   \
	{ "10 MiB arrive as they were sent", case_transfer },                                      \
	{ "megabytes arrive as sent through ever-changing rooms and splits",                       \
	  case_transfer_jitter },                                                                  \
	{ "a reader that stops stops the writer, and nothing is lost", case_back_pressure },       \
	{ "no free blocks is back-pressure, and nothing is lost", case_no_blocks },                \
	{ "close_notify follows the data; the other direction goes on", case_close_notify },       \
	{ "close_notify waits for data that waits for room", case_close_notify_waits },            \
	{ "a cut in the middle of a record is no orderly close", case_truncation },                \
	{ "sessions resume at both versions, verified or not, after unclean closes",               \
	  case_resumption },                                                                       \
	{ "resumption only under exactly the same want", case_resumption_is_exact },               \
	{ "a session from an unverified handshake never serves a verifying want",                  \
	  case_unverified_never_becomes_verified },                                                \
	{ "sessions can be freed in every phase", case_free_in_every_phase },                      \
	{ "a handshake past its deadline fails as timeout", case_timeout },                        \
	{ "sessions_max is an outcome", case_sessions_max },                                       \
	{ "an idle session holds no block", case_idle_holds_no_block },                            \
	{ "no server name: none is sent, and references still decide", case_no_server_name }

#endif
