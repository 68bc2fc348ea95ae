/*
 * tls_openssl_session.c - one TLS session as a machine over byte queues.
 *
 * Opening makes the SSL object and costs no cryptography. tls_input() and tls_output() borrow the
 * caller's queues for the length of the call. OpenSSL is entered only when it can get on: with a
 * whole record (or a good part of a big one) in cipher_in, or with room in cipher_out for what it
 * could not write. A peer that sends a ClientHello byte by byte costs a header peek per byte.
 *
 * tls_output() gathers plain_out into records of up to 16 KiB and encrypts one only when cipher_out
 * has room for all of it, so that plaintext leaves plain_out exactly when its record is on its way.
 * Room below TLS_RECORD_SPARSE + TLS_RECORD_OVERHEAD is waited out unless all of plain_out fits.
 *
 * Limits: TLS_HANDSHAKE_BYTES_MAX, TLS_KEY_UPDATES_MAX, TLS_EMPTY_RECORDS_MAX,
 * TLS_POST_MESSAGES_MAX; each ends the session with TLS_FAILURE_LIMIT. A session fails once and for
 * all; what OpenSSL had to say about it (an alert) goes out by tls_output().
 *
 * Does not: block, read a clock (OpenSSL reads the wall clock for certificates and tickets), call
 * back. RFC 8446, RFC 5246.
 */
#include "crypto-offload/tls_openssl_int.h"

#include <stdlib.h>

static enum tls_call_outcome session_open(struct tls_engine *e, SSL_CTX *context,
					  struct instant now, struct tls_session **session);
static void call_begin(struct tls_session *t, const struct tls_queues *q, struct instant now);
static void call_end(struct tls_session *t);
static void handshake_carry(struct tls_session *t, struct instant now);
static void plain_receive(struct tls_session *t);
static void plain_send(struct tls_session *t);
static void shut_send(struct tls_session *t);
static void session_fail(struct tls_session *t, enum tls_failure failure);

/* ---- opening and freeing */

enum tls_call_outcome tls_session_near_open(struct tls_engine *e, uint32_t certificate,
                                            struct instant now, struct tls_session **session)
{
	CHECK(certificate < e->near_count);
	if (session_open(e, e->near[certificate], now, session) != TLS_CALL_OK)
		return TLS_CALL_NO_ROOM;
	(*session)->server = 1;
	(*session)->certificate = certificate;
	SSL_set_accept_state((*session)->ssl);
	return TLS_CALL_OK;
}

/* False: OpenSSL is out of memory. */
static bool next_prepare(struct tls_session *t, const struct tls_next_want *want,
			 struct instant now)
{
	struct session_cache *cache = &t->head.engine->cache;
	if (!tls_identity_make(&t->identity, want))
		return false;
	t->verify = want->verify;
	t->resumption_key = want->resumption_key;
	if (want->minimum == TLS_VERSION_1_3 &&
	    SSL_set_min_proto_version(t->ssl, TLS1_3_VERSION) != 1)
		return false;
	if (want->maximum == TLS_VERSION_1_2 &&
	    SSL_set_max_proto_version(t->ssl, TLS1_2_VERSION) != 1)
		return false;
	if (want->server_name != NULL && want->server_name[0] != '\0' &&
	    SSL_set_tlsext_host_name(t->ssl, want->server_name) != 1)
		return false;
	SSL_SESSION *known = tls_cache_find(cache, t, now);
	if (known != NULL && SSL_set_session(t->ssl, known) != 1)
		tls_cache_forget(cache, t);
	SSL_SESSION_free(known);
	SSL_set_connect_state(t->ssl);
	return true;
}

enum tls_call_outcome tls_session_next_open(struct tls_engine *e, const struct tls_next_want *want,
                                            struct instant now, struct tls_session **session)
{
	SSL_CTX *context = want->verify ? e->next_verify : e->next_encrypt;
	if (session_open(e, context, now, session) != TLS_CALL_OK)
		return TLS_CALL_NO_ROOM;
	if (next_prepare(*session, want, now))
		return TLS_CALL_OK;
	tls_session_free(*session, false);
	*session = NULL;
	return TLS_CALL_NO_ROOM;
}

