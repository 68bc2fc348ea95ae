/*
 * app.c - the application's side of a connection: its two byte queues, and the news about it.
 */
#include "tcp/stack_int.h"

struct byteq *tcp_rx(struct tcp_stack *s, struct handle id)
{
	return &conn_of(s, id)->rx;
}

void tcp_rx_taken(struct tcp_stack *s, struct handle id, struct instant now)
{
	struct conn *c = conn_of(s, id);
	s->now = now;
	if (c->state == CONN_CLOSED || !conn_synchronised(c))
		return;
	tuning_taken(c, now);
	if (window_worth_telling(s, c))
		conn_ack_now(s, c);
}

struct byteq *tcp_tx(struct tcp_stack *s, struct handle id)
{
	return &conn_of(s, id)->tx;
}

size_t tcp_tx_room(const struct tcp_stack *s, struct handle id)
{
	const struct conn *c = conn_of(s, id);
	size_t held = byteq_bytes(&c->tx);
	if (c->state == CONN_CLOSED || (c->flags & CONN_SHUT) != 0)
		return 0;
	return held < c->tx_bytes_max ? c->tx_bytes_max - held : 0;
}

void tcp_tx_added(struct tcp_stack *s, struct handle id, struct instant now)
{
	struct conn *c = conn_of(s, id);
	size_t held = byteq_bytes(&c->tx);
	s->now = now;
	if (c->state == CONN_CLOSED) {
		byteq_clear(&c->tx, s->pool);
		return;
	}
	CHECK(held >= c->tx_known);
	CHECK(held <= s->config.tx_bytes_max);
	uint32_t added = (uint32_t)held - c->tx_known;
	CHECK(added == 0 || (c->flags & CONN_SHUT) == 0);
	c->tx_known += added;
	c->tx_end = seq_add(c->tx_end, added);
	if (added > 0 && conn_synchronised(c))
		conn_ready(s, c);
}

void tcp_user_set(struct tcp_stack *s, struct handle id, uint64_t user)
{
	conn_of(s, id)->user = user;
}

static uint32_t bound_of(uint32_t wanted, uint32_t max)
{
	return wanted == 0 || wanted > max ? max : wanted;
}

void tcp_bounds_set(struct tcp_stack *s, struct handle id, uint32_t rx_bytes_max,
                    uint32_t tx_bytes_max)
{
	struct conn *c = conn_of(s, id);
	c->rx_bytes_max = bound_of(rx_bytes_max, s->config.rx_bytes_max);
	c->rx_window = bound_of(s->config.rx_bytes_initial, c->rx_bytes_max);
	c->tx_bytes_max = bound_of(tx_bytes_max, s->config.tx_bytes_max);
}

void tcp_nagle_set(struct tcp_stack *s, struct handle id, bool on, struct instant now)
{
	struct conn *c = conn_of(s, id);
	s->now = now;
	if (on)
		c->flags |= CONN_NAGLE;
	else
		c->flags &= ~(uint32_t)CONN_NAGLE;
	if (!on && c->state != CONN_CLOSED && conn_synchronised(c))
		conn_ready(s, c); /* what waited may go */
}

void tcp_info(const struct tcp_stack *s, struct handle id, struct tcp_info *info)
{
	conn_info(s, conn_of(s, id), info);
}

void conn_info(const struct tcp_stack *s, const struct conn *c, struct tcp_info *info)
{
	bool acked = c->tx_known == 0 && ((c->flags & CONN_SHUT) == 0 || conn_fin_acked(c));
	*info = (struct tcp_info){
		.local = { .addr = stack_addr(s, c->local), .port = c->local_port },
		.remote = { .addr = c->remote, .port = c->remote_port },
		.state = conn_state_name((enum conn_state)c->state),
		.smoothed_rtt_us = c->rtt.smoothed_us,
		.rtt_variance_us = c->rtt.variance_us,
		.rto_us = c->rtt.timeout_us,
		.mss = c->mss,
		.congestion_bytes = c->congestion.window,
		.threshold_bytes = c->congestion.threshold,
		.send_window_bytes = c->snd_wnd,
		.receive_limit_bytes = c->rx_window,
		.receive_window_bytes = seq_span(c->rcv_nxt, c->rcv_adv),
		.flight_bytes = conn_flight(c),
		.unsent_bytes = conn_unsent(c),
		.send_shift = c->snd_shift,
		.receive_shift = c->rcv_shift,
		.stamps = (c->flags & CONN_STAMPS) != 0,
		.sack = (c->flags & CONN_SACK) != 0,
		.retransmits = c->retransmits,
		.all_acked = acked && (c->flags & CONN_TX_LOST) == 0,
		.peer_closed = (c->flags & CONN_PEER_FIN) != 0,
		.shut = (c->flags & CONN_SHUT) != 0,
	};
}

bool tcp_next_event(struct tcp_stack *s, struct tcp_event *event)
{
	if (link_empty(&s->events))
		return false;
	struct conn *c = OBJECT_OF(link_first(&s->events), struct conn, event);
	link_remove(&c->event);
	*event = (struct tcp_event){ .id = slab_handle(&s->conns, c),
		                     .user = c->user,
		                     .bits = c->events,
		                     .tag = c->tag,
		                     .why = (enum tcp_close_reason)c->why };
	c->events = 0;
	return true;
}
