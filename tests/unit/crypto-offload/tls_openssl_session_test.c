/*
 * tls_openssl_session_test.c - what a peer can flood or confuse a session with, and what is left in
 * memory.
 */
#include "openssl_kit.h"

#include <openssl/kdf.h>

/* The next side sends `count` KeyUpdates, each with a byte of data behind it. */
static void key_updates_send(struct pair *p, unsigned count, int kind)
{
	for (unsigned i = 0; i < count; i++) {
		CU_ASSERT_EQUAL(SSL_key_update(p->next.session->ssl, kind), 1);
		queue_put(p, &p->next.plain_out, SPAN("x"));
		for (int round = 0; round < 3; round++)
			(void)pair_step(p);
	}
}

static void key_updates_are_bounded(void)
{
	struct pair p;
	pair_begin(&p, &kit_plain);
	pair_connect(&p, &want_encrypt);
	key_updates_send(&p, TLS_KEY_UPDATES_MAX, SSL_KEY_UPDATE_REQUESTED);
	pair_assert_established(&p);
	CU_ASSERT_EQUAL(byteq_bytes(&p.near.plain_in), TLS_KEY_UPDATES_MAX);
	queue_put(&p, &p.near.plain_out, SPAN("still here"));
	pair_run(&p);
	CU_ASSERT_TRUE(queue_is(&p.next.plain_in, SPAN("still here")));
	key_updates_send(&p, 1, SSL_KEY_UPDATE_NOT_REQUESTED);
	CU_ASSERT_EQUAL(tls_phase(p.near.session), TLS_PHASE_FAILED);
	CU_ASSERT_STRING_EQUAL(tls_failure_name(facts_of(&p.near).failure), "limit");
	pair_end(&p);
}

/* An answer to a KeyUpdate needs room too: without any it waits, and nothing is lost. */
static void key_update_without_room(void)
{
	struct pair p;
	pair_begin(&p, &kit_plain);
	pair_connect(&p, &want_encrypt);
	for (int i = 0; i < 6; i++) {
		SSL_key_update(p.next.session->ssl, SSL_KEY_UPDATE_REQUESTED);
		queue_put(&p, &p.next.plain_out, SPAN("y"));
		p.room = 65536;
		side_output(&p, &p.next);
		carry(&p, &p.next, &p.near);
		p.room = 0;
		side_input(&p, &p.near);
	}
	p.room = 65536;
	queue_put(&p, &p.near.plain_out, SPAN("answer"));
	pair_run(&p);
	pair_assert_established(&p);
	CU_ASSERT_TRUE(queue_is(&p.near.plain_in, SPAN("yyyyyy")));
	CU_ASSERT_TRUE(queue_is(&p.next.plain_in, SPAN("answer")));
	pair_end(&p);
}

static void tickets_are_bounded(void)
{
	struct pair p;
	pair_begin(&p, &kit_plain);
	pair_connect(&p, &want_encrypt);
	unsigned sent = p.next.session->post_messages;
	for (; sent < TLS_POST_MESSAGES_MAX + 1; sent++) {
		CU_ASSERT_EQUAL(tls_phase(p.next.session), TLS_PHASE_ESTABLISHED);
		CU_ASSERT_EQUAL(SSL_new_session_ticket(p.near.session->ssl), 1);
		queue_put(&p, &p.near.plain_out, SPAN("z"));
		for (int round = 0; round < 3; round++)
			(void)pair_step(&p);
	}
	CU_ASSERT_EQUAL(facts_of(&p.next).failure, TLS_FAILURE_LIMIT);
	pair_end(&p);
}

/* ---- empty records, sealed by hand because OpenSSL sends none */

static uint8_t secret[EVP_MAX_MD_SIZE];
static size_t secret_bytes;

static void secret_keep(const SSL *ssl, const char *line)
{
	(void)ssl;
	static const char label[] = "CLIENT_TRAFFIC_SECRET_0 ";
	if (strncmp(line, label, sizeof(label) - 1) != 0)
		return;
	const char *hex = strrchr(line, ' ') + 1;
	secret_bytes = strlen(hex) / 2;
	for (size_t i = 0; i < secret_bytes; i++) {
		unsigned byte = 0;
		CU_ASSERT_EQUAL(sscanf(hex + 2 * i, "%2x", &byte), 1);
		secret[i] = (uint8_t)byte;
	}
}

