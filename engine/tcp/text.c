/*
 * text.c - steps 7 and 8 of RFC 9293 3.10.7.4: the segment's bytes, and FIN.
 *
 * In-order bytes are copied once, from the frame into blocks of tcp_rx(). Bytes beyond a gap go to
 * the connection's reassembly ranges and are answered with one duplicate ACK each (RFC 5681 4.2).
 * When blocks run out, bytes out of order give way to bytes in order, and then the rest of a segment
 * is simply not taken: the peer sends it again.
 */
#include "tcp/stack_int.h"

/* Cuts away what lies before rcv_nxt, behind the advertised edge, or behind the peer's FIN. */
static void trim(struct tcp_stack *s, struct conn *c, struct tcp_seg *seg)
{
	int32_t early = seq_diff(seg->seq, c->rcv_nxt);
	if (early > 0 && seg->payload.bytes > 0) {
		struct seq end = seq_add(seg->seq, (uint32_t)seg->payload.bytes);
		conn_doubled(s, c, seg->seq, seq_min(end, c->rcv_nxt));
	}
	if (early > 0) {
		seg->payload = span_after(seg->payload, (uint32_t)early);
		seg->seq = c->rcv_nxt;
	}
	struct seq edge = c->rcv_adv;
	if ((c->flags & CONN_FIN_AHEAD) != 0)
		edge = seq_min(edge, c->fin_seq);
	int32_t room = seq_diff(seg->seq, edge);
	size_t allowed = room > 0 ? (size_t)room : 0;
	if (seg->payload.bytes > allowed) {
		seg->payload = span_head(seg->payload, allowed);
		seg->flags &= (uint8_t)~TCP_FIN; /* it stood behind what was cut */
	}
}

static void keep_for_later(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg)
{
	bool low = stack_blocks_low(s);
	if (c->reasm == NULL && !low)
		c->reasm = slab_take(&s->reasms);
	bool refused = c->reasm == NULL || low;
	if (!refused) {
		(void)reasm_add(c->reasm, s->pool, s->config.reorder_bytes_max, seg->seq,
		                seg->payload);
		refused = c->reasm->full;
		if (c->reasm->doubled)
			conn_doubled(s, c, c->reasm->doubled_begin, c->reasm->doubled_end);
	}
	if (refused)
		stack_drop(s, TCP_DROP_REORDER_FULL);
	if (c->reasm != NULL && c->reasm->count == 0)
		conn_reasm_drop(s, c);
}

/* The bytes from rcv_nxt on, with those that were waiting behind a gap: where both have a byte, the one that
 * came first stands. */
static void deliver_with_waiting(struct tcp_stack *s, struct conn *c, struct span data)
{
	while (data.bytes > 0) {
		size_t gap = data.bytes;
		if (c->reasm->count > 0) {
			uint32_t ahead = seq_span(c->rcv_nxt, c->reasm->ranges[0].begin);
			gap = ahead < gap ? ahead : gap;
		}
		size_t written = byteq_write(&c->rx, s->pool, span_head(data, gap));
		c->rcv_nxt = seq_add(c->rcv_nxt, (uint32_t)written);
		data = span_after(data, written);
		if (written < gap) {
			stack_drop(s, TCP_DROP_RX_NO_BLOCK);
			if (!reasm_give_up(c->reasm, s->pool))
				break;
			continue; /* what waits behind a gap must not keep out what fills it */
		}
		uint32_t pulled = reasm_pull(c->reasm, s->pool, c->rcv_nxt, &c->rx);
		c->rcv_nxt = seq_add(c->rcv_nxt, pulled);
		data = span_after(data, pulled);
		if (written + pulled == 0)
			break;
	}
	if (c->reasm->count == 0)
		conn_reasm_drop(s, c);
}

/* Returns how far rcv_nxt moved. */
static uint32_t deliver(struct tcp_stack *s, struct conn *c, const struct received *text)
{
	struct seq before = c->rcv_nxt;
	if (stack_blocks_low(s) && byteq_bytes(&c->rx) >= BLOCK_DATA_BYTES) {
		/* who has unread bytes must not take the last blocks from who waits for a reply */
		stack_drop(s, TCP_DROP_RX_NO_BLOCK);
		return 0;
	}
	if (c->reasm != NULL) {
		CHECK(text->count == 1); /* the short way is not for who waits for something */
		deliver_with_waiting(s, c, text->pieces[0]);
		return seq_span(before, c->rcv_nxt);
	}
	uint32_t written = (uint32_t)byteq_write_all(&c->rx, s->pool, text->pieces, text->count);
	if (written < text->bytes)
		stack_drop(s, TCP_DROP_RX_NO_BLOCK);
	c->rcv_nxt = seq_add(before, written);
	return written;
}

/* Large segments early in a connection are a peer's slow start; a command waits for its answer. */
static bool is_quick(struct conn *c, uint32_t bytes)
{
	if (c->quick_acks == 0 || bytes < c->announced_mss / 2u)
		return false;
	c->quick_acks--;
	return true;
}

