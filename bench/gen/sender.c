/*
 * sender.c - the senders' connections: opening, the handshakes, reading and writing, pausing,
 * ending.
 *
 * A slot is taken for a message and lives until that message and those that follow it on the same
 * connection have their outcomes. Closed loop: every free slot opens a connection while there are
 * messages. Open loop: a message that is due takes an idle connection, else a free slot, else it
 * waits and its latency grows.
 *
 * The message itself is sender_mail.c's. All work on a connection goes through step(), which ends
 * by settling: nothing frees a sender anywhere else.
 */
#include "bench/gen/gen_int.h"

static bool take_arrival(struct gen *g, struct instant now, struct instant *due);
static bool begin_message(struct gen *g, struct instant due, struct instant now);
static void step(struct gen *g, struct sender *s, struct instant now);
static bool step_round(struct gen *g, struct sender *s, struct instant now);
static bool read_replies(struct gen *g, struct sender *s, struct instant now);
static void smtp_event(struct gen *g, struct sender *s, const struct smtp_client_event *event,
                       struct instant now);
static void greeted(struct gen *g, struct sender *s, struct instant now);
static size_t writable(struct gen *g, struct sender *s, size_t room, struct instant now);
static bool write_out(struct gen *g, struct sender *s, struct instant now);
static void look_for_the_end(struct gen *g, struct sender *s, struct instant now);
static enum gen_end end_of_close(const struct gen_leg *leg, bool connecting);
static void settle(struct gen *g, struct sender *s, struct instant now);
static void set_timer(struct gen *g, struct sender *s, struct instant now, bool again);
static void thought(struct gen *g, struct sender *s, struct instant now);
static void wait_for_arrival(struct gen *g, struct sender *s);
static void wake_sender(struct gen *g, struct sender *s);
static void quit(struct gen *g, struct sender *s, struct instant now);
static void over(struct sender *s, enum gen_leg_close how, struct instant now);

static struct sender *sender_of(const struct gen *g, uint64_t user)
{
	return slab_get(&g->senders, (struct handle){ .slot = (uint32_t)(user >> 32),
	                                              .generation = (uint32_t)user });
}

/* ---- beginning messages ---- */

bool senders_turn(struct gen *g, struct instant now)
{
	bool busy = false;
	struct instant due;
	while (take_arrival(g, now, &due)) {
		if (!begin_message(g, due, now))
			break;
		busy = true;
	}
	while (g->number_next == g->number_end && g->idle != NULL) {
		struct sender *s = g->idle;
		wake_sender(g, s);
		quit(g, s, now);
		step(g, s, now);
		busy = true;
	}
	return busy;
}

/* Is a message to begin, and since when is it due? */
static bool take_arrival(struct gen *g, struct instant now, struct instant *due)
{
	const struct gen_sender_config *c = &g->config.sender;
	if (g->number_next == g->number_end)
		return false;
	if (c->arrivals == GEN_CLOSED_LOOP) {
		*due = now;
		uint64_t spread_us = (uint64_t)c->start_spread_us * g->opened / c->connections;
		return g->opened >= c->connections || instant_since(g->begun_at, now) >= spread_us;
	}
	*due = schedule_next(&g->schedule);
	if (!instant_reached(*due, now))
		return false;
	uint64_t backlog = schedule_backlog(&g->schedule, now);
	uint64_t left = g->number_end - g->number_next;
	backlog = backlog < left ? backlog : left;
	if (backlog > g->results.backlog_max)
		g->results.backlog_max = backlog;
	return true;
}

/* False: no connection is free; the message stays due. */
static bool begin_message(struct gen *g, struct instant due, struct instant now)
{
	struct sender *s = g->idle;
	bool fresh = s == NULL;
	if (fresh)
		s = slab_take(&g->senders);
	if (s == NULL)
		return false;
	if (g->config.sender.arrivals != GEN_CLOSED_LOOP) {
		schedule_step(&g->schedule);
		uint64_t slip_us = instant_since(due, now);
		if (slip_us > g->results.slip_us_max)
			g->results.slip_us_max = slip_us;
	}
	if (fresh) {
		s->timer.kind = TIMER_SENDER;
		g->opened++;
	} else {
		wake_sender(g, s);
	}
	mail_give(g, s, g->number_next++, due);
	if (fresh)
		sender_open(g, s, now);
	step(g, s, now);
	return true;
}

