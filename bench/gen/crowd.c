/*
 * crowd.c - connections without mail, held beside those that send: idle ones, and rude ones
 * (gen.h, enum gen_crowd).
 *
 * They are opened at a rate until as many are there as were asked for, and opened again when the
 * peer ends one: how often it does is what a flood shows. A guest that has got as far as its kind
 * goes counts as held. RFC 3207 for those that begin TLS; RFC 8446 5.1 for the record of which a
 * half-open handshake sends the beginning only.
 */
#include "bench/gen/gen_int.h"

#define CRAWL_US SECOND_US
#define GUESTS_PER_TURN 64u

static void open_guest(struct gen *g, struct instant now);
static void opened(struct gen *g, struct guest *c, struct instant now);
static void step(struct gen *g, struct guest *c, struct instant now);
static bool step_round(struct gen *g, struct guest *c, struct instant now);
static bool read_replies(struct gen *g, struct guest *c, struct instant now);
static void smtp_event(struct gen *g, struct guest *c, const struct smtp_client_event *event,
                       struct instant now);
static void begin_tls(struct gen *g, struct guest *c, struct instant now);
static void write_raw(struct guest *c, struct span bytes, struct instant now);
static void crawl(struct gen *g, struct guest *c, struct instant now);
static void hold(struct gen *g, struct guest *c);
static void end(struct gen *g, struct guest *c, struct instant now);

static uint64_t user_of(const struct gen *g, const struct guest *c)
{
	struct handle h = slab_handle(&g->guests, c);
	return USER_GUEST | (uint64_t)h.slot << 32 | h.generation;
}

static struct guest *guest_of(const struct gen *g, uint64_t user)
{
	user &= ~USER_GUEST;
	return slab_get(&g->guests, (struct handle){ .slot = (uint32_t)(user >> 32),
	                                             .generation = (uint32_t)user });
}

/* ---- arriving ---- */

static bool wants_more(const struct gen *g)
{
	return g->config.sender.net.ops != NULL && g->config.sender.target_count > 0 &&
	       g->config.crowd.kind != GEN_CROWD_SYN && !g->stopping &&
	       g->guests.used < g->config.crowd.connections;
}

bool crowd_turn(struct gen *g, struct instant now)
{
	uint64_t gap_us = SECOND_US / g->config.crowd.opened_per_second;
	bool busy = false;
	for (uint32_t i = 0; i < GUESTS_PER_TURN; i++) {
		if (!wants_more(g) || !instant_reached(g->guest_next, now))
			break;
		g->guest_next = instant_add(g->guest_next, gap_us);
		open_guest(g, now);
		busy = true;
	}
	return busy;
}

struct instant crowd_deadline(const struct gen *g)
{
	return wants_more(g) ? g->guest_next : INSTANT_NEVER;
}

static void open_guest(struct gen *g, struct instant now)
{
	const struct gen_sender_config *s = &g->config.sender;
	struct endpoint target = s->targets[g->target_next++ % s->target_count];
	struct guest *c = slab_take(&g->guests);
	struct handle id = HANDLE_NONE;
	CHECK(c != NULL);
	c->timer.kind = TIMER_GUEST;
	if (s->net.ops->connect(s->net.self, target, user_of(g, c), now, &id) !=
	    TCP_CONNECT_STARTED) {
		g->results.ends[GEN_END_NO_PORT]++;
		g->guest_next = instant_add(now, 10 * MS_US);
		slab_give(&g->guests, c);
		return;
	}
	gen_leg_init(&c->leg, s->net, g->config.pool, id);
	g->results.crowd_opened++;
}

/* ---- the life of a guest ---- */

void guest_event(struct gen *g, const struct tcp_event *event, struct instant now)
{
	struct guest *c = guest_of(g, event->user);
	if (c == NULL || !handle_equal(c->leg.id, event->id))
		return;
	gen_leg_event(&c->leg, event);
	if (event->bits & TCP_OPENED)
		opened(g, c, now);
	step(g, c, now);
}

void guest_ready(struct gen *g, uint64_t user, struct instant now)
{
	struct guest *c = guest_of(g, user);
	if (c != NULL)
		step(g, c, now);
}

/* A crawler needs no machine: it never gets a command to its end. A half-open handshake of implicit
 * TLS begins at once. */
static void opened(struct gen *g, struct guest *c, struct instant now)
{
	enum gen_crowd kind = g->config.crowd.kind;
	bool implicit = g->config.sender.tls_mode == GEN_TLS_IMPLICIT;
	c->crawl_at = now;
	if (kind == GEN_CROWD_SILENT || kind == GEN_CROWD_CRAWL) {
		hold(g, c);
	} else if (implicit) {
		begin_tls(g, c, now);
	} else {
		smtp_client_init(&c->smtp, &g->client_config, g->config.pool, now);
		c->smtp_on = true;
	}
}

static void step(struct gen *g, struct guest *c, struct instant now)
{
	bool progress = true;
	for (unsigned round = 0; progress && round < STEP_ROUNDS_MAX; round++)
		progress = gen_leg_is_open(&c->leg) && step_round(g, c, now);
	if (!c->over && (c->leg.closed || gen_leg_tls_phase(&c->leg) == TLS_PHASE_FAILED ||
	                 (gen_leg_is_open(&c->leg) && c->leg.eof)))
		end(g, c, now);
	if (!c->over) {
		struct instant at = gen_leg_deadline(&c->leg);
		if (c->smtp_on && !c->held)
			at = instant_earlier(at, smtp_client_deadline(&c->smtp));
		if (g->config.crowd.kind == GEN_CROWD_CRAWL && c->held)
			at = instant_earlier(at, c->crawl_at);
		wheel_set(&g->wheel, &c->timer, progress ? now : at);
		return;
	}
	if (c->smtp_on)
		smtp_client_fini(&c->smtp);
	wheel_stop(&g->wheel, &c->timer);
	slab_give(&g->guests, c);
}

