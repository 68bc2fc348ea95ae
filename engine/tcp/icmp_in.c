/*
 * icmp_in.c - ICMP that reaches us: echo requests are answered, neighbour discovery goes to host.c,
 * and errors about our own segments reach their connection.
 *
 * An error is believed only if it quotes a sequence number that is in flight (RFC 5927 4.1). Hard
 * errors end an opening connection (RFC 1122 4.2.3.9) and are soft afterwards (RFC 5927 5.2); "too
 * big" makes segments smaller (path_mtu.c); source quench is ignored (RFC 6633).
 */
#include "tcp/stack_int.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

static void echo_answer(struct tcp_stack *s, const struct packet *p, const struct icmp_message *m,
                        struct instant now)
{
	struct writer w;
	if (!ip_source_plausible(p->ip.src) || !control_begin(s, &w, true, now))
		return;
	struct ip_addr own = stack_addr(s, p->local);
	uint8_t protocol = own.family == IP_V4 ? IP_ICMP : IP_ICMP6;
	control_headers(s, &w, p->mac, p->local, p->ip.src, protocol,
	                (uint16_t)(ICMP_HEADER_BYTES + m->body.bytes));
	icmp_echo_emit(&w, own, p->ip.src, m);
	control_commit(s, &w, (struct tcp_frame_meta){ .l2_bytes = stack_l2_bytes(s, p->local) });
}

/* Perhaps another stack has the connection that an error is about. In measure: each that is passed on goes to all. */
static bool error_passes(struct tcp_stack *s, const struct packet *p, const struct tuple *t, struct instant now)
{
	uint8_t local;
	return s->config.port_stride > 1 && host_owns(s, t->local, &local) &&
	       foreign_owner(s, t) != s->config.port_offset && bucket_take(&s->icmp_passes, now) && foreign_may_pass(s, p);
}

static enum frame_fate error_input(struct tcp_stack *s, const struct packet *p, const struct icmp_message *m,
                                   struct instant now)
{
	struct icmp_quote q;
	struct time_wait *wait;
	struct conn *c = NULL;
	uint8_t family = p->ip.src.family;
	if (icmp_quote_parse(family, m, &q)) {
		struct tuple t = { .local = q.local.addr,
			           .remote = q.remote.addr,
			           .local_port = q.local.port,
			           .remote_port = q.remote.port };
		c = demux_find(s, &t, &wait);
		if (c == NULL && error_passes(s, p, &t, now))
			return FRAME_ELSEWHERE;
	}
	if (c == NULL || !seq_within(q.seq, c->snd_una, seq_span(c->snd_una, c->snd_max))) {
		stack_drop(s, TCP_DROP_ICMP_QUOTE);
		return FRAME_TAKEN;
	}
	if (m->kind == ICMP_TOO_BIG)
		path_mtu_reported(s, c, q.seq, icmp_reported_mtu(family, m), now);
	else if (m->kind == ICMP_HARD_ERROR && c->state == CONN_SYN_SENT)
		conn_close(s, c, TCP_CLOSE_UNREACHABLE, now);
	return FRAME_TAKEN;
}

enum frame_fate icmp_in(struct tcp_stack *s, const struct packet *p, struct instant now)
{
	struct icmp_message m;
	if (!icmp_parse(&p->ip, false, &m)) { /* ports check TCP sums, not these */
		stack_drop(s, TCP_DROP_ICMP);
		return FRAME_TAKEN;
	}
	if (ip_is_multicast(p->ip.dst) && m.kind != ICMP_NEIGHBOUR) { /* which address of ours is meant it does not say */
		stack_drop(s, TCP_DROP_ICMP_UNUSED);
		return FRAME_TAKEN;
	}
	switch (m.kind) {
	case ICMP_ECHO_REQUEST:
		if (!p->group) /* RFC 1122 3.2.2.6 lets us ignore those: no smurf amplifier */
			echo_answer(s, p, &m, now);
		return FRAME_TAKEN;
	case ICMP_NEIGHBOUR:
		if (p->fragmented)
			stack_drop(s, TCP_DROP_ND_FRAGMENT);
		else
			host_nd_input(s, p, now);
		return FRAME_TAKEN;
	case ICMP_HARD_ERROR:
	case ICMP_SOFT_ERROR:
	case ICMP_TOO_BIG:
		return error_input(s, p, &m, now);
	case ICMP_ECHO_REPLY:
	case ICMP_OTHER:
		stack_drop(s, TCP_DROP_ICMP_UNUSED);
		return FRAME_TAKEN;
	}
	return FRAME_TAKEN;
}
