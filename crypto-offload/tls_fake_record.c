/*
 * tls_fake_record.c - the fake's records on the wire.
 *
 * A record is five bytes of head (type, 3, 3, length) and a payload, each byte of it masked with
 * 0xA5. The types are TLS's own, so that captures look familiar. Handshake messages and alerts are
 * small and go through the session's flight buffer, which leaves as room allows; data is framed
 * straight from plain_out into cipher_out and unmasked straight from cipher_in into plain_in. Any
 * split of the incoming bytes is good. Pure.
 */
#include "crypto-offload/tls_fake_int.h"

static struct block_pool *pool_of(const struct fake_session *s)
{
	return tls_engine_head(s->head.engine)->pool;
}

static void head_write(uint8_t head[FAKE_HEAD], enum fake_type type, size_t payload_bytes)
{
	head[0] = (uint8_t)type;
	head[1] = 3;
	head[2] = 3;
	head[3] = (uint8_t)(payload_bytes >> 8);
	head[4] = (uint8_t)payload_bytes;
}

bool fake_message_send(struct fake_session *s, enum fake_type type, struct span payload)
{
	if (payload.bytes > FAKE_MESSAGE_MAX ||
	    s->flight_bytes + FAKE_HEAD + payload.bytes > FAKE_FLIGHT_MAX)
		return false;
	head_write(s->flight + s->flight_bytes, type, payload.bytes);
	s->flight_bytes += FAKE_HEAD;
	for (size_t i = 0; i < payload.bytes; i++)
		s->flight[s->flight_bytes++] = payload.data[i] ^ FAKE_MASK;
	return true;
}

/* An alert that finds no place is not sent: the peer then sees a close. */
void fake_alert_send(struct fake_session *s, enum fake_alert alert)
{
	uint8_t payload[2] = { alert == FAKE_CLOSE_NOTIFY ? 1 : 2, (uint8_t)alert };
	(void)fake_message_send(s, FAKE_ALERT, span_of(payload, sizeof(payload)));
}

void fake_flight_flush(struct fake_session *s)
{
	struct span flight = span_head(span_of(s->flight, s->flight_bytes), s->writable);
	if (flight.bytes == 0)
		return;
	size_t taken = byteq_write(s->queues->cipher_out, pool_of(s), flight);
	s->writable -= taken;
	s->flight_bytes -= taken;
	memmove(s->flight, s->flight + taken, s->flight_bytes);
}

/* Moves `bytes` masked from one queue's front to the other's end; returns how many found room. */
static size_t masked_move(struct byteq *to, struct byteq *from, struct block_pool *pool,
			  size_t bytes)
{
	size_t moved = 0;
	while (moved < bytes) {
		struct span piece = span_head(byteq_peek(from), bytes - moved);
		struct room room = piece.bytes == 0 ? (struct room){ .data = NULL, .bytes = 0 }
		                                    : byteq_reserve(to, pool);
		size_t n = piece.bytes < room.bytes ? piece.bytes : room.bytes;
		if (n == 0)
			break;
		for (size_t i = 0; i < n; i++)
			room.data[i] = piece.data[i] ^ FAKE_MASK;
		byteq_commit(to, n);
		byteq_consume(from, pool, n);
		moved += n;
	}
	return moved;
}

/* Payload of the next data record; 0: wait for room. */
static size_t data_bytes(const struct fake_session *s)
{
	size_t bytes = byteq_bytes(s->queues->plain_out);
	size_t n = bytes < FAKE_RECORD_MAX ? bytes : FAKE_RECORD_MAX;
	if (s->writable <= FAKE_HEAD)
		return 0;
	if (n > s->writable - FAKE_HEAD)
		n = s->writable - FAKE_HEAD < FAKE_SPARSE ? 0 : s->writable - FAKE_HEAD;
	return byteq_fits(s->queues->cipher_out, pool_of(s), n + FAKE_HEAD) ? n : 0;
}

void fake_data_send(struct fake_session *s)
{
	size_t n;
	while (s->flight_bytes == 0 && (n = data_bytes(s)) > 0) {
		uint8_t head[FAKE_HEAD];
		head_write(head, FAKE_DATA, n);
		size_t written =
			byteq_write(s->queues->cipher_out, pool_of(s), span_of(head, sizeof(head)));
		CHECK(written == sizeof(head));
		size_t moved =
			masked_move(s->queues->cipher_out, s->queues->plain_out, pool_of(s), n);
		CHECK(moved == n);
		s->writable -= n + FAKE_HEAD;
	}
}

static enum fake_read message_read(struct fake_session *s, size_t bytes, uint8_t *payload,
                                   size_t *payload_bytes)
{
	struct byteq *in = s->queues->cipher_in;
	if (bytes > FAKE_MESSAGE_MAX)
		return FAKE_READ_GARBAGE;
	if (byteq_bytes(in) < FAKE_HEAD + bytes)
		return FAKE_READ_NOTHING;
	*payload_bytes =
		byteq_copy_out(in, FAKE_HEAD, (struct room){ .data = payload, .bytes = bytes });
	for (size_t i = 0; i < *payload_bytes; i++)
		payload[i] ^= FAKE_MASK;
	byteq_consume(in, pool_of(s), FAKE_HEAD + bytes);
	return FAKE_READ_MESSAGE;
}

enum fake_read fake_record_read(struct fake_session *s, enum fake_type *type, uint8_t *payload,
                                size_t *payload_bytes)
{
	struct byteq *in = s->queues->cipher_in;
	uint8_t head[FAKE_HEAD];
	size_t here = byteq_copy_out(in, 0, (struct room){ .data = head, .bytes = sizeof(head) });
	if (here > 0 && (head[0] < FAKE_ALERT || head[0] > FAKE_DATA))
		return FAKE_READ_GARBAGE;
	if (here < sizeof(head))
		return FAKE_READ_NOTHING;
	size_t bytes = (size_t)head[3] << 8 | head[4];
	if (head[1] != 3 || head[2] != 3 || bytes > FAKE_RECORD_MAX)
		return FAKE_READ_GARBAGE;
	*type = (enum fake_type)head[0];
	if (*type != FAKE_DATA)
		return message_read(s, bytes, payload, payload_bytes);
	size_t payload_here = byteq_bytes(in) - FAKE_HEAD;
	if (payload_here < bytes && payload_here < FAKE_PARTIAL)
		return FAKE_READ_NOTHING;
	byteq_consume(in, pool_of(s), FAKE_HEAD);
	s->open_left = bytes;
	return FAKE_READ_DATA;
}

size_t fake_data_deliver(struct fake_session *s, size_t room)
{
	size_t bytes = s->open_left < room ? s->open_left : room;
	size_t moved = masked_move(s->queues->plain_in, s->queues->cipher_in, pool_of(s), bytes);
	s->open_left -= moved;
	return moved;
}
