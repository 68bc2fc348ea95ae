/*
 * tuple_int.h - the four-tuple that names a connection, and its keyed hashes.
 *
 * Each purpose has its own key derived from the stack's secret, so that what one of them shows to
 * the world (an ISN, a port, a timestamp) says nothing about another. The timestamp offset and the
 * ISN depend on the tuple alone: they can be computed again for a connection in TIME-WAIT instead
 * of being kept.
 */
#ifndef WEIR_TCP_TUPLE_INT_H
#define WEIR_TCP_TUPLE_INT_H

#include <stdint.h>

#include "base/addr.h"
#include "base/instant.h"
#include "base/prng.h"
#include "wire/seq.h"

struct tuple {
	struct ip_addr local, remote; /* of one family */
	uint16_t local_port, remote_port;
};

enum tuple_purpose {
	TUPLE_FLOW = 1,
	TUPLE_ISN,
	TUPLE_STAMP,
	TUPLE_PORT,
	TUPLE_COOKIE,
	TUPLE_SOURCE,
	TUPLE_CHALLENGE,
	TUPLE_FRAGMENT,
	TUPLE_PATH
};

uint64_t tuple_hash(struct siphash_key secret, enum tuple_purpose purpose, const struct tuple *t);
/* RFC 6528: a clock of 4 us per step plus a secret function of the tuple. */
struct seq tuple_isn(struct siphash_key secret, const struct tuple *t, struct instant now);
/* RFC 7323 5.4: where this tuple's timestamp clock starts. */
uint32_t tuple_stamp_offset(struct siphash_key secret, const struct tuple *t);

#endif
