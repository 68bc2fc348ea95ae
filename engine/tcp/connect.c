/*
 * connect.c - active opens: which local port, and the SYN (RFC 9293 3.10.1).
 *
 * Ports follow RFC 6056 3.3.3: a secret function of the addresses and the remote port, plus a
 * counter, over the ports that belong to this stack: a share of the range, or those of which it is known that
 * answers come here. Because the flow table holds whole tuples, one port serves many remotes.
 */
#include "tcp/stack_int.h"

#define REUSE_AFTER_TRIES                                                                          \
	16u /* free ports come first; then one in TIME-WAIT that may be taken over */

struct found_port {
	uint16_t port;
	struct time_wait *taken_over; /* NULL: a free port */
};

/* The ports that this stack may use from `t->local` to `t->remote`, by number: those of its share of the range, or those
 * whose answers the device is known to bring here. */
struct port_share {
	uint32_t count, first, stride; /* without `choice`: first, first + stride, ... */
	const struct tcp_port_choice *choice;
	uint32_t turn;
};

static struct port_share share_by_stride(const struct tcp_config *config)
{
	uint32_t stride = config->port_stride > 1 ? config->port_stride : 1;
	uint32_t first = config->port_first;
	uint32_t offset = stride > 1 ? config->port_offset % stride : 0;
	first += (offset + stride - first % stride) % stride;
	uint32_t count = first > config->port_last ? 0 : (config->port_last - first) / stride + 1;
	return (struct port_share){ .count = count, .first = first, .stride = stride };
}

static struct port_share share_by_choice(const struct tcp_port_choice *choice, const struct tuple *t)
{
	return (struct port_share){ .count = choice->candidates(choice->context, t->local), .choice = choice };
}

static struct port_share share_of(struct tcp_stack *s, const struct tuple *t)
{
	const struct tcp_port_choice *choice = &s->config.choice;
	uint64_t start = tuple_hash(s->config.secret, TUPLE_PORT, t) + s->port_next++;
	struct port_share share = choice->pick == NULL ? share_by_stride(&s->config) : share_by_choice(choice, t);
	share.turn = (uint32_t)(share.count > 0 ? start % share.count : 0);
	return share;
}

static bool share_port(const struct port_share *share, const struct tuple *t, uint32_t number, uint16_t *port)
{
	struct endpoint remote = { .addr = t->remote, .port = t->remote_port };
	if (share->choice != NULL)
		return share->choice->pick(share->choice->context, t->local, remote, share->turn, number, port);
	*port = (uint16_t)(share->first + (share->turn + number) % share->count * share->stride);
	return true;
}

/* A port the caller insists on. */
static bool take_port(struct tcp_stack *s, struct tuple *t, uint16_t port,
                      struct found_port *found, struct instant now)
{
	struct time_wait *wait;
	t->local_port = port;
	if (demux_find(s, t, &wait) != NULL || listen_find(s, t->local, port) != NULL)
		return false;
	if (wait != NULL && !time_wait_reusable(s, wait, now))
		return false;
	*found = (struct found_port){ .port = port, .taken_over = wait };
	return true;
}

static bool choose_port(struct tcp_stack *s, struct tuple *t, struct found_port *found,
                        struct instant now)
{
	struct port_share share = share_of(s, t);
	uint32_t tries = share.count < TCP_PORT_TRIES_MAX ? share.count : TCP_PORT_TRIES_MAX;
	*found = (struct found_port){ .port = 0 };
	for (uint32_t i = 0; i < tries && share_port(&share, t, i, &t->local_port); i++) {
		struct time_wait *wait;
		bool taken = demux_find(s, t, &wait) != NULL ||
		             listen_find(s, t->local, t->local_port) != NULL;
		if (!taken && wait == NULL) {
			*found = (struct found_port){ .port = t->local_port };
			return true;
		}
		if (!taken && found->taken_over == NULL && time_wait_reusable(s, wait, now))
			*found = (struct found_port){ .port = t->local_port, .taken_over = wait };
		if (i >= REUSE_AFTER_TRIES && found->taken_over != NULL)
			return true;
	}
	return found->taken_over != NULL;
}

static enum tcp_connect_outcome open_actively(struct tcp_stack *s, const struct tuple *t,
                                              uint8_t local, const struct found_port *found,
                                              uint64_t user, struct instant now, struct handle *id)
{
	struct seq isn_min = { 0 };
	bool over = found->taken_over != NULL;
	if (over) { /* numbers of the old incarnation must not be used again (RFC 9293 3.4.3) */
		isn_min = seq_add(found->taken_over->snd_nxt, 0x10000);
		time_wait_leave(s, found->taken_over);
	}
	struct conn *c = conn_take(s, t, local, now);
	if (c == NULL)
		return TCP_CONNECT_NO_CONNECTION;
	c->user = user;
	c->flags |= CONN_VISIBLE | CONN_SEND_SYN;
	handshake_begin(s, c, t, over ? &isn_min : NULL, now);
	conn_enter(s, c, CONN_SYN_SENT, now);
	conn_ready(s, c);
	*id = slab_handle(&s->conns, c);
	return TCP_CONNECT_STARTED;
}

enum tcp_connect_outcome tcp_connect(struct tcp_stack *s, struct endpoint remote, uint64_t user,
                                     struct instant now, struct handle *id)
{
	return tcp_connect_from(s, (struct endpoint){ 0 }, remote, user, now, id);
}

enum tcp_connect_outcome tcp_connect_from(struct tcp_stack *s, struct endpoint from,
                                          struct endpoint remote, uint64_t user, struct instant now,
                                          struct handle *id)
{
	struct ip_addr hop;
	uint8_t local, facing;
	uint16_t vlan = ROUTE_ANY_VLAN;
	s->now = now;
	*id = HANDLE_NONE;
	bool chosen = from.addr.family != IP_NONE;
	bool plausible = remote.port != 0 && ip_source_plausible(remote.addr) &&
	                 !host_owns(s, remote.addr, &local);
	if (chosen && (from.addr.family != remote.addr.family || !host_owns(s, from.addr, &local)))
		return TCP_CONNECT_NO_PORT;
	if (chosen)
		vlan = stack_vlan(s, local);
	if (!plausible || !route_find(s, vlan, remote.addr, &hop, &facing))
		return TCP_CONNECT_NO_ROUTE;
	if (!chosen)
		local = facing;
	struct tuple t = { .local = stack_addr(s, local),
		           .remote = remote.addr,
		           .remote_port = remote.port };
	struct found_port found;
	bool any = from.port != 0 ? take_port(s, &t, from.port, &found, now)
	                            : choose_port(s, &t, &found, now);
	if (!any)
		return TCP_CONNECT_NO_PORT;
	t.local_port = found.port;
	return open_actively(s, &t, local, &found, user, now, id);
}
