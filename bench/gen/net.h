/*
 * net.h - the seam below the generator: connections, from whatever carries them.
 *
 * The operations are those of tcp/tcp.h, with the same meaning and the same events, so that the
 * generator's machines neither know nor care whether our own stack (net_tcp.c) or kernel sockets
 * (kernel.c) move the bytes. Ownership of queues is as in tcp/tcp.h: the generator consumes from rx
 * and appends to tx.
 */
#ifndef WEIR_BENCH_GEN_NET_H
#define WEIR_BENCH_GEN_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/blocks.h"
#include "base/check.h"
#include "base/instant.h"
#include "base/slab.h"
#include "tcp/tcp.h"

struct gen_net_ops {
	bool (*listen)(void *self, struct endpoint local, uint32_t tag);
	enum tcp_connect_outcome (*connect)(void *self, struct endpoint remote, uint64_t user,
	                                    struct instant now, struct handle *id);
	bool (*next_event)(void *self, struct tcp_event *event);
	struct byteq *(*rx)(void *self, struct handle id);
	void (*rx_taken)(void *self, struct handle id, struct instant now);
	struct byteq *(*tx)(void *self, struct handle id);
	size_t (*tx_room)(void *self, struct handle id);
	void (*tx_added)(void *self, struct handle id, struct instant now);
	void (*user_set)(void *self, struct handle id, uint64_t user);
	void (*shut)(void *self, struct handle id, struct instant now);
	void (*abort)(void *self, struct handle id, struct instant now);
	void (*release)(void *self, struct handle id, struct instant now);
};

struct gen_net {
	const struct gen_net_ops *ops; /* NULL: this side is not used */
	void *self;
};

/* Over one of our own stacks, whose frames and time somebody else moves. */
struct gen_net gen_net_tcp(struct tcp_stack *stack);

#endif
