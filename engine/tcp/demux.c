/*
 * demux.c - from a TCP segment to whom it concerns: an open connection, one in TIME-WAIT, a
 * listener, or nobody (RFC 9293 3.10.7.1).
 */
#include "tcp/stack_int.h"
#include "wire/load.h"

static bool conn_matches(const struct tcp_stack *s, uint32_t slot, const struct tuple *t)
{
	const struct conn *c =
		(const void *)(s->conns.memory + (size_t)slot * s->conns.object_bytes);
	return c->local_port == t->local_port && c->remote_port == t->remote_port &&
	       ip_addr_equal(c->remote, t->remote) &&
	       ip_addr_equal(stack_addr(s, c->local), t->local);
}

/* Where a tuple's connection may stand among those heard of late. Anybody can compute this and collide on
 * purpose: that costs the keyed hash, as without it, and finds nobody else's connection. */
static uint32_t *recent_of(struct tcp_stack *s, const struct packet *p, const struct tcp_seg *seg)
{
	uint32_t at = (uint32_t)seg->src_port * 0x9e3779b1u ^ seg->dst_port;
	at ^= load_be32(p->ip.src.bytes) ^ load_be32(p->ip.src.bytes + 12) * 0x85ebca6bu;
	return &s->recent[(at ^ at >> 16) & (TCP_RECENT_CONNECTIONS - 1)];
}

static struct conn *recent_find(struct tcp_stack *s, const struct packet *p,
                                const struct tcp_seg *seg, uint32_t ref)
{
	if (ref == 0)
		return NULL;
	struct conn *c = (void *)(s->conns.memory + (size_t)(ref - 1) * s->conns.object_bytes);
	bool same = c->head.magic != 0 && (c->flags & CONN_IN_FLOW) != 0 &&
	            c->local_port == seg->dst_port && c->remote_port == seg->src_port &&
	            c->local == p->local && ip_addr_equal(c->remote, p->ip.src);
	return same ? c : NULL;
}

static bool wait_matches(const struct tcp_stack *s, uint32_t slot, const struct tuple *t)
{
	const struct time_wait *w = time_wait_at(s, slot);
	struct tuple own = time_wait_tuple(s, w);
	return own.local_port == t->local_port && own.remote_port == t->remote_port &&
	       ip_addr_equal(own.remote, t->remote) && ip_addr_equal(own.local, t->local);
}

struct conn *demux_find(const struct tcp_stack *s, const struct tuple *t, struct time_wait **wait)
{
	uint32_t hash = (uint32_t)tuple_hash(s->config.secret, TUPLE_FLOW, t);
	struct flow_walk walk = { 0 };
	uint32_t ref;
	*wait = NULL;
	while ((ref = flow_next(&s->flows, hash, &walk)) != FLOW_NONE) {
		uint32_t slot = (ref & ~FLOW_TIME_WAIT) - 1;
		if ((ref & FLOW_TIME_WAIT) == 0 && conn_matches(s, slot, t))
			return (void *)(s->conns.memory + (size_t)slot * s->conns.object_bytes);
		if ((ref & FLOW_TIME_WAIT) != 0 && wait_matches(s, slot, t)) {
			*wait = time_wait_at(s, slot);
			return NULL;
		}
	}
	return NULL;
}

/* RFC 9293 3.10.7.1: "If the state is CLOSED". */
static void answer_with_reset(struct tcp_stack *s, const struct packet *p,
                              const struct tcp_seg *seg, struct instant now)
{
	struct tcp_seg reset = { .src_port = seg->dst_port,
		                 .dst_port = seg->src_port,
		                 .flags = TCP_RST };
	if ((seg->flags & TCP_ACK) != 0) {
		reset.seq = seg->ack;
	} else {
		reset.flags |= TCP_ACK;
		reset.ack = seq_add(seg->seq, tcp_seg_len(seg));
	}
	stack_drop(s, TCP_DROP_NO_CONNECTION);
	control_segment(s, p->mac, p->ip.dst, p->ip.src, &reset, now);
}

