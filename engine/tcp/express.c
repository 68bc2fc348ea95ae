/*
 * express.c - header prediction: the short way of the frame that is most expected.
 *
 * Most frames of a busy connection are its next bytes and say nothing else: sent to us, IP without options, no flag but
 * ACK and PSH, no option but timestamps, the next sequence number, nothing newly acknowledged, the window as it was. Each
 * step of stack.c, demux.c and input.c would find nothing to do for such a frame but what express_take() does. Whatever
 * differs in anything takes the long way, untouched.
 */
#include "tcp/stack_int.h"
#include "wire/checksum.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/load.h"

#define STAMPS_HEADER_BYTES (TCP_HEADER_BYTES + TCP_STAMP_BYTES)

/* Header length, reserved bits and flags, as the two bytes at offset 12 say them; PSH may stand there too. */
#define PLAIN_WORD (TCP_HEADER_BYTES / 4u << 12 | TCP_ACK)
#define STAMPS_WORD (STAMPS_HEADER_BYTES / 4u << 12 | TCP_ACK)
#define STAMPS_OPTION 0x0101080au /* NOP, NOP, timestamps, ten bytes (RFC 7323 appendix A) */

static inline bool same_bytes(const uint8_t *a, const uint8_t *b, uint32_t bytes)
{
	return bytes == 4 ? load_be32(a) == load_be32(b) : memcmp(a, b, 16) == 0;
}

static bool is_for(const struct tcp_stack *s, const struct conn *c, const struct ahead *a)
{
	const struct ip_addr *own = &s->config.addresses[c->local].addr;
	return c->head.magic != 0 && (c->flags & CONN_IN_FLOW) != 0 && c->remote_port == load_be16(a->l4) &&
	       c->local_port == load_be16(a->l4 + 2) && c->remote.family == a->family &&
	       stack_vlan(s, c->local) == a->vlan &&
	       same_bytes(c->remote.bytes, a->src, a->addr_bytes) && same_bytes(own->bytes, a->dst, a->addr_bytes);
}

/* The state, and the header up to its options. */
static bool is_next(const struct conn *c, const struct ahead *a, uint32_t header_bytes)
{
	const uint32_t held = CONN_PEER_FIN | CONN_FIN_AHEAD | CONN_VISIBLE;
	uint32_t bytes = a->l4_bytes - header_bytes;
	return c->state == CONN_ESTABLISHED && (c->flags & held) == CONN_VISIBLE && c->reasm == NULL &&
	       load_be32(a->l4 + 4) == c->rcv_nxt.v && load_be32(a->l4 + 8) == c->snd_una.v && bytes > 0 &&
	       bytes <= seq_span(c->rcv_nxt, c->rcv_adv) && c->snd_wnd > 0 &&
	       (uint32_t)load_be16(a->l4 + 14) << c->snd_shift == c->snd_wnd;
}

/* Exactly the options that a segment of this connection has; the header's bytes, or 0. */
static uint32_t plain_header(const struct conn *c, const struct ahead *a)
{
	uint32_t word = load_be16(a->l4 + 12) & ~(uint32_t)TCP_PSH;
	if ((c->flags & CONN_STAMPS) == 0)
		return word == PLAIN_WORD ? TCP_HEADER_BYTES : 0;
	bool stamps = word == STAMPS_WORD && a->l4_bytes > STAMPS_HEADER_BYTES &&
	              load_be32(a->l4 + TCP_HEADER_BYTES) == STAMPS_OPTION &&
	              (int32_t)(load_be32(a->l4 + TCP_HEADER_BYTES + 4) - c->stamp_recent) >= 0;
	return stamps ? STAMPS_HEADER_BYTES : 0;
}

/* Where the port has not verified them. Out of line: keeps what it needs out of the way that needs none of it. */
__attribute__((noinline)) static bool sums_good(const struct tcp_stack *s, const struct conn *c, const struct ahead *a)
{
	struct checksum none = { 0 };
	struct checksum sum = checksum_pseudo(c->remote, stack_addr(s, c->local), IP_TCP, a->l4_bytes);
	return checksum_finish(checksum_add(sum, span_of(a->l4, a->l4_bytes))) == 0 &&
	       (a->addr_bytes != 4 || checksum_finish(checksum_add(none, span_of(a->l3, IP4_HEADER_BYTES))) == 0);
}

static void express_take(struct tcp_stack *s, struct conn *c, const struct ahead *a, uint32_t header_bytes,
                         struct instant now)
{
	uint32_t now_ms = (uint32_t)(now.us / MS_US);
	struct tcp_seg seg = { .seq = c->rcv_nxt, .ack = c->snd_una, .flags = a->l4[13], .window = load_be16(a->l4 + 14) };
	seg.payload = span_of(a->l4 + header_bytes, a->l4_bytes - header_bytes);
	stack_note_in(s, c, &seg, now);
	s->counters.segments_in++;
	s->counters.predicted++;
	c->heard_ms = now_ms;
	c->keep_sent = 0;
	if (header_bytes == STAMPS_HEADER_BYTES && !seq_gt(c->rcv_nxt, c->ack_sent)) {
		c->stamp_recent = load_be32(a->l4 + TCP_HEADER_BYTES + 4);
		c->stamp_recent_ms = now_ms;
	}
	c->snd_wl1 = c->rcv_nxt;
	c->snd_wl2 = c->snd_una;
	text_in_order(s, c, seg.payload, now);
	stack_noted_in(s);
}

bool express_input(struct tcp_stack *s, const struct ahead *a, bool checked, struct instant now)
{
	const uint8_t *eth = a->frame.data;
	if (a->l3 == NULL || a->ref == FLOW_NONE || (a->ref & FLOW_TIME_WAIT) != 0 || eth_is_group(eth + ETH_MAC_BYTES) ||
	    memcmp(eth, s->config.mac, ETH_MAC_BYTES) != 0)
		return false;
	struct conn *c = stack_conn_at(s, a->ref - 1);
	if (!is_for(s, c, a) || (a->marked && (c->flags & CONN_ECN) != 0))
		return false;
	uint32_t header_bytes = plain_header(c, a);
	if (header_bytes == 0 || !is_next(c, a, header_bytes) || (!checked && !sums_good(s, c, a)))
		return false;
	if (a->hash != 0)
		ahead_remember(s, a, a->ref);
	express_take(s, c, a, header_bytes, now);
	return true;
}
