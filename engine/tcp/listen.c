/*
 * listen.c - listeners, and SYNs that reach them (RFC 9293 3.10.7.2).
 *
 * A SYN makes a half-open connection, of which half_open_max may exist; it holds no blocks and gets
 * TCP_SYN_ACK_RETRIES_MAX repetitions of its answer. Above that bound, or the one of its source, the
 * answer is a cookie (cookie.c) and nothing is kept. Data and FIN on the SYN are not taken: the peer
 * sends them again.
 */
#include "tcp/stack_int.h"

bool tcp_listen(struct tcp_stack *s, struct endpoint local, uint32_t tag)
{
	if (s->listener_count == TCP_LISTENERS_MAX)
		return false;
	s->listeners[s->listener_count++] = (struct listener){ .local = local, .tag = tag };
	return true;
}

const struct listener *listen_find(const struct tcp_stack *s, struct ip_addr addr, uint16_t port)
{
	for (uint32_t i = 0; i < s->listener_count; i++) {
		const struct listener *l = &s->listeners[i];
		bool any = l->local.addr.family == IP_NONE;
		if (l->local.port == port && (any || ip_addr_equal(l->local.addr, addr)))
			return l;
	}
	return NULL;
}

static bool admissible(struct tcp_stack *s, const struct packet *p, const struct tcp_seg *seg)
{
	struct ip_addr hop;
	uint8_t local;
	if ((seg->flags & (TCP_SYN | TCP_FIN)) != TCP_SYN || seg->src_port == 0) {
		stack_drop(s, TCP_DROP_TCP_FLAGS);
		return false;
	}
	if (!route_find(s, p->vlan, p->ip.src, &hop, &local)) {
		stack_drop(s, TCP_DROP_SYN_NO_ROUTE);
		return false;
	}
	uint32_t most = s->config.per_source_max;
	if (most > 0 && source_count(&s->sources, source_hash(s, p->ip.src)).open >= most) {
		stack_drop(s, TCP_DROP_SYN_SOURCE);
		return false;
	}
	return true;
}

/* Are half-open connections used up, all of them or those of this source? */
static bool is_flooded(const struct tcp_stack *s, const struct packet *p)
{
	uint32_t most = s->config.per_source_half_open_max;
	if (s->half_open >= s->config.half_open_max)
		return true;
	return most > 0 && source_count(&s->sources, source_hash(s, p->ip.src)).half_open >= most;
}

struct conn *listen_take(struct tcp_stack *s, const struct packet *p, const struct tuple *t,
                         struct instant now)
{
	struct conn *c = conn_take(s, t, p->local, now);
	if (c == NULL) {
		stack_drop(s, TCP_DROP_SYN_NO_CONNECTION);
		return NULL;
	}
	c->flags |= CONN_PASSIVE | CONN_COUNTED;
	c->source = source_hash(s, t->remote);
	source_add(&s->sources, c->source);
	c->tag = listen_find(s, t->local, t->local_port)->tag;
	return c;
}

void listen_input(struct tcp_stack *s, const struct packet *p, const struct tcp_seg *seg,
                  const struct tuple *t, const struct seq *isn_min, struct instant now)
{
	if (!admissible(s, p, seg))
		return;
	if (is_flooded(s, p)) {
		if (s->config.cookies_off || isn_min != NULL) /* an ISN of its own has no room in a cookie */
			stack_drop(s, TCP_DROP_SYN_HALF_OPEN);
		else
			cookie_answer(s, p, seg, t, now);
		return;
	}
	struct conn *c = listen_take(s, p, t, now);
	if (c == NULL)
		return;
	stack_note_in(s, c, seg, now);
	stack_noted_in(s);
	handshake_begin(s, c, t, isn_min, now);
	handshake_learn(s, c, seg, now);
	conn_enter(s, c, CONN_SYN_RECEIVED, now);
	c->flags |= CONN_SEND_SYN;
	conn_ready(s, c);
}