static bool session_ssl_make(struct tls_session *t, SSL_CTX *context)
{
	BIO *bio = BIO_new(t->head.engine->bio_method);
	t->ssl = SSL_new(context);
	if (bio == NULL || t->ssl == NULL) {
		BIO_free(bio);
		return false;
	}
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio);
	SSL_set_app_data(t->ssl, (char *)t);
	SSL_set_msg_callback_arg(t->ssl, t);
	return true;
}

static enum tls_call_outcome session_open(struct tls_engine *e, SSL_CTX *context,
					  struct instant now, struct tls_session **session)
{
	struct session_slot *slot = slab_take(&e->sessions);
	if (slot == NULL)
		return TLS_CALL_NO_ROOM;
	struct tls_session *t = &slot->session;
	e->head.sessions++;
	t->head.engine = e;
	t->phase = TLS_PHASE_HANDSHAKE;
	t->opened = now;
	t->deadline = instant_add(now, e->handshake_timeout_us);
	if (!session_ssl_make(t, context)) {
		tls_session_free(t, false);
		tls_errors_clear();
		return TLS_CALL_NO_ROOM;
	}
	*session = t;
	return TLS_CALL_OK;
}

static struct session_slot *slot_of(struct tls_session *t)
{
	return (struct session_slot *)(void *)((char *)t - offsetof(struct session_slot, session));
}

/* Freed without this mark, OpenSSL takes the session for truncated and forbids its resumption:
 * peers that close TCP without close_notify are the rule in SMTP. */
void tls_session_free(struct tls_session *t, bool orderly)
{
	struct tls_engine *e = t->head.engine;
	bool established = t->phase == TLS_PHASE_ESTABLISHED || t->phase == TLS_PHASE_PEER_CLOSED;
	if (!orderly && t->was_established && !t->server)
		tls_cache_forget(&e->cache, t);
	if (orderly && established)
		SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(t->ssl);
	tls_identity_free(&t->identity);
	free(t->peer_name);
	tls_errors_clear();
	slab_give(&e->sessions, slot_of(t));
	e->head.sessions--;
}

/* ---- the four verbs */

void tls_session_input(struct tls_session *t, const struct tls_queues *q, struct instant now)
{
	call_begin(t, q, now);
	if (t->phase == TLS_PHASE_HANDSHAKE)
		handshake_carry(t, now);
	if (t->phase == TLS_PHASE_ESTABLISHED)
		plain_receive(t);
	call_end(t);
}

void tls_session_output(struct tls_session *t, const struct tls_queues *q, struct instant now)
{
	call_begin(t, q, now);
	if (t->phase == TLS_PHASE_HANDSHAKE)
		handshake_carry(t, now);
	if (t->phase == TLS_PHASE_ESTABLISHED || t->phase == TLS_PHASE_PEER_CLOSED) {
		plain_send(t);
		shut_send(t);
	}
	call_end(t);
}

struct instant tls_session_deadline(const struct tls_session *t)
{
	return t->phase == TLS_PHASE_HANDSHAKE ? t->deadline : INSTANT_NEVER;
}

void tls_session_expire(struct tls_session *t, struct instant now)
{
	if (t->phase == TLS_PHASE_HANDSHAKE && instant_reached(t->deadline, now))
		session_fail(t, TLS_FAILURE_TIMEOUT);
}

static void call_begin(struct tls_session *t, const struct tls_queues *q, struct instant now)
{
	CHECK(slot_of(t)->slab.magic == TLS_SESSION_MAGIC);
	t->queues = q;
	t->readable = 0;
	t->writable = q->cipher_out_room;
	t->head.engine->now = now;
	tls_errors_clear();
	tls_bio_flush_held(t);
}

static void call_end(struct tls_session *t)
{
	t->queues = NULL;
	tls_errors_clear();
}

