/*
 * input.c - a segment for an open connection, in the order of RFC 9293 3.10.7.3 (SYN-SENT) and
 * 3.10.7.4 (all others). Each step is one function; steps 5 (ACK) and 7, 8 (text, FIN) are in ack.c
 * and text.c. Security and urgent data (steps 3, 6) do nothing here: urgent bytes are delivered in
 * line, and the urgent pointer is never looked at (RFC 6093).
 */
#include "tcp/stack_int.h"

static void reply_reset(struct tcp_stack *s, const struct packet *p, const struct tcp_seg *seg,
                        struct instant now)
{
	struct tcp_seg reset = { .src_port = seg->dst_port,
		                 .dst_port = seg->src_port,
		                 .seq = seg->ack,
		                 .flags = TCP_RST };
	control_segment(s, p->mac, p->local, p->ip.src, &reset, now);
}

/* RFC 7323 5.3 R1: before anything else. A repetition gets its ACK, the peer may have missed one.
 * */
static enum step check_stamp(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg,
                             struct instant now)
{
	if ((c->flags & CONN_STAMPS) == 0 || (seg->flags & TCP_RST) != 0)
		return STEP_ON;
	if (!seg->options.stamps_known) {
		stack_drop(s, TCP_DROP_STAMP_MISSING);
		return STEP_STOP;
	}
	if ((int32_t)(seg->options.stamp - c->stamp_recent) >= 0)
		return STEP_ON;
	uint32_t age_ms = (uint32_t)(now.us / MS_US) - c->stamp_recent_ms;
	if (age_ms > TCP_PAWS_IDLE_MS)
		return STEP_ON; /* 5.5: the clock may have wrapped, the value is no evidence */
	stack_drop(s, TCP_DROP_PAWS);
	if (seg->payload.bytes > 0)
		conn_ack_now(s, c);
	else
		conn_ack_challenge(s, c, now);
	return STEP_STOP;
}

static bool acceptable(const struct conn *c, const struct tcp_seg *seg)
{
	uint32_t window = seq_span(c->rcv_nxt, c->rcv_adv);
	uint32_t length = tcp_seg_len(seg);
	if (length == 0)
		return seq_eq(seg->seq, c->rcv_nxt) || seq_within(seg->seq, c->rcv_nxt, window);
	struct seq last = seq_add(seg->seq, length - 1);
	return seq_within(seg->seq, c->rcv_nxt, window) || seq_within(last, c->rcv_nxt, window);
}

/* A whole segment that we had: the peer may learn that its repetition was for nothing. */
static void note_doubled(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg)
{
	struct seq end = seq_add(seg->seq, (uint32_t)seg->payload.bytes);
	if (seg->payload.bytes > 0 && seq_le(end, c->rcv_nxt) &&
	    seq_span(seg->seq, c->rcv_nxt) <= c->rx_bytes_max)
		conn_doubled(s, c, seg->seq, end);
}

/* First: sequence number. What is outside the window is acknowledged and dropped; a closed window
 * still lets ACKs through ("special allowance"). */
static enum step check_sequence(struct tcp_stack *s, struct conn *c, struct tcp_seg *seg,
                                struct instant now)
{
	if (acceptable(c, seg))
		return STEP_ON;
	stack_drop(s, TCP_DROP_OUT_OF_WINDOW);
	if ((seg->flags & TCP_RST) != 0)
		return STEP_STOP;
	note_doubled(s, c, seg);
	if (seg->payload.bytes > 0)
		conn_ack_now(s,
		             c); /* a window probe, or a repetition: our ACK may have been lost */
	else
		conn_ack_challenge(s, c, now);
	if (!seq_eq(seg->seq, c->rcv_nxt) || (seg->flags & TCP_SYN) != 0)
		return STEP_STOP;
	seg->payload = SPAN_NONE;
	seg->flags &= (uint8_t)~TCP_FIN;
	return STEP_ON;
}

/* Second: RST, exact or challenged (RFC 5961 3.2). */
static enum step check_reset(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg,
                             struct instant now)
{
	if ((seg->flags & TCP_RST) == 0)
		return STEP_ON;
	if (!seq_eq(seg->seq, c->rcv_nxt)) {
		stack_drop(s, TCP_DROP_RESET_CHALLENGED);
		conn_ack_challenge(s, c, now);
		return STEP_STOP;
	}
	s->counters.resets_in++;
	bool opening = c->state == CONN_SYN_RECEIVED;
	conn_close(s, c, opening ? TCP_CLOSE_REFUSED : TCP_CLOSE_RESET, now);
	return STEP_GONE;
}

/* Fourth: SYN on a synchronised connection (RFC 5961 4.2). */
static enum step check_syn(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg,
                           struct instant now)
{
	if ((seg->flags & TCP_SYN) == 0)
		return STEP_ON;
	stack_drop(s, TCP_DROP_SYN_CHALLENGED);
	conn_ack_challenge(s, c, now);
	return STEP_STOP;
}

/* SYN-RECEIVED, before the order above: the peer's SYN again (our answer was lost), or its SYN-ACK
 * when both opened at once; the SYN then counts as taken. */
static enum step check_handshake(struct tcp_stack *s, struct conn *c, struct tcp_seg *seg)
{
	bool syn_again = (seg->flags & (TCP_SYN | TCP_RST)) == TCP_SYN &&
	                 seq_eq(seq_add(seg->seq, 1), c->rcv_nxt);
	if (c->state != CONN_SYN_RECEIVED || !syn_again)
		return STEP_ON;
	if ((seg->flags & TCP_ACK) != 0) {
		seg->flags &= (uint8_t)~TCP_SYN;
		seg->seq = c->rcv_nxt;
		return STEP_ON;
	}
	c->flags |= CONN_SEND_SYN;
	conn_ready(s, c);
	return STEP_STOP;
}

