/*
 * tls_openssl_bio.c - OpenSSL's view of a connection's byte queues: one BIO per session, no buffer
 * of its own.
 *
 * Reading yields bytes of cipher_in, but no more than the session allows in this step (usually one
 * whole record). Writing appends to cipher_out, but no more than cipher_out_room and the block pool
 * allow; what does not fit is for OpenSSL to offer again.
 *
 * One exception keeps alerts from getting lost: OpenSSL cannot be asked to offer an alert again
 * once a handshake has failed. Up to TLS_HELD_BYTES that find no room are therefore held in the
 * session, in order, and go out with the next call that has room.
 *
 * Copies: one from the queue's blocks into OpenSSL's record buffer, one from there into blocks.
 */
#include "crypto-offload/tls_openssl_int.h"

static int queue_write(BIO *bio, const char *bytes, int count);
static int queue_read(BIO *bio, char *bytes, int count);
static long queue_control(BIO *bio, int command, long number, void *pointer);

BIO_METHOD *tls_bio_method(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | 0x7e, "byte queues");
	if (method == NULL)
		return NULL;
	BIO_meth_set_write(method, queue_write);
	BIO_meth_set_read(method, queue_read);
	BIO_meth_set_ctrl(method, queue_control);
	return method;
}

static size_t cipher_put(struct tls_session *t, struct span s)
{
	struct block_pool *pool = tls_engine_head(t->head.engine)->pool;
	size_t taken = byteq_write(t->queues->cipher_out, pool, span_head(s, t->writable));
	t->writable -= taken;
	return taken;
}

void tls_bio_flush_held(struct tls_session *t)
{
	if (t->held_bytes == 0 || t->writable == 0)
		return;
	size_t taken = cipher_put(t, span_of(t->held, t->held_bytes));
	t->held_bytes = (uint8_t)(t->held_bytes - taken);
	memmove(t->held, t->held + taken, t->held_bytes);
}

static int queue_write(BIO *bio, const char *bytes, int count)
{
	struct tls_session *t = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (t->queues == NULL || count <= 0)
		return -1;
	size_t taken = 0;
	tls_bio_flush_held(t);
	if (t->held_bytes == 0) {
		taken = cipher_put(t, span_of(bytes, (size_t)count));
		size_t left = (size_t)count - taken;
		if (left > 0 && left <= TLS_HELD_BYTES) {
			memcpy(t->held, bytes + taken, left);
			t->held_bytes = (uint8_t)left;
			taken = (size_t)count;
		}
	}
	if (taken > 0)
		return (int)taken;
	BIO_set_retry_write(bio);
	return -1;
}

static int queue_read(BIO *bio, char *bytes, int count)
{
	struct tls_session *t = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (t->queues == NULL || count <= 0)
		return -1;
	size_t wanted = (size_t)count < t->readable ? (size_t)count : t->readable;
	struct room to = { .data = (uint8_t *)bytes, .bytes = wanted };
	size_t got = byteq_copy_out(t->queues->cipher_in, 0, to);
	if (got == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	byteq_consume(t->queues->cipher_in, tls_engine_head(t->head.engine)->pool, got);
	t->readable -= got;
	t->record_left -= got < t->record_left ? got : t->record_left;
	if (t->phase == TLS_PHASE_HANDSHAKE)
		t->handshake_bytes += (uint32_t)got;
	return (int)got;
}

/* Flushing is always done: what was taken is in the queue. Everything else is a question we
 * deny. */
static long queue_control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}