static void session_fail(struct tls_session *t, enum tls_failure failure)
{
	if (t->phase == TLS_PHASE_FAILED)
		return;
	if (!t->server && t->phase == TLS_PHASE_HANDSHAKE)
		tls_cache_forget(&t->head.engine->cache, t);
	t->phase = TLS_PHASE_FAILED;
	t->failure = failure;
	t->head.engine->head.failures[failure]++;
}

/* ---- feeding OpenSSL record by record */

/* Reads the next record's header; false: not all of it is here. Bytes that are no record of TLS
 * are all let through, for OpenSSL to refuse with the right alert. */
static bool record_measure(const struct byteq *in, size_t *record_bytes)
{
	uint8_t head[TLS_RECORD_HEAD];
	struct room to = { .data = head, .bytes = sizeof(head) };
	if (byteq_copy_out(in, 0, to) < sizeof(head))
		return false;
	size_t count = (size_t)head[3] << 8 | head[4];
	bool plausible = head[0] >= SSL3_RT_CHANGE_CIPHER_SPEC &&
	                 head[0] <= SSL3_RT_APPLICATION_DATA && head[1] == 3 &&
	                 count <= TLS_RECORD_CIPHER_MAX;
	*record_bytes = plausible ? sizeof(head) + count : byteq_bytes(in);
	return true;
}

/* Decides what OpenSSL may see of cipher_in in this step. False: nothing, it is not worth
 * entering. */
static bool session_feed(struct tls_session *t)
{
	const struct byteq *in = t->queues->cipher_in;
	size_t bytes = byteq_bytes(in);
	t->readable = 0;
	if (t->record_left == 0 && !record_measure(in, &t->record_left))
		return false;
	if (bytes >= t->record_left)
		t->readable = t->record_left;
	else if (bytes >= TLS_FEED_PARTIAL)
		t->readable = bytes;
	return t->readable > 0;
}

/* ---- the handshake */

/* Has OpenSSL anything to get on with? */
static bool handshake_can_go_on(struct tls_session *t)
{
	bool fed = session_feed(t);
	if (!t->started && !t->server)
		return true;
	if (t->wants_write)
		return t->writable > 0 && t->held_bytes == 0;
	return fed;
}

static void handshake_done(struct tls_session *t, struct instant now)
{
	struct tls_engine_head *head = &t->head.engine->head;
	bool resumed = SSL_session_reused(t->ssl) == 1;
	if (t->verify && SSL_get_verify_result(t->ssl) != X509_V_OK) {
		session_fail(t, tls_failure_of_verification(SSL_get_verify_result(t->ssl)));
		return;
	}
	t->phase = TLS_PHASE_ESTABLISHED;
	t->was_established = 1;
	t->handshake_us = instant_since(t->opened, now);
	if (t->server) {
		head->handshakes_near++;
		head->resumed_near += resumed;
	} else {
		head->handshakes_next++;
		head->resumed_next += resumed;
	}
}

/* Each step feeds a record or makes use of new room, so that the loop ends with either. */
static void handshake_carry(struct tls_session *t, struct instant now)
{
	while (t->phase == TLS_PHASE_HANDSHAKE && handshake_can_go_on(t)) {
		if (t->handshake_bytes + t->readable > TLS_HANDSHAKE_BYTES_MAX) {
			session_fail(t, TLS_FAILURE_LIMIT);
			return;
		}
		t->started = 1;
		t->wants_write = 0;
		int result = SSL_do_handshake(t->ssl);
		if (result == 1) {
			handshake_done(t, now);
			return;
		}
		int error = SSL_get_error(t->ssl, result);
		if (error == SSL_ERROR_WANT_WRITE)
			t->wants_write = 1;
		else if (error != SSL_ERROR_WANT_READ)
			session_fail(t, tls_failure_of_errors(t));
	}
}

/* ---- receiving */

