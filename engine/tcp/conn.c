/*
 * conn.c - the life of a connection; see conn_int.h.
 *
 * Timers are lazy: moving one later only notes the new deadline, and the wheel is asked again when
 * it fires at the old one. An ACK per segment then costs no work in the wheel.
 */
#include "tcp/conn_int.h"

#include "tcp/stack_int.h"

static const char *const state_names[] = {
#define STATE(name, text) [CONN_##name] = text,
#include "tcp/states.def"
#undef STATE
};
_Static_assert(COUNT_OF(state_names) == CONN_STATE_COUNT, "every state has a name");

static const uint16_t state_edges[CONN_STATE_COUNT][CONN_STATE_COUNT] = {
#define EDGE(from, to) [CONN_##from][CONN_##to] = 1,
#include "tcp/states.def"
#undef EDGE
};

const char *conn_state_name(enum conn_state state)
{
	return state < CONN_STATE_COUNT ? state_names[state] : "?";
}

struct tuple conn_tuple(const struct tcp_stack *s, const struct conn *c)
{
	return (struct tuple){ .local = stack_addr(s, c->local),
		               .remote = c->remote,
		               .local_port = c->local_port,
		               .remote_port = c->remote_port };
}

static struct conn *take_slot(struct tcp_stack *s)
{
	if (s->conns.used + s->waits.slab.used >= s->config.connections_max && !time_wait_evict(s))
		return NULL;
	return slab_take(&s->conns);
}

struct conn *conn_take(struct tcp_stack *s, const struct tuple *tuple, uint8_t local,
                       struct instant now)
{
	struct conn *c = take_slot(s);
	if (c == NULL)
		return NULL;
	c->local = local;
	c->remote = tuple->remote;
	c->local_port = tuple->local_port;
	c->remote_port = tuple->remote_port;
	c->hash = (uint32_t)tuple_hash(s->config.secret, TUPLE_FLOW, tuple);
	c->ack_deadline = c->deadline = INSTANT_NEVER;
	c->born_ms = c->challenge_ms = c->last_send_ms = (uint32_t)(now.us / MS_US);
	c->rx_bytes_max = s->config.rx_bytes_max;
	c->tx_bytes_max = s->config.tx_bytes_max;
	c->quick_acks = TCP_QUICK_ACKS;
	c->keep = s->config.keepalive;
	c->user_timeout_ms = s->config.user_timeout_ms;
	c->heard_ms = c->progress_ms = (uint32_t)(now.us / MS_US);
	c->timer.kind = STACK_TIMER_CONN;
	c->ack_timer.kind = STACK_TIMER_ACK;
	flow_add(&s->flows, c->hash, c->head.slot + 1);
	c->flags = CONN_IN_FLOW;
	return c;
}

void conn_enter(struct tcp_stack *s, struct conn *c, enum conn_state state, struct instant now)
{
	CHECK(state < CONN_STATE_COUNT);
	CHECK(state_edges[c->state][state] == 1);
	recorder_note(s->recorder, now, "tcp state", c->head.slot, c->state, state);
	bool half_open = state == CONN_SYN_RECEIVED;
	if (half_open && (c->flags & CONN_HALF_OPEN) == 0) {
		c->flags |= CONN_HALF_OPEN;
		s->half_open++;
	} else if (!half_open && (c->flags & CONN_HALF_OPEN) != 0) {
		c->flags &= ~(uint32_t)CONN_HALF_OPEN;
		s->half_open--;
		if ((c->flags & CONN_COUNTED) != 0)
			source_opened(&s->sources, c->source);
	}
	c->state = (uint8_t)state;
	if (state != CONN_CLOSED) /* that one says why, see conn_close() */
		stack_note(s, c, BLACK_BOX_STATE, now)->detail = (uint8_t)state;
}

void conn_doubled(struct tcp_stack *s, struct conn *c, struct seq begin, struct seq end)
{
	s->counters.doubled_in++;
	s->boxes.current->again = 1;
	if ((c->flags & CONN_SACK) == 0)
		return;
	c->flags |= CONN_DOUBLED;
	c->doubled_begin = begin;
	c->doubled_end = end;
}

void conn_reasm_drop(struct tcp_stack *s, struct conn *c)
{
	if (c->reasm == NULL)
		return;
	reasm_clear(c->reasm, s->pool);
	slab_give(&s->reasms, c->reasm);
	c->reasm = NULL;
}

static void leave_wire(struct tcp_stack *s, struct conn *c)
{
	if ((c->flags & CONN_IN_FLOW) != 0)
		flow_remove(&s->flows, c->hash, c->head.slot + 1);
	if ((c->flags & CONN_COUNTED) != 0)
		source_remove(&s->sources, c->source);
	c->flags &= ~(uint32_t)(CONN_IN_FLOW | CONN_COUNTED);
	link_remove(&c->output);
	link_remove(&c->stalled);
	conn_timer_stop(c);
	wheel_stop(&s->wheel, &c->timer);
	c->ack_deadline = INSTANT_NEVER;
	wheel_stop(&s->wheel, &c->ack_timer);
	conn_reasm_drop(s, c);
	path_mtu_closed(s, c);
	sent_clear(&c->sent, s->pool);
}

