/*
 * tuple.c - see tuple_int.h.
 */
#include "tcp/tuple_int.h"

#include "base/span.h"

#define TUPLE_BYTES_MAX 36u

uint64_t tuple_hash(struct siphash_key secret, enum tuple_purpose purpose, const struct tuple *t)
{
	uint8_t bytes[TUPLE_BYTES_MAX];
	struct writer w = writer_of((struct room){ .data = bytes, .bytes = sizeof(bytes) });
	writer_bytes(&w, span_of(t->local.bytes, ip_addr_bytes(t->local)));
	writer_bytes(&w, span_of(t->remote.bytes, ip_addr_bytes(t->remote)));
	writer_be16(&w, t->local_port);
	writer_be16(&w, t->remote_port);
	struct siphash_key key = secret;
	key.k1 ^= (uint64_t)purpose << 56;
	return siphash(key, writer_span(&w));
}

struct seq tuple_isn(struct siphash_key secret, const struct tuple *t, struct instant now)
{
	return seq_of((uint32_t)(now.us / 4) + (uint32_t)tuple_hash(secret, TUPLE_ISN, t));
}

uint32_t tuple_stamp_offset(struct siphash_key secret, const struct tuple *t)
{
	return (uint32_t)tuple_hash(secret, TUPLE_STAMP, t);
}
