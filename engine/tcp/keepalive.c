/*
 * keepalive.c - is an idle peer still there (RFC 9293 3.8.4), and how long unacknowledged bytes are
 * borne (RFC 5482).
 *
 * A connection with nothing under way has its timer free: the keep-alive uses it. Hearing from the
 * peer does not touch the timer; when it fires, what was heard since only moves it. A probe is the
 * last number already acknowledged, without data: an honest peer answers it with an ACK.
 */
#include "tcp/stack_int.h"

static uint32_t ms_of(struct instant now)
{
	return (uint32_t)(now.us / MS_US);
}

void keepalive_arm(struct tcp_stack *s, struct conn *c, struct instant now)
{
	if (c->keep.idle_ms == 0 || !conn_synchronised(c)) {
		conn_timer_stop(c);
		return;
	}
	uint32_t quiet_ms = ms_of(now) - c->heard_ms;
	uint32_t left_ms = quiet_ms < c->keep.idle_ms ? c->keep.idle_ms - quiet_ms : 0;
	conn_timer_set(s, c, CONN_TIMER_KEEPALIVE, instant_add(now, left_ms * MS_US));
}

void keepalive_due(struct tcp_stack *s, struct conn *c, struct instant now)
{
	if (ms_of(now) - c->heard_ms < c->keep.idle_ms) {
		keepalive_arm(s, c, now);
		return;
	}
	if (c->keep_sent >= c->keep.probes) {
		segment_reset(s, c, now);
		conn_close(s, c, TCP_CLOSE_TIMEOUT, now);
		return;
	}
	c->keep_sent++;
	stack_note_timer(s, c, BLACK_BOX_KEEPALIVE, c->keep_sent, now);
	c->flags |= CONN_KEEP_DUE;
	conn_timer_set(s, c, CONN_TIMER_KEEPALIVE, instant_add(now, c->keep.interval_ms * MS_US));
	conn_ready(s, c);
}

static bool is_quiet(const struct conn *c)
{
	return conn_synchronised(c) &&
	       (c->timer_kind == CONN_TIMER_NONE || c->timer_kind == CONN_TIMER_KEEPALIVE);
}

void tcp_keepalive_set(struct tcp_stack *s, struct handle id, const struct tcp_keepalive *keep,
                       struct instant now)
{
	struct conn *c = conn_of(s, id);
	s->now = now;
	c->keep = *keep;
	c->keep_sent = 0;
	if (c->state != CONN_CLOSED && is_quiet(c))
		keepalive_arm(s, c, now);
}

void tcp_user_timeout_set(struct tcp_stack *s, struct handle id, uint32_t ms)
{
	conn_of(s, id)->user_timeout_ms = ms;
}

bool keepalive_given_up(const struct conn *c, struct instant now)
{
	return c->user_timeout_ms > 0 && ms_of(now) - c->progress_ms >= c->user_timeout_ms;
}

struct instant keepalive_limit(const struct conn *c, struct instant at, struct instant now)
{
	if (c->user_timeout_ms == 0)
		return at;
	uint32_t borne_ms = ms_of(now) - c->progress_ms;
	uint32_t left_ms = borne_ms < c->user_timeout_ms ? c->user_timeout_ms - borne_ms : 0;
	return instant_earlier(at, instant_add(now, left_ms * MS_US));
}