/* Does a local port belong to the active opens of another stack that shares our addresses? */
static bool is_foreign(const struct tcp_config *config, uint16_t port)
{
	return config->port_stride > 1 && port >= config->port_first &&
	       port <= config->port_last && port % config->port_stride != config->port_offset;
}

/* An ACK to a listener may bring back what a SYN cookie said. */
static bool cookie_input(struct tcp_stack *s, const struct packet *p, struct tcp_seg *seg,
                         const struct tuple *t, struct instant now)
{
	if ((seg->flags & (TCP_ACK | TCP_SYN | TCP_RST)) != TCP_ACK || !s->cookies.any ||
	    listen_find(s, t->local, t->local_port) == NULL)
		return false;
	struct conn *c = cookie_accept(s, p, seg, t, now);
	if (c == NULL)
		return false;
	input_segment(s, c, p, seg, now);
	return true;
}

static void without_connection(struct tcp_stack *s, const struct packet *p,
                               struct tcp_seg *seg, const struct tuple *t,
                               const struct seq *isn_min, struct instant now)
{
	if (p->fragmented && s->config.port_stride > 1) { /* the port could not tell whose it is; an RST could end it */
		s->counters.foreign++;
		stack_drop(s, TCP_DROP_FOREIGN);
	} else if (listen_find(s, t->local, t->local_port) != NULL &&
	    (seg->flags & (TCP_ACK | TCP_RST)) == 0) {
		listen_input(s, p, seg, t, isn_min, now);
	} else if (cookie_input(s, p, seg, t, now)) {
		return;
	} else if (is_foreign(&s->config, t->local_port)) {
		s->counters.foreign++;
		stack_drop(s, TCP_DROP_FOREIGN);
	} else if ((seg->flags & TCP_RST) != 0) {
		stack_drop(s, TCP_DROP_STRAY_RESET);
	} else {
		answer_with_reset(s, p, seg, now);
	}
}

static bool parse(struct tcp_stack *s, const struct packet *p, struct tcp_seg *seg)
{
	switch (tcp_seg_parse(&p->ip, p->checked, seg)) {
	case TCP_SEG_OK:
		return true;
	case TCP_SEG_BAD_HEADER:
		stack_drop(s, TCP_DROP_TCP_HEADER);
		return false;
	case TCP_SEG_BAD_CHECKSUM:
		stack_drop(s, TCP_DROP_TCP_CHECKSUM);
		return false;
	case TCP_SEG_BAD_OPTIONS:
		stack_drop(s, TCP_DROP_TCP_OPTIONS);
		return false;
	}
	return false;
}

void demux_input(struct tcp_stack *s, const struct packet *p, struct instant now)
{
	struct tcp_seg seg;
	if (p->group || !ip_source_plausible(p->ip.src)) { /* MUST-57 */
		stack_drop(s, TCP_DROP_GROUP_SEGMENT);
		return;
	}
	if (!parse(s, p, &seg))
		return;
	s->counters.segments_in++;
	uint32_t *recent = recent_of(s, p, &seg);
	struct conn *known = recent_find(s, p, &seg, *recent);
	if (known != NULL) {
		input_segment(s, known, p, &seg, now);
		return;
	}
	struct tuple t = { .local = p->ip.dst,
		           .remote = p->ip.src,
		           .local_port = seg.dst_port,
		           .remote_port = seg.src_port };
	struct time_wait *wait;
	struct conn *c = demux_find(s, &t, &wait);
	if (c != NULL) {
		*recent = c->head.slot + 1;
		input_segment(s, c, p, &seg, now);
		return;
	}
	struct seq isn_min;
	bool reopen = wait != NULL;
	if (reopen && time_wait_input(s, wait, p, &seg, &isn_min, now) == TIME_WAIT_DONE)
		return;
	without_connection(s, p, &seg, &t, reopen ? &isn_min : NULL, now);
}