struct instant senders_deadline(const struct gen *g)
{
	const struct gen_sender_config *c = &g->config.sender;
	if (g->number_next == g->number_end)
		return INSTANT_NEVER;
	if (g->idle == NULL && g->senders.used == g->senders.count)
		return INSTANT_NEVER;
	if (c->arrivals != GEN_CLOSED_LOOP)
		return schedule_next(&g->schedule);
	return instant_add(g->begun_at, (uint64_t)c->start_spread_us * g->opened / c->connections);
}

/* ---- the connection ---- */

void sender_event(struct gen *g, const struct tcp_event *event, struct instant now)
{
	struct sender *s = sender_of(g, event->user);
	if (s == NULL || !handle_equal(s->leg.id, event->id))
		return;
	gen_leg_event(&s->leg, event);
	if ((event->bits & TCP_OPENED) && s->state == SENDER_CONNECTING)
		sender_opened(g, s, now);
	step(g, s, now);
}

void sender_ready(struct gen *g, uint64_t user, struct instant now)
{
	struct sender *s = sender_of(g, user);
	if (s != NULL)
		step(g, s, now);
}

/* ---- one step ---- */

static void step(struct gen *g, struct sender *s, struct instant now)
{
	bool progress = true;
	for (unsigned round = 0; progress && round < STEP_ROUNDS_MAX; round++)
		progress = gen_leg_is_open(&s->leg) && s->state != SENDER_CONNECTING &&
		           step_round(g, s, now);
	if (gen_leg_is_open(&s->leg))
		look_for_the_end(g, s, now);
	if (s->state == SENDER_OVER)
		settle(g, s, now);
	else
		set_timer(g, s, now, progress);
}

static bool step_round(struct gen *g, struct sender *s, struct instant now)
{
	bool progress = gen_leg_pull(&s->leg, now);
	if (gen_leg_tls_just_on(&s->leg)) {
		sender_tls_is_on(g, s, now);
		progress = true;
	}
	if (s->smtp_on)
		progress |= read_replies(g, s, now);
	if (s->state == SENDER_TALKING && s->ready)
		progress |= mail_drive(g, s, now);
	if (gen_leg_is_open(&s->leg) && s->smtp_on)
		progress |= write_out(g, s, now);
	return progress;
}

/* The first call may carry no bytes: the machine may have an event without (client.h, made-up
 * 354). */
static bool read_replies(struct gen *g, struct sender *s, struct instant now)
{
	bool progress = false;
	for (;;) {
		struct smtp_client_event event;
		struct span in = byteq_peek(gen_leg_in(&s->leg));
		size_t eaten = smtp_client_input(&s->smtp, in, now, &event);
		gen_leg_consume(&s->leg, eaten, now);
		if (eaten == 0 && event.kind == CLIENT_NONE)
			return progress;
		progress = true;
		smtp_event(g, s, &event, now);
		if (!gen_leg_is_open(&s->leg) || !s->smtp_on)
			return true;
	}
}

static void smtp_event(struct gen *g, struct sender *s, const struct smtp_client_event *event,
                       struct instant now)
{
	switch (event->kind) {
	case CLIENT_NONE: /* part of a reply */
		break;
	case CLIENT_READY:
		greeted(g, s, now);
		break;
	case CLIENT_TLS_GO:
		sender_begin_tls(g, s, now);
		break;
	case CLIENT_FAULT:
		sender_end(g, s,
		           event->fault == CLIENT_FAULT_TIMEOUT ? GEN_END_TIMEOUT
		                                                : GEN_END_PROTOCOL,
		           now);
		break;
	case CLIENT_REPLY:
		s->last = s->last || event->reply->code == 421;
		if (s->state == SENDER_QUITTING) {
			if (event->request == SMTP_REQUEST_QUIT)
				over(s, LEG_CLOSE_ORDERLY, now);
		} else if (event->request == SMTP_REQUEST_STARTTLS) {
			sender_end(g, s, GEN_END_TLS_REFUSED, now);
		} else {
			mail_reply(g, s, event->request, event->reply, now);
		}
		break;
	}
}

static void greeted(struct gen *g, struct sender *s, struct instant now)
{
	if (!s->greeted_once)
		results_phase(&g->results, GEN_PHASE_BANNER, s->talking_at, now);
	s->greeted_once = true;
	if (g->config.sender.tls_mode != GEN_TLS_STARTTLS || s->traits.clear || s->leg.tls != NULL) {
		s->ready = true;
	} else if (smtp_client_can(&s->smtp, SMTP_REQUEST_STARTTLS)) {
		s->tls_at = now;
		smtp_client_starttls(&s->smtp, now);
	} else {
		sender_end(g, s, GEN_END_TLS_NOT_OFFERED, now);
	}
}

