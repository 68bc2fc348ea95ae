/*
 * express.c - header prediction: the short way of the frames that are most expected.
 *
 * Most frames of a busy connection are its next bytes and say nothing else: sent to us, IP without options, no flag but
 * ACK and PSH, no option but timestamps, the next sequence number, nothing newly acknowledged, the window as it was. Each
 * step of stack.c, demux.c and input.c would find nothing to do for such a frame but what take() does. Whatever differs in
 * anything takes the long way, untouched.
 *
 * Frames of a burst that follow upon each other like this are a run. Each is judged by itself; what is the same for all
 * (whose they are, the copying, the news for the application, the ACK that is due, the entry in the black box) is done
 * once. A run ends before the first frame that differs, and there the next may begin. What a run leaves behind is what its
 * frames would have left one by one.
 *
 * A frame may be several segments that the port put together (LRO), and lie in several pieces, all headers in the first
 * one: its payload is copied from where it lies. It counts as the segments that it was made of.
 */
#include "tcp/stack_int.h"
#include "wire/checksum.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/load.h"

#define RUN_PIECES_MAX (4 * TCP_BURST_MAX) /* each frame of a burst has room for one, and some for more */
#define STAMPS_HEADER_BYTES (TCP_HEADER_BYTES + TCP_STAMP_BYTES)

/* Header length, reserved bits, flags and window, as the four bytes at offset 12 say them; PSH may stand there too. */
#define PLAIN_WORD (TCP_HEADER_BYTES / 4u << 28 | (uint32_t)TCP_ACK << 16)
#define STAMPS_WORD (STAMPS_HEADER_BYTES / 4u << 28 | (uint32_t)TCP_ACK << 16)
#define WORD_PSH ((uint32_t)TCP_PSH << 16)
#define STAMPS_OPTION 0x0101080au /* NOP, NOP, timestamps, ten bytes (RFC 7323 appendix A) */

struct expected { /* what the next frame says, if it says nothing but the next bytes */
	uint32_t word;         /* at offset 12, but for PSH */
	uint32_t header_bytes;
	uint32_t stamp;        /* no older one */
	struct seq seq;
};

struct run { /* frames that follow upon each other */
	struct expected next;
	uint32_t frames;
	uint32_t last_bytes; /* payload of the last one */
	uint8_t flags;       /* of any */
	struct received text; /* while it grows, its segments are those that were no frame of their own */
	struct span *end;     /* behind the last of: */
	struct span pieces[RUN_PIECES_MAX];
};

_Static_assert(TCP_PIECES_MAX + TCP_BURST_MAX <= RUN_PIECES_MAX, "a run has room for its first frame");

struct segment { /* of a frame */
	const uint8_t *l4;
	uint32_t bytes; /* with its header */
};

static inline bool same_bytes(const uint8_t *a, const uint8_t *b, uint32_t bytes)
{
	return bytes == 4 ? load_be32(a) == load_be32(b) : memcmp(a, b, 16) == 0;
}

static bool is_for(const struct tcp_stack *s, const struct conn *c, const struct ahead *a)
{
	const struct ip_addr *own = &s->config.addresses[c->local].addr;
	const uint8_t *l4 = ahead_l4(a);
	return c->head.magic != 0 && (c->flags & CONN_IN_FLOW) != 0 && c->remote_port == load_be16(l4) &&
	       c->local_port == load_be16(l4 + 2) && c->remote.family == a->family && stack_vlan(s, c->local) == a->vlan &&
	       same_bytes(c->remote.bytes, ahead_src(a), a->addr_bytes) &&
	       same_bytes(own->bytes, ahead_dst(a), a->addr_bytes);
}

/* The open connection that the frame is for, or NULL. */
static struct conn *whose(const struct tcp_stack *s, const struct ahead *a)
{
	const uint8_t *eth = a->frame.data;
	if (a->l3_at == 0 || a->ref == FLOW_NONE || (a->ref & FLOW_TIME_WAIT) != 0 || eth_is_group(eth + ETH_MAC_BYTES) ||
	    memcmp(eth, s->config.mac, ETH_MAC_BYTES) != 0)
		return NULL;
	struct conn *c = stack_conn_at(s, a->ref - 1);
	return is_for(s, c, a) ? c : NULL;
}

/* Is the connection in a state where the next bytes need nothing else, and what does their header say then? */
static inline bool expects(const struct conn *c, struct expected *e)
{
	const uint32_t held = CONN_PEER_FIN | CONN_FIN_AHEAD | CONN_VISIBLE;
	bool stamps = (c->flags & CONN_STAMPS) != 0;
	uint32_t window = c->snd_wnd >> c->snd_shift;
	e->word = (stamps ? STAMPS_WORD : PLAIN_WORD) | window;
	e->header_bytes = stamps ? STAMPS_HEADER_BYTES : TCP_HEADER_BYTES;
	e->stamp = c->stamp_recent;
	e->seq = c->rcv_nxt;
	return c->state == CONN_ESTABLISHED && (c->flags & held) == CONN_VISIBLE && c->reasm == NULL && window > 0 &&
	       window <= UINT16_MAX && window << c->snd_shift == c->snd_wnd;
}

