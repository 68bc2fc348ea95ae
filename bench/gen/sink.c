/*
 * sink.c - the next hops: accepting, the TLS handshake, reading and writing, slow readers, ending.
 *
 * What is answered to whom, and the judging of messages, is sink_mail.c's. As with senders, all
 * work on a connection goes through step(), and only its end frees a sink.
 *
 * A slow sink reads from its own credit, refilled by time; the connection's window closes behind
 * it.
 */
#include "bench/gen/gen_int.h"

#define ACCEPT_CUT_SHARE                                                                           \
	8u /* of the aborts asked for, one in so many falls on the connection itself */

static void accepted(struct gen *g, const struct tcp_event *event, struct instant now);
static bool begin(struct gen *g, struct sink *k, struct instant now);
static bool begin_tls(struct gen *g, struct sink *k, struct instant now);
static void tls_is_on(struct gen *g, struct sink *k, struct instant now);
static void step(struct gen *g, struct sink *k, struct instant now);
static bool step_round(struct gen *g, struct sink *k, struct instant now);
static bool read_commands(struct gen *g, struct sink *k, struct instant now);
static size_t credit_left(struct gen *g, struct sink *k, struct instant now);
static bool write_replies(struct gen *g, struct sink *k, struct instant now);
static void look_for_the_end(struct gen *g, struct sink *k, struct instant now);
static void set_timer(struct gen *g, struct sink *k, struct instant now, bool again);

static uint64_t user_of(const struct gen *g, const struct sink *k)
{
	struct handle h = slab_handle(&g->sinks, k);
	return USER_SINK | (uint64_t)h.slot << 32 | h.generation;
}

static struct sink *sink_of(const struct gen *g, uint64_t user)
{
	user &= ~USER_SINK;
	return slab_get(&g->sinks, (struct handle){ .slot = (uint32_t)(user >> 32),
	                                            .generation = (uint32_t)user });
}

bool sinks_listen(struct gen *g)
{
	const struct gen_sink_config *c = &g->config.sink;
	for (uint32_t i = 0; i < c->listener_count; i++)
		if (!c->net.ops->listen(c->net.self, c->listeners[i].local, i))
			return false;
	return true;
}

void sink_event(struct gen *g, const struct tcp_event *event, struct instant now)
{
	if (event->bits & TCP_ACCEPTED) {
		accepted(g, event, now);
		return;
	}
	struct sink *k = sink_of(g, event->user);
	if (k == NULL || !handle_equal(k->leg.id, event->id))
		return;
	gen_leg_event(&k->leg, event);
	step(g, k, now);
}

static void accepted(struct gen *g, const struct tcp_event *event, struct instant now)
{
	const struct gen_sink_config *c = &g->config.sink;
	struct sink *k = g->shutting ? NULL : slab_take(&g->sinks);
	if (k == NULL || event->tag >= c->listener_count) {
		c->net.ops->abort(c->net.self, event->id, now);
		if (k != NULL)
			slab_give(&g->sinks, k);
		return;
	}
	k->timer.kind = TIMER_SINK;
	k->listener = (uint8_t)event->tag;
	k->cut_stage = GEN_STAGE_COUNT;
	k->slow = prng_chance(&g->prng, c->slow_per_mille);
	k->credit_at = now;
	gen_leg_init(&k->leg, c->net, g->config.pool, event->id);
	c->net.ops->user_set(c->net.self, event->id, user_of(g, k));
	g->results.listeners[k->listener].accepted++;
	gen_leg_event(&k->leg, event);
	if (!begin(g, k, now)) {
		g->results.sink_aborts++;
		sink_close(g, k, LEG_CLOSE_RESET, now);
	}
	step(g, k, now);
}

static bool chance(struct gen *g, uint32_t per_mille)
{
	return per_mille > 0 && prng_chance(&g->prng, per_mille);
}

