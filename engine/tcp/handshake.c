/*
 * handshake.c - what both kinds of open share: first sequence numbers, options offered and learnt,
 * and the moment of establishment.
 */
#include "tcp/stack_int.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

static uint32_t ip_header_bytes(const struct conn *c)
{
	return c->remote.family == IP_V4 ? IP4_HEADER_BYTES : IP6_HEADER_BYTES;
}

void handshake_number(struct conn *c, struct seq isn)
{
	c->iss = isn;
	c->snd_una = c->snd_nxt = c->snd_max = c->recover = isn;
	c->tx_end = seq_add(isn, 1); /* our SYN */
	rack_init(&c->rack, isn);
}

void handshake_begin(struct tcp_stack *s, struct conn *c, const struct tuple *t,
                     const struct seq *isn_min, struct instant now)
{
	struct seq isn = tuple_isn(s->config.secret, t, now);
	if (isn_min != NULL && seq_lt(isn, *isn_min))
		isn = *isn_min;
	handshake_number(c, isn);
	c->stamp_offset = tuple_stamp_offset(s->config.secret, t);
	c->announced_mss = (uint16_t)(s->config.mtu - ip_header_bytes(c) - TCP_HEADER_BYTES);
	c->mss = c->announced_mss;
	tuning_begin(s, c);
	rtt_init(&c->rtt, s->config.rto_initial_us);
}

static uint16_t segment_bytes(const struct conn *c, const struct tcp_options *o)
{
	uint32_t standard =
		c->remote.family == IP_V4 ? TCP_MSS_DEFAULT_V4 : TCP_MSS_DEFAULT_V6;
	uint32_t mss = o->mss_known ? o->mss : standard; /* MUST-15 */
	if (mss < TCP_MSS_MIN)
		mss = TCP_MSS_MIN;
	if (mss > c->announced_mss)
		mss = c->announced_mss;
	if ((c->flags & CONN_STAMPS) != 0)
		mss -= TCP_STAMP_BYTES; /* RFC 6691: options come out of the segment */
	return (uint16_t)mss;
}

void handshake_learn(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg,
                     struct instant now)
{
	const struct tcp_options *o = &seg->options;
	c->rcv_nxt = c->rcv_adv = c->ack_sent = seq_add(seg->seq, 1);
	if (o->stamps_known) {
		c->flags |= CONN_STAMPS;
		c->stamp_recent = o->stamp;
		c->stamp_recent_ms = (uint32_t)(now.us / MS_US);
	}
	if (o->sack_permitted)
		c->flags |= CONN_SACK;
	ecn_learn(s, c, seg);
	if (o->shift_known) { /* RFC 7323 2.2: both sides or neither */
		c->snd_shift = o->shift;
		c->rcv_shift = s->rcv_shift;
	}
	c->mss = segment_bytes(c, o);
	c->snd_wnd = c->snd_wnd_max = seg->window; /* never scaled on a SYN */
	c->snd_wl1 = seg->seq;
	c->snd_wl2 = seg->ack;
}

void handshake_options(const struct tcp_stack *s, const struct conn *c, struct tcp_options *o)
{
	bool offer = c->state == CONN_SYN_SENT; /* an answer repeats what the peer offered */
	o->mss_known = true;
	o->mss = c->announced_mss;
	o->shift_known = offer || c->rcv_shift != 0 || c->snd_shift != 0;
	o->shift = s->rcv_shift;
	o->sack_permitted = offer || (c->flags & CONN_SACK) != 0;
	o->stamps_known = offer || (c->flags & CONN_STAMPS) != 0;
}

void handshake_done(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg,
                    struct instant now)
{
	bool passive = (c->flags & CONN_PASSIVE) != 0;
	struct sent_news news = { .now = now, .high = c->iss };
	c->flags &= ~(uint32_t)CONN_SEND_SYN;
	c->snd_una = seq_add(c->iss, 1);
	c->snd_nxt = c->snd_max = c->snd_una;
	sent_acked(&c->sent, s->pool, c->snd_una, &news);
	if (news.oldest_known)
		rtt_sample(&c->rtt, (uint32_t)now.us - news.oldest_us);
	rack_learn(c, &news);
	c->recover = c->iss;
	path_mtu_opened(s, c, now);
	s->congestion->opened(&c->congestion, c->mss, c->retries);
	c->hystart.round_end = c->snd_una;
	if (c->retries > 0 && c->rtt.smoothed_us == 0)
		rtt_init(&c->rtt, s->config.rto_initial_us); /* the backoff belonged to the SYN (RFC 6298 5.7) */
	c->retries = 0;
	c->snd_wnd = (uint32_t)seg->window << ((seg->flags & TCP_SYN) != 0 ? 0 : c->snd_shift);
	c->snd_wnd_max = c->snd_wnd;
	c->snd_wl1 = seg->seq;
	c->snd_wl2 = seg->ack;
	conn_enter(s, c, CONN_ESTABLISHED, now);
	tuning_opened(c, now);
	keepalive_arm(s, c, now);
	neigh_confirm(s, c, now);
	if (passive) {
		s->counters.opened_passive++;
		c->flags |= CONN_VISIBLE;
	} else {
		s->counters.opened_active++;
	}
	conn_raise(s, c, passive ? TCP_ACCEPTED | TCP_WRITABLE : TCP_OPENED | TCP_WRITABLE);
	if ((c->flags & CONN_SHUT) != 0) /* tcp_shut() came while opening */
		conn_enter(s, c, CONN_FIN_WAIT_1, now);
	conn_ready(s, c);
}