/* Slow writers have their credit, writers of small pieces a piece: each is pushed by itself, and so
 * becomes a TLS record of its own. */
static size_t writable(struct gen *g, struct sender *s, size_t room, struct instant now)
{
	const struct gen_sender_config *c = &g->config.sender;
	if (s->traits.fragment_bytes > 0 && room > s->traits.fragment_bytes)
		room = s->traits.fragment_bytes;
	if (!s->traits.slow)
		return room;
	uint64_t credit = slow_credit(&s->credit, &s->credit_at, c->slow_bytes_per_second, now);
	return room < credit ? room : (size_t)credit;
}

/* Cutting at a byte is done by giving no more room than up to there. */
static bool write_out(struct gen *g, struct sender *s, struct instant now)
{
	struct sender_mail *m = &s->mail;
	bool cutting = s->has_message && s->transaction && m->cut == CUT_AT_BYTE;
	size_t room = gen_leg_out_room(&s->leg);
	if (cutting && room > m->cut_at - s->leg.bytes_out)
		room = (size_t)(m->cut_at - s->leg.bytes_out);
	room = writable(g, s, room, now);
	size_t moved = 0;
	if (room > 0)
		moved = smtp_client_output(&s->smtp, gen_leg_out(&s->leg), room, now);
	if (s->traits.slow)
		s->credit -= moved;
	size_t held = gen_leg_bytes(&s->leg);
	gen_leg_push(&s->leg, moved, now);
	if (cutting && s->leg.bytes_out >= m->cut_at) {
		sender_end(g, s, GEN_END_ABORTED, now);
		return true;
	}
	return moved > 0 || gen_leg_bytes(&s->leg) < held;
}

static void look_for_the_end(struct gen *g, struct sender *s, struct instant now)
{
	enum tls_phase phase = gen_leg_tls_phase(&s->leg);
	if (s->leg.closed && (s->state == SENDER_CONNECTING || s->leg.why != TCP_CLOSE_DONE))
		sender_end(g, s, end_of_close(&s->leg, s->state == SENDER_CONNECTING), now);
	else if (phase == TLS_PHASE_FAILED)
		sender_end(g, s, s->leg.established ? GEN_END_PROTOCOL : GEN_END_TLS_FAILED, now);
	else if (s->state != SENDER_CONNECTING && gen_leg_is_drained(&s->leg))
		sender_end(g, s, GEN_END_CLOSED, now);
}

static enum gen_end end_of_close(const struct gen_leg *leg, bool connecting)
{
	switch (leg->why) {
	case TCP_CLOSE_NONE:
	case TCP_CLOSE_DONE:
		return GEN_END_CLOSED;
	case TCP_CLOSE_RESET:
		return GEN_END_RESET;
	case TCP_CLOSE_REFUSED:
		return GEN_END_REFUSED;
	case TCP_CLOSE_TIMEOUT:
		return connecting ? GEN_END_CONNECT_TIMEOUT : GEN_END_TIMEOUT;
	case TCP_CLOSE_UNREACHABLE:
		return GEN_END_UNREACHABLE;
	}
	return GEN_END_CLOSED;
}

/* The connection is not as it should be: its message, if it has one, has an outcome, and it is
 * over. A peer that closes while nothing is in hand, or while we quit, is no fault. */
void sender_end(struct gen *g, struct sender *s, enum gen_end end, struct instant now)
{
	const char *name = gen_end_name(end);
	bool reset = end == GEN_END_ABORTED && !s->mail.cut_fin;
	if (s->has_message) {
		g->results.ends[end]++;
		size_t bytes = 0;
		while (name[bytes] != 0)
			bytes++;
		mail_failed(g, s, mail_stage(s), 0, span_of(name, bytes), now);
	}
	wake_sender(g, s);
	over(s, reset ? LEG_CLOSE_RESET : LEG_CLOSE_FIN, now);
}

static void settle(struct gen *g, struct sender *s, struct instant now)
{
	if (s->smtp_on)
		smtp_client_fini(&s->smtp);
	s->smtp_on = false;
	s->ready = false;
	if (s->has_message) { /* to be tried again */
		s->state = SENDER_WAITING;
		set_timer(g, s, now, false);
		return;
	}
	wheel_stop(&g->wheel, &s->timer);
	slab_give(&g->senders, s);
}

/* ---- time ---- */

