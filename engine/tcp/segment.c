/*
 * segment.c - one segment of a connection as a frame: headers, options, the bytes from tx,
 * checksum. The bytes are copied once, from their blocks into the frame; where new and repeated
 * bytes were last found is remembered.
 */
#include "tcp/stack_int.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

/* Copies `bytes` from block position (*b, *at) on, and moves the position behind them. */
static void copy_blocks(struct writer *w, struct block **b, uint32_t *at, uint32_t bytes)
{
	while (bytes > 0) {
		if (*at ==
		    (*b)->end) { /* only now: the next block may not have been there before */
			*b = (*b)->next;
			CHECK(*b != NULL);
			*at = (*b)->begin;
			continue;
		}
		uint32_t here = (*b)->end - *at;
		uint32_t piece = here < bytes ? here : bytes;
		writer_bytes(w, span_of((*b)->data + *at, piece));
		*at += piece;
		bytes -= piece;
	}
}

/* The place of `seq`, from the one remembered if that does not lie behind it, else from the front. A
 * recovery goes forward, so each block is passed once per recovery and not once per segment. */
static struct place place_find(const struct conn *c, const struct place *remembered, struct seq seq)
{
	struct place p = *remembered;
	if (p.block == NULL || seq_gt(p.seq, seq))
		p = (struct place){ .block = c->tx.head, .at = c->tx.head->begin, .seq = c->snd_una };
	uint32_t ahead = seq_span(p.seq, seq);
	while (ahead > p.block->end - p.at) {
		ahead -= p.block->end - p.at;
		p.block = p.block->next;
		CHECK(p.block != NULL);
		p.at = p.block->begin;
	}
	p.at += ahead;
	p.seq = seq;
	return p;
}

static void copy_payload(struct conn *c, const struct segment_plan *plan, struct writer *w)
{
	if (plan->bytes == 0)
		return;
	CHECK(c->tx.head != NULL);
	struct place *remembered = plan->again ? &c->again : &c->fresh;
	struct place p = place_find(c, remembered, plan->seq);
	copy_blocks(w, &p.block, &p.at, plan->bytes);
	p.seq = seq_add(plan->seq, plan->bytes);
	if (!plan->probe)
		*remembered = p;
}

/* What is missing here, a D-SACK first (RFC 2883 4). */
static void fill_reports(struct conn *c, struct tcp_options *o)
{
	uint8_t max = o->stamps_known ? TCP_SACK_BLOCKS_MAX - 1 : TCP_SACK_BLOCKS_MAX;
	if ((c->flags & CONN_DOUBLED) != 0) {
		c->flags &= ~(uint32_t)CONN_DOUBLED;
		o->sack[0] = (struct tcp_sack_block){ c->doubled_begin, c->doubled_end };
		o->sack_count = 1;
	}
	if (c->reasm != NULL)
		o->sack_count += reasm_sack(c->reasm, o->sack + o->sack_count,
		                            (uint8_t)(max - o->sack_count));
}

static void fill_options(const struct tcp_stack *s, struct conn *c,
                         const struct segment_plan *plan, struct tcp_options *o,
                         struct instant now)
{
	memset(o, 0, offsetof(struct tcp_options, sack));
	bool syn = (plan->flags & TCP_SYN) != 0;
	if (syn)
		handshake_options(s, c, o);
	else
		o->stamps_known = (c->flags & CONN_STAMPS) != 0;
	if (o->stamps_known) {
		o->stamp = conn_stamp(c, now);
		o->stamp_echo = (plan->flags & TCP_ACK) != 0 ? c->stamp_recent : 0;
	}
	if (!syn && (c->flags & CONN_SACK) != 0 && plan->bytes == 0)
		fill_reports(c, o);
}

/* An ACK goes with every segment but the first SYN; the window with it. */
static void fill_ack(struct tcp_stack *s, struct conn *c, struct tcp_seg *seg)
{
	if ((seg->flags & TCP_ACK) == 0) {
		uint32_t max = c->rx_window;
		seg->window = (uint16_t)(max < UINT16_MAX ? max : UINT16_MAX);
		return;
	}
	struct seq edge = window_edge(s, c);
	seg->ack = c->rcv_nxt;
	if ((seg->flags & TCP_SYN) != 0) { /* not scaled yet */
		uint32_t room = seq_span(c->rcv_nxt, edge);
		seg->window = (uint16_t)(room < UINT16_MAX ? room : UINT16_MAX);
		c->rcv_adv = seq_max(c->rcv_adv, seq_add(c->rcv_nxt, seg->window));
	} else {
		seg->window = window_field(c, edge);
		uint32_t told = (uint32_t)seg->window << c->rcv_shift;
		c->rcv_adv = seq_max(c->rcv_adv, seq_add(c->rcv_nxt, told));
	}
	c->ack_sent = c->rcv_nxt;
	c->flags &= ~(uint32_t)CONN_ACK_NOW;
	c->ack_deadline = INSTANT_NEVER;
	c->unacked = 0;
}