/* What a read that yielded nothing means. True: go on with the next record. */
static bool receive_nothing(struct tls_session *t, uint32_t messages_before)
{
	int error = SSL_get_error(t->ssl, 0);
	if (error == SSL_ERROR_ZERO_RETURN) {
		t->phase = TLS_PHASE_PEER_CLOSED;
		return false;
	}
	if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
		session_fail(t, tls_failure_of_errors(t));
		return false;
	}
	if (t->record_left == 0 && t->messages == messages_before)
		t->empty_records++;
	if (t->limit_hit || t->empty_records > TLS_EMPTY_RECORDS_MAX) {
		session_fail(t, TLS_FAILURE_LIMIT);
		return false;
	}
	return error == SSL_ERROR_WANT_READ;
}

/* Decrypts straight into the blocks of plain_in. */
static void plain_receive(struct tls_session *t)
{
	struct block_pool *pool = t->head.engine->head.pool;
	struct byteq *plain = t->queues->plain_in;
	size_t left = t->queues->plain_in_room;
	bool going = true;
	t->readable = 0;
	while (going && left > 0 && (SSL_pending(t->ssl) > 0 || session_feed(t))) {
		struct room room = byteq_reserve(plain, pool);
		size_t got = 0;
		uint32_t messages = t->messages;
		if (room.bytes == 0)
			break;
		if (SSL_read_ex(t->ssl, room.data, room.bytes < left ? room.bytes : left, &got) ==
		    1) {
			byteq_commit(plain, got);
			left -= got;
			t->empty_records = 0;
		} else {
			going = receive_nothing(t, messages);
		}
		t->readable = 0;
	}
	byteq_consume(plain, pool, 0); /* gives back a reserved block that stayed empty */
}

/* OpenSSL shows every record header and message here; only what a peer can flood us with is
 * counted. */
void tls_session_message_callback(int sent, int version, int type, const void *bytes, size_t count,
                                  SSL *ssl, void *session)
{
	(void)version;
	(void)ssl;
	struct tls_session *t = session;
	if (sent || t == NULL || type == SSL3_RT_HEADER || type == SSL3_RT_INNER_CONTENT_TYPE)
		return;
	t->messages++;
	if (t->phase == TLS_PHASE_HANDSHAKE || type != SSL3_RT_HANDSHAKE || count == 0)
		return;
	if (((const uint8_t *)bytes)[0] == SSL3_MT_KEY_UPDATE)
		t->limit_hit |= ++t->key_updates > TLS_KEY_UPDATES_MAX;
	else
		t->limit_hit |= ++t->post_messages > TLS_POST_MESSAGES_MAX;
}

/* ---- sending */

/* Plaintext of the next record; 0: wait for room. A record that OpenSSL has begun must be
 * offered again as it was. */
static size_t record_plain_bytes(struct tls_session *t, size_t bytes)
{
	if (t->held_bytes > 0)
		return 0;
	if (t->write_pending > 0)
		return t->writable > 0 ? t->write_pending : 0;
	if (t->writable <= TLS_RECORD_OVERHEAD)
		return 0;
	size_t n = bytes < TLS_RECORD_PLAIN_MAX ? bytes : TLS_RECORD_PLAIN_MAX;
	size_t room = t->writable - TLS_RECORD_OVERHEAD;
	if (n > room)
		n = room < TLS_RECORD_SPARSE ? 0 : room;
	bool fits = byteq_fits(t->queues->cipher_out, t->head.engine->head.pool,
	                       n + TLS_RECORD_OVERHEAD);
	return fits ? n : 0;
}

/* The front of plain_out in one piece: in place when it lies in one block, else copied to the
 * scratch. */
static struct span plain_gather(struct tls_session *t, size_t bytes, size_t *scratch_used)
{
	struct span front = byteq_peek(t->queues->plain_out);
	if (front.bytes >= bytes)
		return span_head(front, bytes);
	struct room scratch = { .data = t->head.engine->scratch, .bytes = bytes };
	size_t copied = byteq_copy_out(t->queues->plain_out, 0, scratch);
	CHECK(copied == bytes);
	if (*scratch_used < bytes)
		*scratch_used = bytes;
	return span_of(scratch.data, bytes);
}

