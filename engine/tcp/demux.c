/*
 * demux.c - from a TCP segment to whom it concerns: an open connection, one in TIME-WAIT, a
 * listener, or nobody (RFC 9293 3.10.7.1).
 */
#include "tcp/stack_int.h"
#include "wire/load.h"

static bool conn_matches(const struct tcp_stack *s, const struct conn *c, const struct tuple *t)
{
	return c->local_port == t->local_port && c->remote_port == t->remote_port &&
	       ip_addr_equal(c->remote, t->remote) &&
	       ip_addr_equal(stack_addr(s, c->local), t->local);
}

static bool wait_matches(const struct tcp_stack *s, uint32_t slot, const struct tuple *t)
{
	const struct time_wait *w = time_wait_at(s, slot);
	struct tuple own = time_wait_tuple(s, w);
	return own.local_port == t->local_port && own.remote_port == t->remote_port &&
	       ip_addr_equal(own.remote, t->remote) && ip_addr_equal(own.local, t->local);
}

static struct conn *find_hashed(const struct tcp_stack *s, uint32_t hash, const struct tuple *t,
                                struct time_wait **wait)
{
	struct flow_walk walk = { 0 };
	uint32_t ref;
	*wait = NULL;
	while ((ref = flow_next(&s->flows, hash, &walk)) != FLOW_NONE) {
		uint32_t slot = (ref & ~FLOW_TIME_WAIT) - 1;
		if ((ref & FLOW_TIME_WAIT) == 0 && conn_matches(s, stack_conn_at(s, slot), t))
			return stack_conn_at(s, slot);
		if ((ref & FLOW_TIME_WAIT) != 0 && wait_matches(s, slot, t)) {
			*wait = time_wait_at(s, slot);
			return NULL;
		}
	}
	return NULL;
}

struct conn *demux_find(const struct tcp_stack *s, const struct tuple *t, struct time_wait **wait)
{
	return find_hashed(s, (uint32_t)tuple_hash(s->config.secret, TUPLE_FLOW, t), t, wait);
}

/* The connection that the first look found, if it still is the right one. */
static struct conn *find_ahead(const struct tcp_stack *s, const struct ahead *a, const struct tuple *t)
{
	if (a->l3_at == 0 || a->ref == FLOW_NONE || (a->ref & FLOW_TIME_WAIT) != 0)
		return NULL;
	struct conn *c = stack_conn_at(s, a->ref - 1);
	bool open = c->head.magic != 0 && (c->flags & CONN_IN_FLOW) != 0;
	return open && conn_matches(s, c, t) ? c : NULL;
}

static struct conn *find(struct tcp_stack *s, const struct ahead *a, const struct tuple *t,
                         struct time_wait **wait)
{
	struct conn *c = find_ahead(s, a, t);
	if (c == NULL && a->l3_at != 0 && a->hash != 0)
		c = find_hashed(s, a->hash, t, wait);
	else if (c == NULL)
		c = demux_find(s, t, wait);
	if (c != NULL)
		ahead_remember(s, a, c->head.slot + 1);
	return c;
}

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
	control_segment(s, p->mac, p->local, p->ip.src, &reset, now);
}

/* RFC 9293 3.10.7.1, CLOSED: a RST is dropped, and all else is answered with one. But first: has another stack the
 * connection that is not here? It has if it opened it; it may have if it accepted it, and the device brings segments
 * where it likes. */
static enum frame_fate closed_input(struct tcp_stack *s, const struct packet *p, const struct tcp_seg *seg,
                                    const struct tuple *t, bool listening, struct instant now)
{
	int owner = foreign_owner(s, t);
	bool others = owner >= 0 && owner != s->config.port_offset;
	bool perhaps = owner < 0 && listening && s->config.scattered;
	if ((others || perhaps) && foreign_may_pass(s, p))
		return FRAME_ELSEWHERE;
	if (others)
		stack_drop(s, TCP_DROP_FOREIGN);
	else if ((seg->flags & TCP_RST) != 0)
		stack_drop(s, TCP_DROP_STRAY_RESET);
	else
		answer_with_reset(s, p, seg, now);
	return FRAME_TAKEN;
}

/* The connection that a SYN cookie tells of, which the ACK to a listener may bring back; NULL: none. */
static struct conn *cookie_input(struct tcp_stack *s, const struct packet *p, struct tcp_seg *seg,
                                 const struct tuple *t, struct instant now)
{
	bool fitting = (seg->flags & (TCP_ACK | TCP_SYN | TCP_RST)) == TCP_ACK;
	return fitting && s->cookies.any ? cookie_accept(s, p, seg, t, now) : NULL;
}

/* 3.10.7.2, LISTEN: first RST, second ACK, with which it is as in CLOSED unless a cookie tells of a connection; third
 * SYN, and what else has neither. */
static enum frame_fate listening_input(struct tcp_stack *s, const struct packet *p, struct tcp_seg *seg,
                                       const struct tuple *t, const struct seq *isn_min, struct instant now)
{
	if ((seg->flags & TCP_RST) != 0)
		return closed_input(s, p, seg, t, true, now);
	if ((seg->flags & TCP_ACK) != 0) {
		struct conn *c = cookie_input(s, p, seg, t, now);
		return c != NULL ? input_segment(s, c, p, seg, now) : closed_input(s, p, seg, t, true, now);
	}
	listen_input(s, p, seg, t, isn_min, now);
	return FRAME_TAKEN;
}

static enum frame_fate without_connection(struct tcp_stack *s, const struct packet *p, struct tcp_seg *seg,
                                          const struct tuple *t, const struct seq *isn_min, struct instant now)
{
	if (p->fragmented && s->config.port_stride > 1) { /* the port could not tell whose it is; an RST could end it */
		stack_drop(s, TCP_DROP_FOREIGN);
		return FRAME_TAKEN;
	}
	if (listen_find(s, t->local, t->local_port) != NULL)
		return listening_input(s, p, seg, t, isn_min, now);
	return closed_input(s, p, seg, t, false, now);
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

enum frame_fate demux_input(struct tcp_stack *s, const struct packet *p, struct instant now)
{
	struct tcp_seg seg;
	if (p->group || !ip_source_plausible(p->ip.src)) { /* MUST-57 */
		stack_drop(s, TCP_DROP_GROUP_SEGMENT);
		return FRAME_TAKEN;
	}
	if (!parse(s, p, &seg))
		return FRAME_TAKEN;
	s->counters.segments_in++;
	struct tuple t = { .local = p->ip.dst,
		           .remote = p->ip.src,
		           .local_port = seg.dst_port,
		           .remote_port = seg.src_port };
	struct time_wait *wait = NULL;
	struct conn *c = find(s, p->ahead, &t, &wait);
	if (c != NULL)
		return input_segment(s, c, p, &seg, now);
	struct seq isn_min;
	bool reopen = wait != NULL;
	if (reopen && time_wait_input(s, wait, p, &seg, &isn_min, now) == TIME_WAIT_DONE)
		return FRAME_TAKEN;
	return without_connection(s, p, &seg, &t, reopen ? &isn_min : NULL, now);
}
