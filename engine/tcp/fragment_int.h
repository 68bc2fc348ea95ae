/*
 * fragment_int.h - datagrams that arrive in pieces (RFC 791, RFC 8200 4.5), where the settings want them at all.
 *
 * What any of a datagram's fragments does wrong costs the datagram: pieces that overlap (RFC 5722), a first one that
 * does not hold the whole header chain (RFC 7112, RFC 1858) or is followed by one that lies within its TCP header
 * (RFC 3128), lengths that contradict each other, too many pieces. It is then dead: it holds no bytes, and what
 * still comes for it is dropped for as long as a new one would be waited for. An exact copy of a piece is only
 * dropped (RFC 8200 4.5).
 *
 * Everything is reserved at launch, FRAGMENT_BUDGET_BYTES of it. Bytes stand in chunks, since pieces may be small and
 * it is chunks that count. When these or the places for datagrams are used up the oldest datagram gives way: an
 * honest one is complete within milliseconds, and a flood that is refused room takes it from all who come after.
 * One source (IPv4 address, IPv6 /64) has FRAGMENT_SOURCE_MAX datagrams; sources whose keyed hashes collide share
 * them. Finding is a keyed hash, placing a binary search among FRAGMENT_PIECES_MAX: no loop here is as long as a
 * peer wants.
 */
#ifndef WEIR_TCP_FRAGMENT_INT_H
#define WEIR_TCP_FRAGMENT_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/instant.h"
#include "tcp/limits.h"
#include "tcp/link_int.h"
#include "wire/ip.h"

struct tcp_stack;
struct packet;

struct fragment_key { /* source, destination, identification, IPv4's protocol, family */
	uint8_t bytes[40];
};

struct fragment_piece {
	uint16_t begin, bytes; /* in the datagram's payload */
	uint16_t chunk;        /* the first of its bytes */
};

struct fragment_datagram {
	struct link order; /* by age among those of its family, the dead apart; free ones: `next` only */
	struct fragment_key key;
	uint16_t next; /* in its bucket, or among the free: index + 1 */
	uint16_t bucket;
	uint16_t source; /* index of its source's number of datagrams */
	uint8_t family;
	bool dead;
	bool end_known;
	uint8_t count;
	uint8_t ecn_seen; /* a bit for each enum ip_ecn */
	uint8_t hop_limit, traffic_class, protocol; /* of the first fragment */
	uint32_t bytes, end;
	struct instant begun; /* of a dead one: when it died */
	struct fragment_piece pieces[FRAGMENT_PIECES_MAX]; /* in order, apart from each other */
};

struct fragment_chunk {
	uint8_t data[FRAGMENT_CHUNK_BYTES];
	uint16_t next; /* index + 1 */
};

struct fragments { /* of a stack that puts them together */
	uint16_t free_datagram, free_chunk; /* index + 1 */
	uint16_t chunks_free;
	uint16_t live, dead;
	uint16_t buckets[FRAGMENT_DATAGRAMS_MAX];
	uint8_t sources[FRAGMENT_SOURCES];
	struct link order[2][2]; /* [dead][IPv6] */
	uint8_t whole[UINT16_MAX];
	struct fragment_datagram datagrams[FRAGMENT_DATAGRAMS_MAX];
	struct fragment_chunk chunks[FRAGMENT_CHUNKS];
};

_Static_assert(sizeof(struct fragments) <= FRAGMENT_BUDGET_BYTES, "what the budget says");

void fragment_init(struct fragments *f);
/* p->ip is a fragment for us (IP_FRAGMENT). True: now it is the whole datagram, borrowed until the next call. Else the
 * fragment was kept, or dropped and counted. */
MUST_USE bool fragment_input(struct tcp_stack *s, struct packet *p, struct instant now);
struct instant fragment_deadline(const struct fragments *f);
void fragment_expire(struct tcp_stack *s, struct instant now);

#endif