static void set_timer(struct gen *g, struct sender *s, struct instant now, bool again)
{
	struct instant at = INSTANT_NEVER;
	if (s->state == SENDER_WAITING || s->state == SENDER_PAUSED)
		at = s->wait_until;
	if (gen_leg_is_open(&s->leg))
		at = instant_earlier(at, gen_leg_deadline(&s->leg));
	if (s->smtp_on)
		at = instant_earlier(at, smtp_client_deadline(&s->smtp));
	if (s->traits.slow && s->credit == 0 && s->state != SENDER_PAUSED && gen_leg_is_open(&s->leg))
		at = instant_earlier(at, instant_add(s->credit_at, SLOW_TICK_US));
	if (again)
		at = now;
	else if (s->starved || g->config.pool->free_count < POOL_LOW_BLOCKS)
		at = instant_earlier(at, instant_add(now, POOL_RETRY_US));
	wheel_set(&g->wheel, &s->timer, at);
}

void sender_expire(struct gen *g, struct sender *s, struct instant now)
{
	bool due = instant_reached(s->wait_until, now);
	if (s->state == SENDER_WAITING && due) {
		if (!s->no_port)
			mail_attempt(g, s);
		sender_open(g, s, now);
	} else if (s->state == SENDER_PAUSED && due) {
		thought(g, s, now);
	} else if (gen_leg_is_open(&s->leg)) {
		gen_leg_expire(&s->leg, now);
		if (s->smtp_on && smtp_client_expire(&s->smtp, now))
			sender_end(g, s, GEN_END_TIMEOUT, now);
	}
	step(g, s, now);
}

/* ---- between messages ---- */

void sender_next(struct gen *g, struct sender *s, struct instant now)
{
	const struct gen_sender_config *c = &g->config.sender;
	s->messages_done++;
	bool full = s->traits.messages > 0 && s->messages_done >= s->traits.messages;
	if (full || s->last || g->number_next == g->number_end) {
		quit(g, s, now);
	} else if (c->arrivals != GEN_CLOSED_LOOP) {
		wait_for_arrival(g, s);
	} else if (c->think_us > 0) {
		s->state = SENDER_PAUSED;
		s->wait_until = instant_add(now, c->think_us);
	} else {
		mail_give(g, s, g->number_next++, now);
	}
}

static void thought(struct gen *g, struct sender *s, struct instant now)
{
	wake_sender(g, s);
	if (g->number_next < g->number_end)
		mail_give(g, s, g->number_next++, now);
	else
		quit(g, s, now);
}

static void wait_for_arrival(struct gen *g, struct sender *s)
{
	s->state = SENDER_PAUSED;
	s->wait_until = INSTANT_NEVER;
	s->on_idle_list = true;
	s->idle_prev = NULL;
	s->idle_next = g->idle;
	if (g->idle != NULL)
		g->idle->idle_prev = s;
	g->idle = s;
}

/* Also harmless for a sender that is not asleep. */
static void wake_sender(struct gen *g, struct sender *s)
{
	if (s->state == SENDER_PAUSED)
		s->state = SENDER_TALKING;
	if (!s->on_idle_list)
		return;
	if (s->idle_prev != NULL)
		s->idle_prev->idle_next = s->idle_next;
	else
		g->idle = s->idle_next;
	if (s->idle_next != NULL)
		s->idle_next->idle_prev = s->idle_prev;
	s->idle_next = s->idle_prev = NULL;
	s->on_idle_list = false;
}

static void quit(struct gen *g, struct sender *s, struct instant now)
{
	(void)g;
	if (s->smtp_on && smtp_client_can(&s->smtp, SMTP_REQUEST_QUIT)) {
		smtp_client_quit(&s->smtp, now);
		s->state = SENDER_QUITTING;
	} else {
		over(s, LEG_CLOSE_FIN, now);
	}
}

static void over(struct sender *s, enum gen_leg_close how, struct instant now)
{
	gen_leg_close(&s->leg, how, now);
	s->state = SENDER_OVER;
}

void senders_shut(struct gen *g, struct instant now)
{
	uint32_t slot = 0;
	for (struct sender *s = slab_next(&g->senders, &slot); s != NULL;
	     s = slab_next(&g->senders, &slot)) {
		if (s->state == SENDER_QUITTING)
			continue;
		if (s->has_message) {
			sender_end(g, s, GEN_END_ABORTED, now);
		} else {
			wake_sender(g, s);
			quit(g, s, now);
		}
		step(g, s, now);
	}
}
