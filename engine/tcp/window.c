/*
 * window.c - the window we advertise (RFC 9293 3.8.6.2.2, RFC 7323 2.3).
 *
 * The right edge is rcv_nxt plus what rx_window (tuning.c) leaves beside the unread bytes. It never moves
 * left, and moves right only by steps worth telling (no silly windows). The field counts in units
 * of the scale and is rounded down, so a peer may see less than was promised by a fraction of a
 * unit (RFC 7323 2.4); whatever was advertised once is accepted as long as there are blocks. No
 * window is larger than its share of what is free in the block pool; while that is nearly
 * empty the edge stays where it is, with one segment's room for a connection that has nothing
 * unread.
 */
#include "tcp/stack_int.h"

static uint32_t room_of(const struct tcp_stack *s, const struct conn *c)
{
	size_t unread = byteq_bytes(&c->rx);
	uint32_t max = c->rx_window;
	uint32_t room = unread < max ? max - (uint32_t)unread : 0;
	if (stack_blocks_low(s) && room > c->announced_mss)
		room = unread == 0 ? c->announced_mss : 0;
	else if (room > stack_window_share(s))
		room = stack_window_share(s);
	return room;
}

static uint32_t step_of(const struct conn *c)
{
	uint32_t half = c->rx_window / 2;
	return half < c->announced_mss ? half : c->announced_mss;
}

struct seq window_edge(const struct tcp_stack *s, const struct conn *c)
{
	struct seq edge = seq_add(c->rcv_nxt, room_of(s, c));
	int32_t gain = seq_diff(c->rcv_adv, edge);
	if (gain <= 0 || (uint32_t)gain < step_of(c))
		return c->rcv_adv;
	return edge;
}

uint16_t window_field(const struct conn *c, struct seq edge)
{
	int32_t room = seq_diff(c->rcv_nxt, edge);
	uint32_t units = room > 0 ? (uint32_t)room >> c->rcv_shift : 0;
	return (uint16_t)(units < UINT16_MAX ? units : UINT16_MAX);
}

bool window_worth_telling(const struct tcp_stack *s, const struct conn *c)
{
	int32_t gain = seq_diff(c->rcv_adv, window_edge(s, c));
	if (gain <= 0 || (c->flags & CONN_PEER_FIN) != 0)
		return false;
	uint32_t left = seq_span(c->rcv_nxt, c->rcv_adv);
	bool nearly_closed = left < 2u * c->announced_mss;
	return nearly_closed || (uint32_t)gain >= c->rx_window / 4;
}