static bool step_round(struct gen *g, struct guest *c, struct instant now)
{
	bool progress = gen_leg_pull(&c->leg, now);
	if (gen_leg_tls_just_on(&c->leg)) {
		if (c->smtp_on) {
			smtp_client_tls_started(&c->smtp, now);
		} else {
			smtp_client_init(&c->smtp, &g->client_config, g->config.pool, now);
			smtp_client_tls_implicit(&c->smtp);
			c->smtp_on = true;
		}
		progress = true;
	}
	if (!c->smtp_on)
		return progress;
	progress |= read_replies(g, c, now);
	size_t room = gen_leg_is_open(&c->leg) ? gen_leg_out_room(&c->leg) : 0;
	if (room > 0) {
		size_t moved = smtp_client_output(&c->smtp, gen_leg_out(&c->leg), room, now);
		gen_leg_push(&c->leg, moved, now);
		progress |= moved > 0;
	}
	return progress;
}

static bool read_replies(struct gen *g, struct guest *c, struct instant now)
{
	struct smtp_client_event event;
	bool progress = false;
	while (gen_leg_is_open(&c->leg) && !c->over) {
		struct span in = byteq_peek(gen_leg_in(&c->leg));
		size_t eaten = smtp_client_input(&c->smtp, in, now, &event);
		gen_leg_consume(&c->leg, eaten, now);
		if (eaten == 0 && event.kind == CLIENT_NONE)
			break;
		progress = true;
		smtp_event(g, c, &event, now);
	}
	return progress;
}

static void smtp_event(struct gen *g, struct guest *c, const struct smtp_client_event *event,
                       struct instant now)
{
	switch (event->kind) {
	case CLIENT_NONE: /* part of a reply */
		break;
	case CLIENT_READY:
		if (g->config.sender.tls_mode == GEN_TLS_NONE || c->leg.tls != NULL ||
		    !smtp_client_can(&c->smtp, SMTP_REQUEST_STARTTLS))
			hold(g, c);
		else
			smtp_client_starttls(&c->smtp, now);
		break;
	case CLIENT_TLS_GO:
		begin_tls(g, c, now);
		break;
	case CLIENT_FAULT:
	case CLIENT_REPLY: /* nothing was asked that could be answered well */
		end(g, c, now);
		break;
	}
}

static void begin_tls(struct gen *g, struct guest *c, struct instant now)
{
	/* A handshake record of 512 bytes is announced, and its first five are a ClientHello's. */
	static const uint8_t beginning[] = { 0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03 };
	const struct gen_sender_config *s = &g->config.sender;
	struct tls_next_want want = {
		.server_name = s->server_name[0] != 0 ? s->server_name : NULL,
		.minimum = TLS_VERSION_1_2,
	};
	if (g->config.crowd.kind == GEN_CROWD_HALF_TLS) {
		write_raw(c, span_of(beginning, sizeof(beginning)), now);
		hold(g, c);
	} else if (!gen_leg_tls_next(&c->leg, s->tls, &want, user_of(g, c), now)) {
		end(g, c, now);
	}
}

/* Few bytes, which a fresh connection always has room for; without a block they are not written. */
static void write_raw(struct guest *c, struct span bytes, struct instant now)
{
	struct byteq *out = gen_leg_out(&c->leg);
	if (gen_leg_out_room(&c->leg) >= bytes.bytes)
		gen_leg_push(&c->leg, byteq_write(out, c->leg.pool, bytes), now);
}

static void crawl(struct gen *g, struct guest *c, struct instant now)
{
	static const char command[] = "EHLO a.very.patient.client.that.has.all.day.test";
	(void)g;
	uint32_t at = c->crawled++ % (sizeof(command) - 1);
	write_raw(c, span_of(command + at, 1), now);
	c->crawl_at = instant_add(now, CRAWL_US);
}

static void hold(struct gen *g, struct guest *c)
{
	c->held = true;
	g->guests_held++;
	g->results.crowd_ready++;
}

static void end(struct gen *g, struct guest *c, struct instant now)
{
	if (c->over)
		return;
	c->over = true;
	g->guests_held -= c->held;
	g->results.crowd_lost += !g->shutting;
	gen_leg_close(&c->leg, LEG_CLOSE_FIN, now);
}

void guest_expire(struct gen *g, struct guest *c, struct instant now)
{
	if (gen_leg_is_open(&c->leg))
		gen_leg_expire(&c->leg, now);
	if (c->smtp_on && !c->held && smtp_client_expire(&c->smtp, now))
		end(g, c, now);
	if (!c->over && c->held && g->config.crowd.kind == GEN_CROWD_CRAWL &&
	    instant_reached(c->crawl_at, now))
		crawl(g, c, now);
	step(g, c, now);
}

void crowd_shut(struct gen *g, struct instant now)
{
	uint32_t slot = 0;
	for (struct guest *c = slab_next(&g->guests, &slot); c != NULL;
	     c = slab_next(&g->guests, &slot)) {
		end(g, c, now);
		step(g, c, now);
	}
}
