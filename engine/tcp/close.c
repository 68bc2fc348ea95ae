/*
 * close.c - the ways to end: tcp_shut() (CLOSE of RFC 9293 3.10.4), tcp_abort() (3.10.5),
 * tcp_release(), and the end of an orderly exchange.
 */
#include "tcp/stack_int.h"

void tcp_shut(struct tcp_stack *s, struct handle id, struct instant now)
{
	struct conn *c = conn_of(s, id);
	s->now = now;
	if ((c->flags & CONN_SHUT) != 0 || c->state == CONN_CLOSED)
		return;
	c->flags |= CONN_SHUT;
	(void)stack_note(s, c, BLACK_BOX_SHUT, now);
	if (c->state == CONN_ESTABLISHED)
		conn_enter(s, c, CONN_FIN_WAIT_1, now);
	else if (c->state == CONN_CLOSE_WAIT)
		conn_enter(s, c, CONN_LAST_ACK, now);
	conn_ready(s, c);
}

/* Does the peer hold a connection that an RST must end? 3.10.5 */
static bool peer_is_open(const struct conn *c)
{
	switch ((enum conn_state)c->state) {
	case CONN_SYN_RECEIVED:
	case CONN_ESTABLISHED:
	case CONN_FIN_WAIT_1:
	case CONN_FIN_WAIT_2:
	case CONN_CLOSE_WAIT:
	case CONN_LAST_ACK:
	case CONN_CLOSING:
		return true;
	case CONN_CLOSED:
	case CONN_SYN_SENT:
	case CONN_TIME_WAIT:
	case CONN_STATE_COUNT:
		return false;
	}
	return false;
}

static void hide(struct conn *c)
{
	c->flags &= ~(uint32_t)CONN_VISIBLE;
	c->events = 0;
	link_remove(&c->event);
}

static void abort_hidden(struct tcp_stack *s, struct conn *c, struct instant now)
{
	if (c->state == CONN_CLOSED) {
		conn_free(s, c);
		return;
	}
	if (peer_is_open(c))
		segment_reset(s, c, now);
	(void)stack_note(s, c, BLACK_BOX_ABORTED, now);
	conn_close(s, c, TCP_CLOSE_RESET, now);
}

void tcp_abort(struct tcp_stack *s, struct handle id, struct instant now)
{
	struct conn *c = conn_of(s, id);
	s->now = now;
	hide(c);
	abort_hidden(s, c, now);
}

void tcp_release(struct tcp_stack *s, struct handle id, struct instant now)
{
	struct conn *c = conn_of(s, id);
	bool over = c->state == CONN_CLOSED || !conn_synchronised(c);
	s->now = now;
	if (!over && byteq_bytes(&c->rx) == 0)
		tcp_shut(s, id, now);
	(void)stack_note(s, c, BLACK_BOX_RELEASED, now);
	hide(c);
	if (over || byteq_bytes(&c->rx) > 0) {
		abort_hidden(s, c, now);
		return;
	}
	byteq_clear(&c->rx, s->pool); /* an empty block may have stayed from a reserve */
	if (c->reasm != NULL)         /* received, never to be read: as in RFC 1122 4.2.2.13 */
		abort_hidden(s, c, now);
	else if (c->state == CONN_FIN_WAIT_2)
		conn_timer_set(s, c, CONN_TIMER_FIN_WAIT_2, instant_add(now, TCP_FIN_WAIT_2_US));
}

void close_finished(struct tcp_stack *s, struct conn *c, struct instant now)
{
	if (c->state != CONN_LAST_ACK) {
		conn_enter(s, c, CONN_TIME_WAIT, now);
		time_wait_enter(s, c, now);
	}
	conn_close(s, c, TCP_CLOSE_DONE, now);
}
