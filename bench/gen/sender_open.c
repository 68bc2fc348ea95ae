/*
 * sender_open.c - a sender's connection from the SYN to the first EHLO: opening it, TLS, the words of
 * sessions to be resumed (gen_int.h). What follows is sender.c's.
 */
#include "bench/gen/gen_int.h"

#define KEY_TLS12 1u /* keys of the resumption cache */
#define KEY_TLS13 2u
#define KEYS_ALONE 3u

static void connect_failed(struct gen *g, struct sender *s, enum tcp_connect_outcome outcome,
                           struct instant now);
static void start_talking(struct gen *g, struct sender *s, struct instant now);
static uint64_t resumption_key(const struct gen *g, const struct sender *s);

/* What events and completions carry to find their sender again. */
static uint64_t sender_user(const struct gen *g, const struct sender *s)
{
	struct handle h = slab_handle(&g->senders, s);
	return (uint64_t)h.slot << 32 | h.generation;
}

void sender_open(struct gen *g, struct sender *s, struct instant now)
{
	const struct gen_sender_config *c = &g->config.sender;
	struct endpoint target = c->targets[g->target_next++ % c->target_count];
	struct handle id = HANDLE_NONE;
	s->smtp_on = false;
	s->ready = false;
	s->greeted_once = false;
	s->last = false;
	s->no_port = false;
	s->starved = false;
	s->messages_done = 0;
	s->credit = 0;
	s->credit_at = (struct instant){ 0 };
	traits_choose(&s->traits, c, &g->prng);
	s->opened_at = now;
	s->state = SENDER_CONNECTING;
	enum tcp_connect_outcome outcome =
		c->net.ops->connect(c->net.self, target, sender_user(g, s), now, &id);
	if (outcome != TCP_CONNECT_STARTED) {
		gen_leg_init(&s->leg, c->net, g->config.pool, HANDLE_NONE);
		connect_failed(g, s, outcome, now);
		return;
	}
	gen_leg_init(&s->leg, c->net, g->config.pool, id);
	g->results.connections_opened++;
}

/* Without a port or a connection to be had the message waits: others will end, TIME-WAIT will
 * pass. */
static void connect_failed(struct gen *g, struct sender *s, enum tcp_connect_outcome outcome,
                           struct instant now)
{
	if (outcome == TCP_CONNECT_NO_ROUTE || g->shutting) {
		sender_end(g, s, GEN_END_UNREACHABLE, now);
		return;
	}
	g->results.ends[GEN_END_NO_PORT]++;
	s->no_port = true;
	s->state = SENDER_WAITING;
	s->wait_until = instant_add(now, 10 * MS_US);
}

void sender_opened(struct gen *g, struct sender *s, struct instant now)
{
	results_phase(&g->results, GEN_PHASE_CONNECT, s->opened_at, now);
	s->state = SENDER_TALKING;
	if (s->mail.cut == CUT_AT_OPEN) {
		sender_end(g, s, GEN_END_ABORTED, now);
		return;
	}
	if (g->config.sender.tls_mode == GEN_TLS_IMPLICIT && !s->traits.clear)
		sender_begin_tls(g, s, now);
	else
		start_talking(g, s, now);
}

static void start_talking(struct gen *g, struct sender *s, struct instant now)
{
	smtp_client_init(&s->smtp, s->traits.bdat ? &g->bdat_config : &g->client_config,
	                 g->config.pool, now);
	s->smtp_on = true;
	s->talking_at = now;
}

/* Connections that do not resume have a key that nobody had before. */
static uint64_t resumption_key(const struct gen *g, const struct sender *s)
{
	if (s->traits.resume)
		return s->traits.tls12 ? KEY_TLS12 : KEY_TLS13;
	return KEYS_ALONE + g->results.connections_opened;
}

void sender_begin_tls(struct gen *g, struct sender *s, struct instant now)
{
	const struct gen_sender_config *c = &g->config.sender;
	struct tls_next_want want = {
		.server_name = c->server_name[0] != 0 ? c->server_name : NULL,
		.verify = c->tls_verify,
		.reference_count = c->server_name[0] != 0 ? 1 : 0,
		.references = { c->server_name },
		.minimum = c->tls_minimum == 0 ? TLS_VERSION_1_2 : c->tls_minimum,
		.maximum = s->traits.tls12 ? TLS_VERSION_1_2 : 0,
		.resumption_key = resumption_key(g, s),
	};
	s->tls_at = s->smtp_on ? s->tls_at : now; /* with STARTTLS the time runs from the command */
	if (s->mail.cut == CUT_AT_TLS)
		sender_end(g, s, GEN_END_ABORTED, now);
	else if (s->smtp_on && byteq_bytes(gen_leg_in(&s->leg)) > 0)
		sender_end(g, s, GEN_END_PROTOCOL, now); /* plaintext behind the 220: RFC 3207 4 */
	else if (!gen_leg_tls_next(&s->leg, c->tls, &want, sender_user(g, s), now))
		sender_end(g, s, GEN_END_TLS_NO_ROOM, now);
}

void sender_tls_is_on(struct gen *g, struct sender *s, struct instant now)
{
	struct tls_facts facts;
	tls_facts(s->leg.tls, &facts);
	results_phase(&g->results, GEN_PHASE_TLS, s->tls_at, now);
	g->results.tls_established++;
	g->results.tls_resumed += facts.resumed;
	if (s->smtp_on) {
		smtp_client_tls_started(&s->smtp, now);
	} else {
		start_talking(g, s, now);
		smtp_client_tls_implicit(&s->smtp);
	}
}