/* False: cut at once, or no room for TLS. */
static bool begin(struct gen *g, struct sink *k, struct instant now)
{
	const struct gen_sink_config *c = &g->config.sink;
	const struct smtp_server_config *smtp = &g->server_configs[k->listener];
	if (chance(g, c->no_starttls_per_mille))
		smtp = &g->clear_configs[k->listener];
	smtp_server_init(&k->smtp, smtp, g->config.pool, now);
	if (chance(g, c->goodbye_per_mille)) {
		smtp_server_goodbye(&k->smtp, SMTP_REPLY_TOO_MANY_CONNECTIONS, now);
		g->results.sink_refusals++;
	}
	if (prng_chance(&g->prng, c->abort_per_mille) &&
	    prng_below(&g->prng, ACCEPT_CUT_SHARE) == 0)
		return false;
	return c->listeners[k->listener].tls != GEN_TLS_IMPLICIT || begin_tls(g, k, now);
}

static bool begin_tls(struct gen *g, struct sink *k, struct instant now)
{
	const struct gen_sink_config *c = &g->config.sink;
	uint32_t certificate = c->listeners[k->listener].certificate;
	k->tls_due = false;
	if (chance(g, c->bad_certificate_per_mille))
		certificate = c->bad_certificate;
	return gen_leg_tls_near(&k->leg, c->tls, certificate, user_of(g, k), now);
}

static void tls_is_on(struct gen *g, struct sink *k, struct instant now)
{
	struct gen_listener_counters *n = &g->results.listeners[k->listener];
	struct tls_facts facts;
	tls_facts(k->leg.tls, &facts);
	n->tls_established++;
	n->tls_resumed += facts.resumed;
	if (g->config.sink.listeners[k->listener].tls == GEN_TLS_IMPLICIT)
		smtp_server_tls_implicit(&k->smtp);
	else
		smtp_server_tls_started(&k->smtp, now);
}

void sink_ready(struct gen *g, uint64_t user, struct instant now)
{
	struct sink *k = sink_of(g, user);
	if (k != NULL)
		step(g, k, now);
}

/* ---- one step ---- */

static void step(struct gen *g, struct sink *k, struct instant now)
{
	bool progress = true;
	for (unsigned round = 0; progress && round < STEP_ROUNDS_MAX; round++)
		progress = gen_leg_is_open(&k->leg) && step_round(g, k, now);
	if (gen_leg_is_open(&k->leg))
		look_for_the_end(g, k, now);
	if (!k->over) {
		set_timer(g, k, now, progress);
		return;
	}
	smtp_server_fini(&k->smtp);
	wheel_stop(&g->wheel, &k->timer);
	slab_give(&g->sinks, k);
}

static bool step_round(struct gen *g, struct sink *k, struct instant now)
{
	bool progress = gen_leg_pull(&k->leg, now);
	if (gen_leg_tls_just_on(&k->leg)) {
		tls_is_on(g, k, now);
		progress = true;
	}
	if (k->leg.tls == NULL || k->leg.established)
		progress |= read_commands(g, k, now);
	if (gen_leg_is_open(&k->leg) && (k->leg.tls == NULL || k->leg.established))
		progress |= write_replies(g, k, now);
	return progress;
}

static bool read_commands(struct gen *g, struct sink *k, struct instant now)
{
	bool progress = false;
	while (!k->tls_due && !k->closing && !k->over) {
		struct smtp_server_event event;
		size_t credit = credit_left(g, k, now);
		struct span in = span_head(byteq_peek(gen_leg_in(&k->leg)), credit);
		size_t eaten = smtp_server_input(&k->smtp, in, now, &event);
		if (eaten == 0 && event.kind == SERVER_NONE)
			break;
		progress = true;
		sink_asked(g, k, &event,
		           now); /* its spans borrow from the queue: consume afterwards */
		if (!gen_leg_is_open(&k->leg))
			break;
		gen_leg_consume(&k->leg, eaten, now);
		if (k->slow)
			k->credit -= eaten;
	}
	return progress;
}