void conn_close(struct tcp_stack *s, struct conn *c, enum tcp_close_reason why, struct instant now)
{
	c->why = (uint8_t)why;
	inspect_ended(s, c, now); /* while it still has the state it ended in */
	bool all_acked = c->tx_known == 0 && ((c->flags & CONN_SHUT) == 0 || conn_fin_acked(c));
	if (!all_acked)
		c->flags |= CONN_TX_LOST;
	conn_enter(s, c, CONN_CLOSED, now);
	leave_wire(s, c);
	byteq_clear(&c->tx, s->pool);
	c->tx_known = 0;
	s->counters.closed++;
	if ((c->flags & CONN_VISIBLE) == 0)
		conn_free(s, c);
	else
		conn_raise(s, c, TCP_CLOSED);
}

void conn_free(struct tcp_stack *s, struct conn *c)
{
	if (c->state != CONN_CLOSED)
		conn_enter(s, c, CONN_CLOSED, s->now);
	leave_wire(s, c);
	link_remove(&c->event);
	byteq_clear(&c->tx, s->pool);
	byteq_clear(&c->rx, s->pool);
	black_box_give(&s->boxes, &c->head);
	slab_give(&s->conns, c);
}

struct conn *conn_of(const struct tcp_stack *s, struct handle id)
{
	struct conn *c = slab_get(&s->conns, id);
	CHECK(c != NULL);
	CHECK((c->flags & CONN_VISIBLE) != 0);
	return c;
}

void conn_ready(struct tcp_stack *s, struct conn *c)
{
	if (!link_is_in(&c->output))
		link_push(&s->ready, &c->output);
}

void conn_raise(struct tcp_stack *s, struct conn *c, uint32_t bits)
{
	if ((c->flags & CONN_VISIBLE) == 0)
		return;
	c->events |= (uint8_t)bits;
	if (!link_is_in(&c->event))
		link_push(&s->events, &c->event);
}

void conn_timer_set(struct tcp_stack *s, struct conn *c, enum conn_timer kind, struct instant at)
{
	if (kind != CONN_TIMER_PERSIST)
		pressure_moves(c);
	c->timer_kind = (uint8_t)kind;
	c->deadline = at;
	if (!timer_is_set(&c->timer) || instant_before(at, c->timer.at))
		wheel_set(&s->wheel, &c->timer, at);
}

void conn_timer_stop(struct conn *c)
{
	pressure_moves(c);
	c->timer_kind = CONN_TIMER_NONE;
	c->deadline = INSTANT_NEVER;
}

void conn_ack_later(struct tcp_stack *s, struct conn *c, struct instant now)
{
	if (c->ack_deadline.us != UINT64_MAX)
		return;
	c->ack_deadline = instant_add(now, TCP_ACK_DELAY_US);
	if (!timer_is_set(&c->ack_timer))
		wheel_set(&s->wheel, &c->ack_timer, c->ack_deadline);
}

void conn_ack_now(struct tcp_stack *s, struct conn *c)
{
	c->flags |= CONN_ACK_NOW;
	conn_ready(s, c);
}

/* RFC 5961 7 wants a limit for all; a fixed one would tell anybody who counts how much others were
 * challenged (CVE-2016-5696), so each second has its own, drawn under our key. */
static bool challenge_allowed(struct tcp_stack *s, struct instant now)
{
	uint64_t second = now.us / SECOND_US;
	if (!s->challenge_drawn || second != s->challenge_second) {
		struct siphash_key key = s->config.secret;
		key.k1 ^= (uint64_t)TUPLE_CHALLENGE << 56;
		uint64_t draw = siphash(key, span_of(&second, sizeof(second)));
		s->challenge_second = second;
		s->challenge_drawn = true;
		s->challenges_left = TCP_CHALLENGES_ALL / 2 + (uint32_t)(draw % TCP_CHALLENGES_ALL);
	}
	if (s->challenges_left == 0)
		return false;
	s->challenges_left--;
	return true;
}

void conn_ack_challenge(struct tcp_stack *s, struct conn *c, struct instant now)
{
	uint32_t now_ms = (uint32_t)(now.us / MS_US);
	if (now_ms - c->challenge_ms >= TCP_CHALLENGE_US / MS_US) {
		c->challenge_ms = now_ms;
		c->challenges = 0;
	}
	if (c->challenges >= TCP_CHALLENGES_MAX || !challenge_allowed(s, now)) {
		stack_drop(s, TCP_DROP_CHALLENGE_LIMIT);
		return;
	}
	c->challenges++;
	conn_ack_now(s, c);
}

void conn_describe(const struct tcp_stack *s, const struct conn *c, struct text *t)
{
	text_str(t, state_names[c->state]);
	text_char(t, ' ');
	text_endpoint(t,
	              (struct endpoint){ .addr = stack_addr(s, c->local), .port = c->local_port });
	text_str(t, " <- ");
	text_endpoint(t, (struct endpoint){ .addr = c->remote, .port = c->remote_port });
	text_str(t, " una=");
	text_u64(t, c->snd_una.v);
	text_str(t, " flight=");
	text_u64(t, conn_flight(c));
	text_str(t, " unsent=");
	text_u64(t, conn_unsent(c));
	text_str(t, " wnd=");
	text_u64(t, c->snd_wnd);
	text_str(t, " cwnd=");
	text_u64(t, c->congestion.window);
	text_str(t, " rx=");
	text_u64(t, byteq_bytes(&c->rx));
	text_str(t, " flags=");
	text_hex(t, c->flags, 4);
}
