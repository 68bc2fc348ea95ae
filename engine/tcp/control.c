/*
 * control.c - see control_int.h.
 */
#include "tcp/control_int.h"

#include "tcp/stack_int.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

static bool within_rate(struct controls *q, struct instant now)
{
	uint64_t ms = now.us / MS_US;
	if (ms != q->answered_ms) {
		q->answered_ms = ms;
		q->answered = 0;
	}
	return q->answered++ < TCP_CONTROL_PER_MS;
}

bool control_begin(struct tcp_stack *s, struct writer *w, bool answer, struct instant now)
{
	struct controls *q = &s->controls;
	if (answer && !within_rate(q, now)) {
		stack_drop(s, TCP_DROP_CONTROL_RATE);
		return false;
	}
	if (q->count == TCP_CONTROL_FRAMES_MAX) {
		stack_drop(s, TCP_DROP_CONTROL_FULL);
		return false;
	}
	struct control_frame *f = &q->frames[(q->first + q->count) % TCP_CONTROL_FRAMES_MAX];
	*w = writer_of((struct room){ .data = f->data, .bytes = sizeof(f->data) });
	return true;
}

void control_commit(struct tcp_stack *s, const struct writer *w, struct tcp_frame_meta meta)
{
	struct controls *q = &s->controls;
	struct control_frame *f = &q->frames[(q->first + q->count) % TCP_CONTROL_FRAMES_MAX];
	CHECK(w->begin == f->data);
	if (!w->ok || w->used > s->config.mtu + (size_t)meta.l2_bytes) {
		stack_drop(s, TCP_DROP_CONTROL_SIZE);
		return;
	}
	f->bytes = (uint16_t)w->used;
	f->meta = meta;
	q->count++;
}

void control_headers(struct tcp_stack *s, struct writer *w, const uint8_t *mac, uint8_t local,
                     struct ip_addr dst, uint8_t protocol, uint16_t bytes)
{
	struct ip_addr src = stack_addr(s, local);
	eth_emit_vlan(w, mac, s->config.mac, stack_vlan(s, local),
	              src.family == IP_V4 ? ETH_IP4 : ETH_IP6);
	if (src.family == IP_V4)
		ip4_emit(w, src, dst, protocol, bytes);
	else /* 255 for neighbour discovery's sake (RFC 4861 7.1.1) */
		ip6_emit(w, src, dst, protocol, bytes,
		         protocol == IP_ICMP6 ? 255 : IP_HOP_LIMIT);
}

static void emit_segment(struct tcp_stack *s, const uint8_t *mac, uint8_t local,
                         struct ip_addr dst, const struct tcp_seg *seg, bool limited,
                         struct instant now)
{
	struct writer w;
	if (!control_begin(s, &w, limited, now))
		return;
	uint16_t bytes = tcp_seg_header_bytes(&seg->options);
	uint16_t l2 = stack_l2_bytes(s, local);
	control_headers(s, &w, mac, local, dst, IP_TCP, bytes);
	size_t l4 = w.used;
	tcp_seg_emit(&w, seg);
	tcp_seg_seal(&w, l4, stack_addr(s, local), dst, s->config.tx_checksum_offload);
	struct tcp_frame_meta meta = {
		.l2_bytes = l2,
		.l3_bytes = (uint16_t)(l4 - l2),
		.l4_bytes = bytes,
		.ipv6 = dst.family == IP_V6,
		.checksum_wanted = s->config.tx_checksum_offload,
	};
	control_commit(s, &w, meta);
	s->counters.segments_out++;
	if ((seg->flags & TCP_RST) != 0)
		s->counters.resets_out++;
}

void control_segment(struct tcp_stack *s, const uint8_t *mac, uint8_t local,
                     struct ip_addr dst, const struct tcp_seg *seg, struct instant now)
{
	emit_segment(s, mac, local, dst, seg, true, now);
}

void control_answer_syn(struct tcp_stack *s, const uint8_t *mac, uint8_t local,
                        struct ip_addr dst, const struct tcp_seg *seg, struct instant now)
{
	emit_segment(s, mac, local, dst, seg, false, now);
}

size_t control_output(struct tcp_stack *s, struct room room, struct tcp_frame_meta *meta)
{
	struct controls *q = &s->controls;
	const struct control_frame *f = &q->frames[q->first];
	struct writer w = writer_of(room);
	writer_bytes(&w, span_of(f->data, f->bytes));
	CHECK(w.ok);
	*meta = f->meta;
	q->first = (q->first + 1) % TCP_CONTROL_FRAMES_MAX;
	q->count--;
	return w.used;
}