static size_t credit_left(struct gen *g, struct sink *k, struct instant now)
{
	if (!k->slow)
		return SIZE_MAX;
	return (size_t)slow_credit(&k->credit, &k->credit_at, g->config.sink.slow_bytes_per_second,
	                           now);
}

static bool write_replies(struct gen *g, struct sink *k, struct instant now)
{
	size_t room = gen_leg_out_room(&k->leg);
	size_t moved = room > 0 ? smtp_server_output(&k->smtp, gen_leg_out(&k->leg), room, now) : 0;
	size_t held = gen_leg_bytes(&k->leg);
	gen_leg_push(&k->leg, moved, now);
	bool progress = moved > 0 || gen_leg_bytes(&k->leg) < held;
	if (k->cut_after) { /* the 250 is out, as far as we know; now the line goes dead */
		g->results.sink_aborts++;
		sink_close(g, k, k->cut_fin ? LEG_CLOSE_FIN : LEG_CLOSE_RESET, now);
		return true;
	}
	if (progress || !gen_leg_is_flushed(&k->leg))
		return progress;
	if (k->tls_due) {
		bool injected = smtp_server_starttls_injected(
			&k->smtp, byteq_bytes(gen_leg_in(&k->leg)), now);
		k->tls_due = false;
		if (injected || !begin_tls(g, k, now)) {
			g->results.sink_failures++;
			sink_close(g, k, LEG_CLOSE_FIN, now);
		}
		return true;
	}
	if (k->closing)
		sink_close(g, k, LEG_CLOSE_ORDERLY, now);
	return k->closing;
}

static void look_for_the_end(struct gen *g, struct sink *k, struct instant now)
{
	bool failed = gen_leg_tls_phase(&k->leg) == TLS_PHASE_FAILED;
	if (failed) {
		g->results.listeners[k->listener].tls_failed += !k->leg.established;
		g->results.sink_failures++;
	}
	if (failed || k->leg.closed || (gen_leg_is_drained(&k->leg) && !k->answer_waits))
		sink_close(g, k, LEG_CLOSE_FIN, now);
}

void sink_close(struct gen *g, struct sink *k, enum gen_leg_close how, struct instant now)
{
	(void)g;
	gen_leg_close(&k->leg, how, now);
	k->over = true;
}

/* ---- time ---- */

static void set_timer(struct gen *g, struct sink *k, struct instant now, bool again)
{
	struct instant at =
		instant_earlier(gen_leg_deadline(&k->leg), smtp_server_deadline(&k->smtp));
	if (k->answer_waits)
		at = instant_earlier(at, k->answer_at);
	if (k->slow && byteq_bytes(gen_leg_in(&k->leg)) > 0)
		at = instant_earlier(at, instant_add(k->credit_at, SLOW_TICK_US));
	if (again)
		at = now;
	else if (g->config.pool->free_count < POOL_LOW_BLOCKS)
		at = instant_earlier(at, instant_add(now, POOL_RETRY_US));
	wheel_set(&g->wheel, &k->timer, at);
}

void sink_expire(struct gen *g, struct sink *k, struct instant now)
{
	gen_leg_expire(&k->leg, now);
	if (k->answer_waits && instant_reached(k->answer_at, now))
		sink_answer_now(g, k, now);
	else if (smtp_server_expire(&k->smtp, now))
		g->results.sink_failures++;
	step(g, k, now);
}

void sinks_shut(struct gen *g, struct instant now)
{
	uint32_t slot = 0;
	for (struct sink *k = slab_next(&g->sinks, &slot); k != NULL;
	     k = slab_next(&g->sinks, &slot)) {
		if (k->leg.tls != NULL && !k->leg.established)
			sink_close(g, k, LEG_CLOSE_FIN, now);
		else
			smtp_server_goodbye(&k->smtp, SMTP_REPLY_SHUTTING_DOWN, now);
		step(g, k, now);
	}
}