/* HKDF-Expand-Label(secret, label, "", bytes), RFC 8446 7.1. */
static void expand(const char *label, uint8_t *to, size_t bytes)
{
	uint8_t info[64] = { 0, (uint8_t)bytes, (uint8_t)(6 + strlen(label)) };
	memcpy(info + 3, "tls13 ", 6);
	memcpy(info + 9, label, strlen(label));
	EVP_PKEY_CTX *hkdf = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(hkdf);
	EVP_PKEY_derive_init(hkdf);
	EVP_PKEY_CTX_set_hkdf_mode(hkdf, EVP_PKEY_HKDEF_MODE_EXPAND_ONLY);
	EVP_PKEY_CTX_set_hkdf_md(hkdf, EVP_sha256());
	EVP_PKEY_CTX_set1_hkdf_key(hkdf, secret, (int)secret_bytes);
	EVP_PKEY_CTX_add1_hkdf_info(hkdf, info, (int)(10 + strlen(label)));
	CU_ASSERT_EQUAL(EVP_PKEY_derive(hkdf, to, &bytes), 1);
	EVP_PKEY_CTX_free(hkdf);
}

/* The client's record number `number` with application data `plain`, which may be empty (RFC
 * 8446 5.2). */
static void record_seal(struct pair *p, uint64_t number, const char *plain)
{
	uint8_t key[16];
	uint8_t nonce[12];
	uint8_t inner[64];
	uint8_t record[128] = { 23, 3, 3, 0 };
	int n = (int)strlen(plain) + 1;
	int written = 0;
	memcpy(inner, plain, strlen(plain));
	inner[n - 1] = 23;
	expand("key", key, sizeof(key));
	expand("iv", nonce, sizeof(nonce));
	for (int i = 0; i < 8; i++)
		nonce[11 - i] ^= (uint8_t)(number >> 8 * i);
	record[4] = (uint8_t)(n + 16);
	EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
	EVP_EncryptInit_ex(gcm, EVP_aes_128_gcm(), NULL, key, nonce);
	EVP_EncryptUpdate(gcm, NULL, &written, record, 5);
	EVP_EncryptUpdate(gcm, record + 5, &written, inner, n);
	EVP_EncryptFinal_ex(gcm, record + 5 + n, &written);
	EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, 16, record + 5 + n);
	EVP_CIPHER_CTX_free(gcm);
	queue_put(p, &p->near.cipher_in, span_of(record, (size_t)(5 + n + 16)));
	side_input(p, &p->near);
}

static void empty_records_are_bounded(void)
{
	struct pair p;
	uint64_t number = 0;
	pair_begin(&p, &kit_plain);
	SSL_CTX_set_keylog_callback(p.next.engine->next_encrypt, secret_keep);
	SSL_CTX_set_ciphersuites(p.next.engine->next_encrypt, "TLS_AES_128_GCM_SHA256");
	pair_connect(&p, &want_encrypt);
	for (unsigned i = 0; i < TLS_EMPTY_RECORDS_MAX; i++)
		record_seal(&p, number++, "");
	CU_ASSERT_EQUAL(tls_phase(p.near.session), TLS_PHASE_ESTABLISHED);
	record_seal(&p, number++, "not empty");
	CU_ASSERT_TRUE(queue_is(&p.near.plain_in, SPAN("not empty")));
	for (unsigned i = 0; i < TLS_EMPTY_RECORDS_MAX; i++)
		record_seal(&p, number++, "");
	CU_ASSERT_EQUAL(tls_phase(p.near.session), TLS_PHASE_ESTABLISHED);
	record_seal(&p, number++, "");
	CU_ASSERT_EQUAL(tls_phase(p.near.session), TLS_PHASE_FAILED);
	CU_ASSERT_STRING_EQUAL(tls_failure_name(facts_of(&p.near).failure), "limit");
	pair_end(&p);
}

static void damaged_record_fails_with_an_alert(void)
{
	struct pair p;
	pair_begin(&p, &kit_plain);
	pair_connect(&p, &want_encrypt);
	queue_put(&p, &p.next.plain_out, SPAN("RCPT TO:<b@c.test>\r\n"));
	side_output(&p, &p.next);
	uint8_t bytes[128];
	size_t n = byteq_copy_out(&p.next.cipher_out, 0, (struct room){ bytes, sizeof(bytes) });
	byteq_clear(&p.next.cipher_out, &p.pool);
	bytes[n - 1] ^= 1;
	queue_put(&p, &p.next.cipher_out, span_of(bytes, n));
	pair_run(&p);
	CU_ASSERT_EQUAL(facts_of(&p.near).failure, TLS_FAILURE_PROTOCOL);
	CU_ASSERT_EQUAL(facts_of(&p.next).failure, TLS_FAILURE_ALERT);
	CU_ASSERT_EQUAL(byteq_bytes(&p.near.plain_in), 0);
	pair_end(&p);
}