static bool record_send(struct tls_session *t, size_t bytes, size_t *scratch_used)
{
	struct span s = plain_gather(t, bytes, scratch_used);
	size_t written = 0;
	if (SSL_write_ex(t->ssl, s.data, s.bytes, &written) == 1) {
		t->write_pending = 0;
		byteq_consume(t->queues->plain_out, t->head.engine->head.pool, written);
		return true;
	}
	int error = SSL_get_error(t->ssl, 0);
	if (error == SSL_ERROR_WANT_WRITE)
		t->write_pending = bytes;
	else if (error != SSL_ERROR_WANT_READ)
		session_fail(t, tls_failure_of_errors(t));
	return false;
}

static void plain_send(struct tls_session *t)
{
	size_t scratch_used = 0;
	size_t bytes;
	while (!t->shut_done && (bytes = byteq_bytes(t->queues->plain_out)) > 0) {
		size_t n = record_plain_bytes(t, bytes);
		if (n == 0 || !record_send(t, n, &scratch_used))
			break;
	}
	if (scratch_used > 0)
		explicit_bzero(t->head.engine->scratch, scratch_used);
}

void tls_session_shut(struct tls_session *t)
{
	t->shut_wanted = 1;
}

/* close_notify follows everything in plain_out. Should OpenSSL not be able to write it now it
 * never will: the peer then sees a close without it. */
static void shut_send(struct tls_session *t)
{
	if (!t->shut_wanted || t->shut_done || t->held_bytes > 0 || t->phase == TLS_PHASE_FAILED ||
	    byteq_bytes(t->queues->plain_out) > 0)
		return;
	t->shut_done = 1;
	(void)SSL_shutdown(t->ssl);
}

/* ---- asking */

enum tls_phase tls_session_phase(const struct tls_session *t)
{
	return t->phase;
}

void tls_session_user_set(struct tls_session *t, uint64_t user)
{
	t->head.user = user;
}

/* One line, made when first asked for. */
static const char *peer_name(struct tls_session *t)
{
	X509 *leaf = t->peer_name != NULL ? NULL : SSL_get0_peer_certificate(t->ssl);
	if (leaf == NULL)
		return t->peer_name != NULL ? t->peer_name : "";
	BIO *text = BIO_new(BIO_s_mem());
	char *bytes = NULL;
	if (text == NULL)
		return "";
	X509_NAME_print_ex(text, X509_get_subject_name(leaf), 0,
			   XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
	long count = BIO_get_mem_data(text, &bytes);
	if (count > 0)
		t->peer_name = strndup(bytes, (size_t)count < TLS_NAME_BYTES ? (size_t)count
		                                                             : TLS_NAME_BYTES - 1);
	BIO_free(text);
	return t->peer_name != NULL ? t->peer_name : "";
}

static const char *server_name(const struct tls_session *t)
{
	if (!t->server)
		return tls_identity_server_name(&t->identity);
	const char *name = SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name);
	return name != NULL ? name : "";
}

void tls_session_facts(const struct tls_session *t, struct tls_facts *facts)
{
	*facts = (struct tls_facts){ .failure = t->failure,
		                     .version_text = "",
		                     .cipher_text = "",
		                     .server_name = server_name(t),
		                     /* the name is made on demand and kept: not a change of
		                      * state */
		                     .peer_name = peer_name((struct tls_session *)(uintptr_t)t),
		                     .handshake_us = t->handshake_us };
	if (!t->was_established)
		return;
	facts->version = SSL_version(t->ssl) == TLS1_3_VERSION ? TLS_VERSION_1_3 : TLS_VERSION_1_2;
	facts->version_text = SSL_get_version(t->ssl);
	facts->cipher_text = SSL_get_cipher_name(t->ssl);
	facts->resumed = SSL_session_reused(t->ssl) == 1;
	facts->verified = t->verify && SSL_get_verify_result(t->ssl) == X509_V_OK;
}