/* At once, too, while a gap is being filled (RFC 5681 4.2). */
static void acknowledge(struct tcp_stack *s, struct conn *c, const struct received *text, struct instant now)
{
	uint32_t unacked = c->unacked + text->segments;
	bool due = c->unacked + 1u >= TCP_ACK_SEGMENTS || c->reasm != NULL || is_quick(c, text->first_bytes);
	c->unacked = (uint8_t)at_most(unacked, UINT8_MAX);
	if (!due)
		conn_ack_later(s, c, now); /* for the first segment, whatever came with it */
	if (due || unacked >= TCP_ACK_SEGMENTS)
		conn_ack_now(s, c);
}

static void owe_duplicate(struct tcp_stack *s, struct conn *c)
{
	if (c->acks_owed < TCP_ACKS_OWED_MAX)
		c->acks_owed++;
	conn_ready(s, c);
}

void text_in_order(struct tcp_stack *s, struct conn *c, const struct received *text, struct instant now)
{
	uint32_t bytes = deliver(s, c, text);
	if (bytes < text->bytes)
		conn_ack_now(s, c);
	else
		acknowledge(s, c, text, now);
	if (bytes > 0)
		conn_raise(s, c, TCP_READABLE);
}

/* As many as leave the blocks that are reserved alone: however they are cut, no segment of them finds fewer. */
uint32_t text_room(const struct tcp_stack *s, const struct conn *c)
{
	uint32_t window = seq_span(c->rcv_nxt, c->rcv_adv);
	uint64_t room = byteq_tail_room(&c->rx);
	if (stack_blocks_low(s))
		return 0;
	room += (uint64_t)(s->pool->free_count - stack_blocks_reserve(s)) * BLOCK_DATA_BYTES;
	return room < window ? (uint32_t)room : window;
}

static void take_text(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg,
                      struct instant now)
{
	if (!seq_eq(seg->seq, c->rcv_nxt)) {
		keep_for_later(s, c, seg);
		owe_duplicate(s, c);
		return;
	}
	if (c->reasm != NULL)
		conn_ack_now(s, c); /* a gap is being filled (RFC 5681 4.2) */
	uint32_t bytes = (uint32_t)seg->payload.bytes;
	struct received text = { &seg->payload,
		                 .count = 1,
		                 .bytes = bytes,
		                 .segments = text_segments(c, bytes),
		                 .first_bytes = bytes };
	text_in_order(s, c, &text, now);
}

/* 3.10.7.4, eighth: the FIN is next in order. */
static enum step take_fin(struct tcp_stack *s, struct conn *c, struct instant now)
{
	c->flags |= CONN_PEER_FIN;
	c->flags &= ~(uint32_t)CONN_FIN_AHEAD;
	c->rcv_nxt = seq_add(c->rcv_nxt, 1);
	c->rcv_adv = seq_max(c->rcv_adv, c->rcv_nxt);
	conn_raise(s, c, TCP_EOF);
	conn_ack_now(s, c);
	if (c->state == CONN_ESTABLISHED) {
		conn_enter(s, c, CONN_CLOSE_WAIT, now);
	} else if (c->state == CONN_FIN_WAIT_1) {
		conn_enter(s, c, CONN_CLOSING, now);
	} else if (c->state == CONN_FIN_WAIT_2) {
		close_finished(s, c, now);
		return STEP_GONE;
	}
	return STEP_ON;
}

/* Nobody will read what comes now: the peer must learn that it is lost (RFC 1122 4.2.2.13). */
static bool reader_is_gone(const struct conn *c, const struct tcp_seg *seg)
{
	return (c->flags & CONN_VISIBLE) == 0 && seg->payload.bytes > 0;
}

static enum step fin_step(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg,
                          struct instant now)
{
	if ((seg->flags & TCP_FIN) != 0 && (c->flags & CONN_FIN_AHEAD) == 0) {
		c->flags |= CONN_FIN_AHEAD;
		c->fin_seq = seq_add(seg->seq, (uint32_t)seg->payload.bytes);
		if (!seq_eq(c->fin_seq, c->rcv_nxt) && seg->payload.bytes == 0)
			owe_duplicate(s, c);
	}
	if ((c->flags & CONN_FIN_AHEAD) != 0 && seq_eq(c->fin_seq, c->rcv_nxt))
		return take_fin(s, c, now);
	return STEP_ON;
}

enum step text_input(struct tcp_stack *s, struct conn *c, const struct tcp_seg *seg,
                     struct instant now)
{
	if (tcp_seg_len(seg) == 0)
		return STEP_ON;
	if ((c->flags & CONN_PEER_FIN) != 0) {
		stack_drop(s, TCP_DROP_BEHIND_FIN);
		conn_ack_challenge(s, c, now);
		return STEP_ON;
	}
	struct tcp_seg cut = *seg;
	trim(s, c, &cut);
	if (reader_is_gone(c, &cut)) {
		stack_drop(s, TCP_DROP_AFTER_RELEASE);
		segment_reset(s, c, now);
		conn_close(s, c, TCP_CLOSE_RESET, now);
		return STEP_GONE;
	}
	if (cut.payload.bytes > 0)
		take_text(s, c, &cut, now);
	else if (seg->payload.bytes > 0)
		conn_ack_now(s, c);
	return fin_step(s, c, &cut, now);
}