static void note_sent(struct tcp_stack *s, struct conn *c, const struct segment_plan *plan,
                      struct instant now)
{
	uint32_t length = plan->bytes + ((plan->flags & TCP_SYN) != 0) +
	                  ((plan->flags & TCP_FIN) != 0);
	uint32_t segments = segment_count(c, plan);
	s->counters.segments_out += segments;
	pacing_sent(c, plan->bytes > 0 ? segments : 0, now);
	if (length == 0)
		return;
	struct seq end = seq_add(plan->seq, length);
	if (seq_lt(plan->seq, c->snd_max)) {
		s->counters.retransmits++;
		c->retransmits++;
	}
	c->snd_max = seq_max(c->snd_max, end);
	if (plan->probe)
		return;
	if (plan->again) {
		sent_again(&c->sent, s->pool, plan->seq, end, now);
	} else {
		sent_new(&c->sent, s->pool, plan->seq, end, now);
		c->snd_nxt = end;
	}
	recovery_sent(s, c, length, plan->again, now);
}

static void emit_headers(struct tcp_stack *s, const struct conn *c, struct writer *w,
                         const uint8_t *mac, uint16_t l4_bytes)
{
	struct ip_addr own = stack_addr(s, c->local);
	uint16_t vlan = stack_vlan(s, c->local);
	if (own.family == IP_V4) {
		eth_emit_vlan(w, mac, s->config.mac, vlan, ETH_IP4);
		ip4_emit(w, own, c->remote, IP_TCP, l4_bytes);
	} else {
		eth_emit_vlan(w, mac, s->config.mac, vlan, ETH_IP6);
		ip6_emit(w, own, c->remote, IP_TCP, l4_bytes, IP_HOP_LIMIT);
	}
}

static void mark_capable(const struct conn *c, struct writer *w, uint16_t l3)
{
	if (c->remote.family == IP_V4)
		ip4_mark(w, l3, IP_ECT_0);
	else
		ip6_mark(w, l3, IP_ECT_0);
}

size_t segment_emit(struct tcp_stack *s, struct conn *c, const struct segment_plan *plan,
                    const uint8_t *mac, struct room room, struct tcp_frame_meta *meta,
                    struct instant now)
{
	bool large = segment_count(c, plan) > 1;
	struct writer w = writer_of(large ? s->config.cut_room : room);
	struct tcp_seg seg = { .src_port = c->local_port,
		               .dst_port = c->remote_port,
		               .seq = plan->seq,
		               .flags = plan->flags };
	if ((plan->flags & TCP_SYN) == 0)
		seg.flags |= ecn_flags(c, plan);
	fill_options(s, c, plan, &seg.options, now);
	fill_ack(s, c, &seg);
	stack_note_out(s, c, &seg, plan->bytes, plan->again, now);
	uint8_t header_bytes = tcp_seg_header_bytes(&seg.options);
	uint16_t l2 = stack_l2_bytes(s, c->local);
	emit_headers(s, c, &w, mac, (uint16_t)(header_bytes + plan->bytes));
	if (plan->fresh && (c->flags & CONN_ECN) != 0)
		mark_capable(c, &w, l2);
	size_t l4 = w.used;
	tcp_seg_emit(&w, &seg);
	copy_payload(c, plan, &w);
	if (!large)
		tcp_seg_seal(&w, l4, stack_addr(s, c->local), c->remote, s->config.tx_checksum_offload);
	CHECK(w.ok);
	note_sent(s, c, plan, now);
	*meta = (struct tcp_frame_meta){ .l2_bytes = l2,
		                         .l3_bytes = (uint16_t)(l4 - l2),
		                         .l4_bytes = header_bytes,
		                         .ipv6 = c->remote.family == IP_V6,
		                         .segment_bytes = large ? c->mss : 0,
		                         .checksum_wanted = s->config.tx_checksum_offload };
	return w.used;
}

/* The highest number sent, as far as it lies in the peer's window: after going back, snd_nxt itself
 * would be an old number there, and the ACK would not count. */
struct seq segment_bare_seq(const struct conn *c)
{
	struct seq edge = seq_max(c->snd_nxt, seq_add(c->snd_una, c->snd_wnd));
	return seq_min(c->snd_max, edge);
}

void segment_reset(struct tcp_stack *s, struct conn *c, struct instant now)
{
	const uint8_t *mac = neigh_peek(s, c);
	if (mac == NULL) {
		stack_drop(s, TCP_DROP_NEIGHBOUR_UNKNOWN);
		return;
	}
	struct tcp_seg reset = { .src_port = c->local_port,
		                 .dst_port = c->remote_port,
		                 .seq = segment_bare_seq(c),
		                 .ack = c->rcv_nxt,
		                 .flags = TCP_RST | TCP_ACK };
	stack_note_out(s, c, &reset, 0, false, now);
	control_segment(s, mac, c->local, c->remote, &reset, now);
}