/* Fifth, in SYN-RECEIVED: our SYN must be acknowledged. */
static enum step check_opening_ack(struct tcp_stack *s, struct conn *c, const struct packet *p,
                                   const struct tcp_seg *seg, struct instant now)
{
	if (c->state != CONN_SYN_RECEIVED)
		return STEP_ON;
	if (!seq_gt(seg->ack, c->iss) || !seq_le(seg->ack, c->snd_max)) {
		if (s->config.scattered && foreign_may_pass(s, p))
			return STEP_ELSEWHERE; /* perhaps another stack had the SYN as well, and this is for its answer */
		stack_drop(s, TCP_DROP_HANDSHAKE_ACK);
		if (!s->config.scattered)
			reply_reset(s, p, seg, now);
		return STEP_STOP;
	}
	handshake_done(s, c, seg, now);
	return STEP_ON;
}

/* RFC 7323 4.3 (2): the timestamp to echo is that of the segment that an ACK is for. */
static void note_stamp(struct conn *c, const struct tcp_seg *seg, struct instant now)
{
	if ((c->flags & CONN_STAMPS) == 0 || !seg->options.stamps_known ||
	    seq_gt(seg->seq, c->ack_sent))
		return;
	if ((int32_t)(seg->options.stamp - c->stamp_recent) < 0)
		return;
	c->stamp_recent = seg->options.stamp;
	c->stamp_recent_ms = (uint32_t)(now.us / MS_US);
}

/* What it returns says nothing but whether the segment is elsewhere: nobody touches `c` behind it. */
static enum step synchronised_input(struct tcp_stack *s, struct conn *c, const struct packet *p,
                                    struct tcp_seg *seg, struct instant now)
{
	enum step step = check_handshake(s, c, seg);
	if (step == STEP_ON)
		step = check_stamp(s, c, seg, now);
	if (step == STEP_ON)
		step = check_sequence(s, c, seg, now);
	if (step == STEP_ON) {
		c->heard_ms = (uint32_t)(now.us / MS_US);
		c->keep_sent = 0;
		step = check_reset(s, c, seg, now);
	}
	if (step == STEP_ON)
		step = check_syn(s, c, seg, now);
	if (step == STEP_ON && (seg->flags & TCP_ACK) == 0) {
		stack_drop(s, TCP_DROP_ACK_MISSING);
		step = STEP_STOP;
	}
	if (step == STEP_ON)
		step = check_opening_ack(s, c, p, seg, now);
	if (step == STEP_ON) {
		note_stamp(c, seg, now);
		ecn_received(s, c, seg, ip_ecn_of(&p->ip));
		step = ack_input(s, c, seg, now);
	}
	if (step == STEP_ON)
		step = text_input(s, c, seg, now);
	return step;
}

/* 3.10.7.3 SYN-SENT, its first two checks: ACK, then RST. */
static enum step check_syn_sent(struct tcp_stack *s, struct conn *c, const struct packet *p,
                                const struct tcp_seg *seg, struct instant now)
{
	bool has_ack = (seg->flags & TCP_ACK) != 0;
	bool reset = (seg->flags & TCP_RST) != 0;
	if (has_ack && (!seq_gt(seg->ack, c->iss) || seq_gt(seg->ack, c->snd_max))) {
		stack_drop(s, TCP_DROP_HANDSHAKE_ACK);
		if (!reset)
			reply_reset(s, p, seg, now);
		return STEP_STOP;
	}
	if (!reset)
		return STEP_ON;
	if (!has_ack) { /* not about our SYN */
		stack_drop(s, TCP_DROP_STRAY_RESET);
		return STEP_STOP;
	}
	s->counters.resets_in++;
	conn_close(s, c, TCP_CLOSE_REFUSED, now);
	return STEP_GONE;
}

static void syn_sent_input(struct tcp_stack *s, struct conn *c, const struct packet *p,
                           struct tcp_seg *seg, struct instant now)
{
	if (check_syn_sent(s, c, p, seg, now) != STEP_ON)
		return;
	if ((seg->flags & (TCP_SYN | TCP_FIN)) != TCP_SYN) {
		stack_drop(s, TCP_DROP_HANDSHAKE_NO_SYN);
		return;
	}
	handshake_learn(s, c, seg, now);
	if ((seg->flags & TCP_ACK) != 0) {
		handshake_done(s, c, seg, now);
		conn_ack_now(s, c);
		return;
	}
	conn_enter(s, c, CONN_SYN_RECEIVED, now); /* both opened at once (MUST-10) */
	c->flags |= CONN_SEND_SYN;
	c->retries = 0;
	conn_ready(s, c);
}

enum frame_fate input_segment(struct tcp_stack *s, struct conn *c, const struct packet *p,
                              struct tcp_seg *seg, struct instant now)
{
	enum step step = STEP_STOP;
	stack_note_in(s, c, seg, now);
	if (c->state == CONN_SYN_SENT)
		syn_sent_input(s, c, p, seg, now);
	else
		step = synchronised_input(s, c, p, seg, now);
	stack_noted_in(s);
	return step == STEP_ELSEWHERE ? FRAME_ELSEWHERE : FRAME_TAKEN;
}
