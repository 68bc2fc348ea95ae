/*
 * neigh_int.h - neighbours: VLAN and IP address on the link -> MAC address (ARP RFC 826, ND RFC 4861
 * 7.2, 7.3).
 *
 * A bounded table. An entry is UNRESOLVED while we ask for it (multicast, TCP_NEIGHBOUR_TRIES
 * times), FRESH for TCP_NEIGHBOUR_FRESH_US after it was confirmed, and PROBED when it is used after
 * that: it stays in use while we ask it directly, and becomes UNRESOLVED when it does not answer.
 * TCP's progress also confirms it (7.3.1).
 *
 * Connections with something to send to an UNRESOLVED neighbour wait in its list instead of the
 * stack's list of ready ones; no frame is queued. When resolution fails, opening connections are
 * closed as unreachable and others are left to their retransmission timer, which will ask again.
 */
#ifndef WEIR_TCP_NEIGH_INT_H
#define WEIR_TCP_NEIGH_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/instant.h"
#include "base/wheel.h"
#include "tcp/limits.h"
#include "tcp/link_int.h"

struct tcp_stack;
struct conn;

enum neigh_state { NEIGH_FREE = 0, NEIGH_UNRESOLVED, NEIGH_FRESH, NEIGH_PROBED };

struct neigh {
	struct timer timer;
	struct link waiting; /* connections */
	struct instant fresh_until;
	uint32_t generation; /* grows when the entry is given to another address */
	uint16_t next;       /* in its bucket, or free; slot + 1, 0 ends */
	uint8_t state;       /* enum neigh_state */
	uint8_t tries;
	uint8_t mac[6];
	uint16_t vlan; /* with `addr` its key: the same address elsewhere is another machine */
	struct ip_addr addr;
};

#define NEIGH_BUCKETS TCP_NEIGHBOURS_MAX

struct neighbours {
	struct neigh *entries;
	uint16_t *buckets;
	uint16_t free;
	uint16_t hand; /* where the search for an entry to evict goes on */
	uint32_t used;
	uint32_t unresolved;
};

void neigh_init(struct neighbours *t, struct neigh *entries, uint16_t *buckets);
/* The MAC to send this connection's frames to. NULL: not known yet; the connection then waits for
 * the neighbour (or, when the table is full, for its own timer) and is in the ready list no more.
 * */
const uint8_t *neigh_use(struct tcp_stack *s, struct conn *c, struct instant now);
/* The same without waiting: for a last frame of a connection that ends. */
const uint8_t *neigh_peek(struct tcp_stack *s, const struct conn *c);
/* `addr` was seen to have `mac`. Unknown addresses are entered only with `create`. `replace`: a
 * known MAC may change. */
void neigh_learn(struct tcp_stack *s, uint16_t vlan, struct ip_addr addr, const uint8_t *mac,
                 bool create, bool replace, struct instant now);
/* The peer acknowledged something new: the path to it works. */
void neigh_confirm(struct tcp_stack *s, const struct conn *c, struct instant now);
void neigh_expire(struct tcp_stack *s, struct neigh *n, struct instant now);

#endif