/* A ClientHello that never ends. */
static void handshake_bytes_are_bounded(void)
{
	struct pair p;
	uint8_t record[5 + 16384] = { 22, 3, 1, 0x40, 0, 1, 1, 0xff, 0xff };
	pair_begin(&p, &kit_plain);
	pair_open(&p, &want_encrypt);
	for (int i = 0; i < 8 && tls_phase(p.near.session) == TLS_PHASE_HANDSHAKE; i++) {
		queue_put(&p, &p.near.cipher_in, span_of(record, sizeof(record)));
		side_input(&p, &p.near);
	}
	CU_ASSERT_EQUAL(tls_phase(p.near.session), TLS_PHASE_FAILED);
	CU_ASSERT_STRING_EQUAL(tls_failure_name(facts_of(&p.near).failure), "limit");
	CU_ASSERT_TRUE(p.near.session->handshake_bytes <= TLS_HANDSHAKE_BYTES_MAX);
	pair_end(&p);
}

/* TLS 1.2: a peer that asks for a new handshake gets none, and asking again and again ends it. */
static void renegotiation_is_refused(void)
{
	struct pair p;
	struct kit_options old = kit_plain;
	old.version_max = TLS_VERSION_1_2;
	pair_begin(&p, &old);
	SSL_CTX_clear_options(p.next.engine->next_encrypt, SSL_OP_NO_RENEGOTIATION);
	/* OpenSSL would refuse by itself: without that, only our own option is left to. */
	SSL_CTX_set_options(p.near.engine->near[0], SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
	pair_connect(&p, &want_encrypt);
	CU_ASSERT_EQUAL(SSL_renegotiate(p.next.session->ssl), 1);
	queue_put(&p, &p.next.plain_out, SPAN("NOOP\r\n"));
	pair_run(&p);
	CU_ASSERT_TRUE(p.near.session->handshake_bytes < 4096);
	CU_ASSERT_EQUAL(tls_engine_head(p.near.engine)->handshakes_near, 1);
	CU_ASSERT_TRUE(p.near.session->post_messages <= 1);
	pair_end(&p);
}

static void near_minimum_is_kept(void)
{
	struct pair p;
	struct tls_openssl_config config = config_with("mx");
	config.near_minimum = TLS_VERSION_1_3;
	pair_begin_near(&p, &config);
	SSL_CTX_set_max_proto_version(p.next.engine->next_encrypt, TLS1_2_VERSION);
	pair_connect(&p, &want_encrypt);
	CU_ASSERT_EQUAL(facts_of(&p.near).failure, TLS_FAILURE_VERSION);
	CU_ASSERT_EQUAL(facts_of(&p.next).failure, TLS_FAILURE_VERSION);
	pair_end(&p);
}

static void no_common_suite(void)
{
	struct pair p;
	pair_begin(&p, &kit_plain);
	near_version_max(p.near.engine, TLS_VERSION_1_2);
	SSL_CTX_set_cipher_list(p.next.engine->next_encrypt, "AES128-SHA:DHE-RSA-AES128-SHA");
	pair_connect(&p, &want_encrypt);
	CU_ASSERT_STRING_EQUAL(tls_failure_name(facts_of(&p.near).failure), "cipher");
	CU_ASSERT_EQUAL(facts_of(&p.next).failure, TLS_FAILURE_ALERT);
	pair_end(&p);
}

/* A small record size agreed with the peer makes several records of one write, none of which may
 * be lost. */
static void small_fragments_arrive(void)
{
	struct pair p;
	uint8_t bytes[20000];
	memset(bytes, 'f', sizeof(bytes));
	pair_begin(&p, &kit_plain);
	SSL_CTX_set_tlsext_max_fragment_length(p.next.engine->next_encrypt,
	                                       TLSEXT_max_fragment_length_512);
	pair_connect(&p, &want_encrypt);
	queue_put(&p, &p.near.plain_out, span_of(bytes, sizeof(bytes)));
	queue_put(&p, &p.next.plain_out, span_of(bytes, sizeof(bytes)));
	for (size_t round = 0; round < 200; round++) {
		p.room = 1200 + round * 7919 % 5000;
		(void)pair_step(&p);
	}
	pair_run(&p);
	pair_assert_established(&p);
	CU_ASSERT_EQUAL(byteq_bytes(&p.next.plain_in), sizeof(bytes));
	CU_ASSERT_EQUAL(byteq_bytes(&p.near.plain_in), sizeof(bytes));
	pair_end(&p);
}

static void near_chooses_the_suite(void)
{
	struct pair p;
	pair_begin(&p, &kit_plain);
	SSL_CTX_set_ciphersuites(p.next.engine->next_encrypt,
	                         "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256");
	pair_connect(&p, &want_encrypt);
	CU_ASSERT_STRING_EQUAL(facts_of(&p.near).cipher_text, "TLS_AES_128_GCM_SHA256");
	pair_shut(&p, false);
	SSL_CTX_set_ciphersuites(p.next.engine->next_encrypt,
	                         "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256");
	pair_connect(&p, &want_encrypt);
	CU_ASSERT_STRING_EQUAL(facts_of(&p.near).cipher_text, "TLS_CHACHA20_POLY1305_SHA256");
	pair_end(&p);
}

static void scratch_is_wiped(void)
{
	struct pair p;
	uint8_t bytes[16384];
	memset(bytes, 's', sizeof(bytes));
	pair_begin(&p, &kit_plain);
	pair_connect(&p, &want_encrypt);
	queue_put(&p, &p.next.plain_out, span_of(bytes, sizeof(bytes)));
	side_output(&p, &p.next);
	CU_ASSERT_TRUE(byteq_bytes(&p.next.cipher_out) > sizeof(bytes));
	memset(bytes, 0, sizeof(bytes));
	CU_ASSERT_EQUAL(memcmp(p.next.engine->scratch, bytes, sizeof(bytes)), 0);
	pair_end(&p);
}

/* A big record in pieces: OpenSSL is entered when it is whole, or when a good part of it is
 * here. */
static void incomplete_records_wait_in_the_queue(void)
{
	struct pair p;
	uint8_t bytes[16384];
	memset(bytes, 'w', sizeof(bytes));
	pair_begin(&p, &kit_plain);
	pair_connect(&p, &want_encrypt);
	queue_put(&p, &p.next.plain_out, span_of(bytes, sizeof(bytes)));
	side_output(&p, &p.next);
	p.chunk = TLS_FEED_PARTIAL - 1;
	carry(&p, &p.next, &p.near);
	side_input(&p, &p.near);
	CU_ASSERT_EQUAL(byteq_bytes(&p.near.cipher_in), TLS_FEED_PARTIAL - 1);
	carry(&p, &p.next, &p.near);
	side_input(&p, &p.near);
	CU_ASSERT_EQUAL(byteq_bytes(&p.near.cipher_in), 0);
	CU_ASSERT_EQUAL(byteq_bytes(&p.near.plain_in), 0);
	carry(&p, &p.next, &p.near);
	side_input(&p, &p.near);
	CU_ASSERT_EQUAL(byteq_bytes(&p.near.plain_in), sizeof(bytes));
	pair_end(&p);
}

UNIT_WITH_SHOP("crypto-offload/tls_openssl_session",
	       {"established: more than 16 KeyUpdates end the session", key_updates_are_bounded},
	       {"established: more than 32 tickets end the session", tickets_are_bounded},
	       {"a KeyUpdate's answer without room waits", key_update_without_room},
	       {"established: more than 32 empty records in a row end the session",
		empty_records_are_bounded},
	       {"established: a damaged record fails both sides",
		damaged_record_fails_with_an_alert},
	       {"handshake: more than 64 KiB from the peer end it", handshake_bytes_are_bounded},
	       {"TLS 1.2: renegotiation is refused", renegotiation_is_refused},
	       {"a near minimum of TLS 1.3 turns TLS 1.2 away", near_minimum_is_kept},
	       {"TLS 1.2 without a common suite: cipher", no_common_suite},
	       {"small agreed fragments lose nothing", small_fragments_arrive},
	       {"near chooses the suite, but ChaCha20 for who asks for it first",
		near_chooses_the_suite},
	       {"the scratch holds no plaintext after a call", scratch_is_wiped},
	       {"incomplete records wait in the queue", incomplete_records_wait_in_the_queue})
