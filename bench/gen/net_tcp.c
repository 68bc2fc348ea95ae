/*
 * net_tcp.c - the generator's connections over one of our own stacks (net.h): every operation is
 * the stack's.
 */
#include "bench/gen/net.h"

static bool net_listen(void *self, struct endpoint local, uint32_t tag)
{
	return tcp_listen(self, local, tag);
}

static enum tcp_connect_outcome net_connect(void *self, struct endpoint remote, uint64_t user,
                                            struct instant now, struct handle *id)
{
	return tcp_connect(self, remote, user, now, id);
}

static bool net_next_event(void *self, struct tcp_event *event)
{
	return tcp_next_event(self, event);
}

static struct byteq *net_rx(void *self, struct handle id)
{
	return tcp_rx(self, id);
}

static void net_rx_taken(void *self, struct handle id, struct instant now)
{
	tcp_rx_taken(self, id, now);
}

static struct byteq *net_tx(void *self, struct handle id)
{
	return tcp_tx(self, id);
}

static size_t net_tx_room(void *self, struct handle id)
{
	return tcp_tx_room(self, id);
}

static void net_tx_added(void *self, struct handle id, struct instant now)
{
	tcp_tx_added(self, id, now);
}

static void net_user_set(void *self, struct handle id, uint64_t user)
{
	tcp_user_set(self, id, user);
}

static void net_shut(void *self, struct handle id, struct instant now)
{
	tcp_shut(self, id, now);
}

static void net_abort(void *self, struct handle id, struct instant now)
{
	tcp_abort(self, id, now);
}

static void net_release(void *self, struct handle id, struct instant now)
{
	tcp_release(self, id, now);
}

struct gen_net gen_net_tcp(struct tcp_stack *stack)
{
	static const struct gen_net_ops ops = {
		.listen = net_listen,
		.connect = net_connect,
		.next_event = net_next_event,
		.rx = net_rx,
		.rx_taken = net_rx_taken,
		.tx = net_tx,
		.tx_room = net_tx_room,
		.tx_added = net_tx_added,
		.user_set = net_user_set,
		.shut = net_shut,
		.abort = net_abort,
		.release = net_release,
	};
	return (struct gen_net){ .ops = &ops, .self = stack };
}