/* Exactly the option that a segment of a connection with timestamps has, and not older than the last. */
static inline bool stamp_good(const struct expected *e, const uint8_t *l4)
{
	return load_be32(l4 + TCP_HEADER_BYTES) == STAMPS_OPTION &&
	       (int32_t)(load_be32(l4 + TCP_HEADER_BYTES + 4) - e->stamp) >= 0;
}

static inline bool is_next(const struct expected *e, const struct conn *c, struct segment seg)
{
	return seg.bytes > e->header_bytes && (load_be32(seg.l4 + 12) & ~WORD_PSH) == e->word &&
	       load_be32(seg.l4 + 4) == e->seq.v && load_be32(seg.l4 + 8) == c->snd_una.v &&
	       (e->header_bytes == TCP_HEADER_BYTES || stamp_good(e, seg.l4));
}

/* `bytes` of a frame in pieces, from offset `at` in the first one on; returns how many spans that is. That there are so
 * many bytes is known. */
static uint32_t pieces_of(const struct ahead *a, uint32_t at, uint32_t bytes, struct span *pieces)
{
	const struct tcp_frame *f = a->whole;
	uint32_t count = 0;
	struct span piece = span_after(f->head, at);
	for (uint32_t i = 0;; i++) {
		if (piece.bytes > 0)
			pieces[count++] = span_head(piece, bytes);
		if (piece.bytes >= bytes)
			return count;
		bytes -= (uint32_t)piece.bytes;
		CHECK(i < f->more_count);
		piece = f->more[i];
	}
}

static struct checksum add_segment(struct checksum sum, const struct ahead *a, struct segment seg)
{
	struct span pieces[TCP_PIECES_MAX];
	if (!ahead_is_chained(a))
		return checksum_add(sum, span_of(seg.l4, seg.bytes));
	uint32_t at = (uint32_t)(seg.l4 - a->frame.data);
	return checksum_add_all(sum, pieces, pieces_of(a, at, seg.bytes, pieces));
}

/* Where the port has not verified them. Out of line: keeps what it needs out of the way that needs none of it. */
__attribute__((noinline)) static bool sums_good(const struct tcp_stack *s, const struct conn *c, const struct ahead *a,
                                                struct segment seg)
{
	struct checksum none = { 0 };
	struct checksum sum = checksum_pseudo(c->remote, stack_addr(s, c->local), IP_TCP, seg.bytes);
	if (checksum_finish(add_segment(sum, a, seg)) != 0)
		return false;
	struct span ip4 = span_of(seg.l4 - IP4_HEADER_BYTES, IP4_HEADER_BYTES);
	return c->remote.family != IP_V4 || checksum_finish(checksum_add(none, ip4)) == 0;
}

static inline bool is_sound(const struct tcp_stack *s, const struct conn *c, const struct ahead *a, struct segment seg)
{
	return (a->flags & TCP_FRAME_CHECKED) != 0 || sums_good(s, c, a, seg);
}

/* The timestamp to echo is that of the segment that an ACK is for (RFC 7323 4.3 (2)): only the first of a run can be
 * that, the others begin behind what our last ACK was for. */
static inline void note_stamp(const struct expected *e, struct conn *c, struct segment seg, struct instant now)
{
	if (e->header_bytes != STAMPS_HEADER_BYTES || seq_gt(c->rcv_nxt, c->ack_sent))
		return;
	c->stamp_recent = load_be32(seg.l4 + TCP_HEADER_BYTES + 4);
	c->stamp_recent_ms = (uint32_t)(now.us / MS_US);
}

/* The payload of so many frames, of which the last began at `last`. */
static inline void take(struct tcp_stack *s, struct conn *c, const struct received *text, uint32_t frames, struct seq last,
                        uint8_t flags, struct instant now)
{
	uint32_t segments = at_most(text->segments, UINT8_MAX);
	struct black_box_entry entry = { .seq = c->rcv_nxt.v,
		                         .ack = c->snd_una.v,
		                         .window = (uint16_t)(c->snd_wnd >> c->snd_shift),
		                         .bytes = (uint16_t)text->bytes,
		                         .mark = segments > 1 ? BLACK_BOX_RUN : BLACK_BOX_IN,
		                         .flags = flags,
		                         .detail = segments > 1 ? (uint8_t)segments : 0 };
	s->boxes.current = stack_note_segment(s, c, entry, now);
	s->counters.segments_in += frames;
	s->counters.predicted += frames;
	c->heard_ms = (uint32_t)(now.us / MS_US);
	c->keep_sent = 0;
	c->snd_wl1 = last;
	c->snd_wl2 = c->snd_una;
	text_in_order(s, c, text, now);
	stack_noted_in(s);
}

/* ---- several frames, or several pieces ---- */

/* False: there is no room for so many pieces. What room is left besides is for those frames of the burst that are one. */
__attribute__((noinline)) static bool add_pieces(struct run *run, const struct ahead *a, uint32_t at, uint32_t bytes)
{
	if (run->end + 1 + a->whole->more_count > run->pieces + RUN_PIECES_MAX - TCP_BURST_MAX)
		return false;
	run->end += pieces_of(a, at, bytes, run->end);
	return true;
}

static inline bool run_add(struct run *run, const struct conn *c, const struct ahead *a, struct segment seg)
{
	uint32_t bytes = seg.bytes - run->next.header_bytes;
	const uint8_t *payload = seg.l4 + run->next.header_bytes;
	if (!ahead_is_chained(a))
		*run->end++ = span_of(payload, bytes);
	else if (!add_pieces(run, a, (uint32_t)(payload - a->frame.data), bytes))
		return false;
	if (bytes > c->announced_mss)
		run->text.segments += text_segments(c, bytes) - 1;
	run->text.bytes += bytes;
	run->last_bytes = bytes;
	run->next.seq = seq_add(run->next.seq, bytes);
	run->flags |= seg.l4[13];
	return true;
}

/* a[0] has begun the run: adds those of the `count` from there on that follow, and can be taken for certain. */
__attribute__((noinline)) static void run_extend(const struct tcp_stack *s, const struct conn *c, struct run *run,
                                                 const struct ahead *a, uint32_t count)
{
	uint32_t bytes_max = at_most(text_room(s, c), BLACK_BOX_BYTES_MAX);
	const struct ahead *next = a + 1;
	for (; next < a + count && next->same; next++) {
		const uint8_t *l3 = next->frame.data + a->l3_at;
		size_t bytes = next->bytes - a->l3_at;
		struct segment seg = { .l4 = next->frame.data + a->l4_at,
			               .bytes = a->family == IP_V4 ? ahead_ip4_bytes(l3, bytes) : ahead_ip6_bytes(l3, bytes) };
		if (!is_next(&run->next, c, seg) || run->text.bytes + seg.bytes - run->next.header_bytes > bytes_max ||
		    !is_sound(s, c, next, seg) || !run_add(run, c, next, seg))
			break;
	}
	run->frames = (uint32_t)(next - a);
}

/* a[0] is as expected. Out of line: keeps what it needs out of the way of a frame in one piece that none follows. */
__attribute__((noinline)) static uint32_t take_run(struct tcp_stack *s, struct conn *c, const struct ahead *a,
                                                   uint32_t count, struct instant now)
{
	struct run run;
	struct segment seg = { .l4 = ahead_l4(a), .bytes = a->l4_bytes };
	CHECK(expects(c, &run.next));
	run.flags = 0;
	run.text = (struct received){ .pieces = run.pieces };
	run.end = run.pieces;
	CHECK(run_add(&run, c, a, seg)); /* it has room for its first frame */
	run.text.first_bytes = run.text.bytes;
	run_extend(s, c, &run, a, count);
	run.text.segments += run.frames;
	run.text.count = (uint32_t)(run.end - run.pieces);
	take(s, c, &run.text, run.frames, seq_add(run.next.seq, 0u - run.last_bytes), run.flags, now);
	return run.frames;
}

/* ---- the way of a frame ---- */

uint32_t express_input(struct tcp_stack *s, const struct ahead *a, uint32_t count, struct instant now)
{
	struct expected e;
	struct segment seg = { .l4 = ahead_l4(a), .bytes = a->l4_bytes };
	struct conn *c = whose(s, a);
	if (c == NULL || (a->marked && (c->flags & CONN_ECN) != 0) || !expects(c, &e) || !is_next(&e, c, seg) ||
	    seg.bytes - e.header_bytes > seq_span(c->rcv_nxt, c->rcv_adv) || !is_sound(s, c, a, seg))
		return 0;
	if (a->hash != 0)
		ahead_remember(s, a, a->ref);
	note_stamp(&e, c, seg, now);
	if (ahead_is_chained(a) || (count > 1 && a[1].same))
		return take_run(s, c, a, count, now);
	uint32_t bytes = seg.bytes - e.header_bytes;
	struct span payload = span_of(seg.l4 + e.header_bytes, bytes);
	struct received text = { &payload, 1, bytes, text_segments(c, bytes), bytes };
	take(s, c, &text, 1, e.seq, seg.l4[13], now);
	return 1;
}
