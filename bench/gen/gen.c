/*
 * gen.c - the generator as a whole: making it, its turn, its ends (gen.h).
 *
 * A turn takes, in this order: completions of the TLS engines, events of the nets, due timers, new
 * messages.
 */
#include "bench/gen/gen.h"

#include <string.h>

#include "bench/gen/gen_int.h"

#define EVENTS_PER_TURN 1024u
#define TIMERS_PER_TURN 1024u
#define MESSAGE_BYTES_MAX ((uint64_t)1 << 32)

struct memory {
	struct gen *gen;
	void *senders, *sinks, *guests;
	uint32_t sender_count, sink_count, guest_count;
	struct ledger *ledger;
};

static bool take_memory(struct arena *arena, const struct gen_config *c, struct memory *m);
static void make_client_config(struct gen *g);
static void make_server_configs(struct gen *g);
static struct span name_span(const char *name);
static bool take_completions(struct gen *g, struct tls_engine *engine, struct instant now);
static bool take_events(struct gen *g, struct gen_net net, struct instant now);
static bool take_timers(struct gen *g, struct instant now);

struct gen *gen_make(struct arena *arena, const struct gen_config *config, struct instant now)
{
	struct memory memory;
	if (!take_memory(arena, config, &memory))
		return NULL;
	struct gen *g = memory.gen;
	g->config = *config;
	g->ledger = memory.ledger;
	slab_init(&g->senders, memory.senders, sizeof(struct sender), memory.sender_count,
	          SENDER_MAGIC);
	slab_init(&g->sinks, memory.sinks, sizeof(struct sink), memory.sink_count, SINK_MAGIC);
	slab_init(&g->guests, memory.guests, sizeof(struct guest), memory.guest_count, GUEST_MAGIC);
	g->guest_next = now;
	g->run = mail_run(&config->mix);
	g->begun_at = now;
	g->number_next = config->sender.message_first;
	g->number_end = config->sender.message_first + config->sender.message_count;
	CHECK(g->number_end <= g->ledger->count);
	g->results.listener_count = config->sink.listener_count;
	prng_seed(&g->prng, config->mix.seed ^ config->sender.message_first);
	wheel_init(&g->wheel, now);
	schedule_init(&g->schedule, config->sender.arrivals, config->sender.rate_per_1000s,
	              prng_u64(&g->prng), now);
	make_client_config(g);
	make_server_configs(g);
	if (config->sink.net.ops != NULL && !sinks_listen(g))
		return NULL;
	return g;
}

/* False where it does not fit, and with a counting arena. A side that is not used takes one
 * slot: a slab is never empty. */
static bool take_memory(struct arena *arena, const struct gen_config *c, struct memory *m)
{
	m->sender_count =
		c->sender.net.ops != NULL && c->sender.connections > 0 ? c->sender.connections : 1;
	m->sink_count =
		c->sink.net.ops != NULL && c->sink.connections > 0 ? c->sink.connections : 1;
	m->guest_count = c->crowd.connections > 0 ? c->crowd.connections : 1;
	m->guests = arena_take(arena, "generator crowd",
	                       slab_memory_bytes(sizeof(struct guest), m->guest_count));
	m->gen = arena_take(arena, "generator", sizeof(*m->gen));
	m->senders = arena_take(arena, "generator senders",
	                        slab_memory_bytes(sizeof(struct sender), m->sender_count));
	m->sinks = arena_take(arena, "generator sinks",
	                      slab_memory_bytes(sizeof(struct sink), m->sink_count));
	m->ledger = c->ledger;
	if (m->ledger == NULL)
		m->ledger = ledger_make(arena, c->sender.message_first + c->sender.message_count);
	return m->gen != NULL && m->senders != NULL && m->sinks != NULL && m->guests != NULL &&
	       m->ledger != NULL;
}

/* RFC 5321 4.5.3.2, where nothing shorter is asked for. */
static void make_client_config(struct gen *g)
{
	const struct gen_sender_config *c = &g->config.sender;
	uint64_t asked = c->reply_timeout_us;
	g->client_config = (struct smtp_client_config){
		.helo = name_span(c->helo),
		.greeting_timeout_us = asked > 0 ? asked : 5 * MINUTE_US,
		.command_timeout_us = asked > 0 ? asked : 5 * MINUTE_US,
		.data_timeout_us = asked > 0 ? asked : 3 * MINUTE_US,
		.final_timeout_us = asked > 0 ? asked : 10 * MINUTE_US,
	};
	g->bdat_config = g->client_config;
	g->bdat_config.chunking = true;
}

static void make_server_configs(struct gen *g)
{
	const struct gen_sink_config *c = &g->config.sink;
	uint64_t idle_us = c->idle_timeout_us > 0 ? c->idle_timeout_us : 5 * MINUTE_US;
	for (uint32_t i = 0; i < c->listener_count; i++) {
		g->server_configs[i] = (struct smtp_server_config){
			.hostname = name_span(c->hostname),
			.message_bytes_max = MESSAGE_BYTES_MAX,
			.recipients_max = 1000,
			.command_timeout_us = idle_us,
			.data_timeout_us = idle_us,
			.starttls = c->listeners[i].tls == GEN_TLS_STARTTLS,
			.chunking = c->chunking,
			.smtputf8 = true,
		};
		g->clear_configs[i] = g->server_configs[i];
		g->clear_configs[i].starttls = false;
	}
}

static struct span name_span(const char *name)
{
	struct span whole = span_of(name, GEN_NAME_BYTES);
	return span_head(whole, span_find(whole, 0));
}

/* ---- the turn ---- */

bool gen_turn(struct gen *g, struct instant now)
{
	const struct gen_config *c = &g->config;
	bool busy = false;
	if (c->sender.tls != NULL)
		busy |= take_completions(g, c->sender.tls, now);
	if (c->sink.tls != NULL && c->sink.tls != c->sender.tls)
		busy |= take_completions(g, c->sink.tls, now);
	if (c->sender.net.ops != NULL)
		busy |= take_events(g, c->sender.net, now);
	if (c->sink.net.ops != NULL && c->sink.net.self != c->sender.net.self)
		busy |= take_events(g, c->sink.net, now);
	busy |= take_timers(g, now);
	if (c->sender.net.ops != NULL)
		busy |= senders_turn(g, now);
	if (g->config.crowd.connections > 0)
		busy |= crowd_turn(g, now);
	return busy;
}

static bool take_completions(struct gen *g, struct tls_engine *engine, struct instant now)
{
	const struct tls_ops *ops = tls_ops_of(engine);
	bool busy = false;
	uint64_t user;
	if (ops->poll(engine, now) > 0)
		busy = true;
	while (ops->next_ready(engine, &user)) {
		busy = true;
		if (user & USER_SINK)
			sink_ready(g, user, now);
		else if (user & USER_GUEST)
			guest_ready(g, user, now);
		else
			sender_ready(g, user, now);
	}
	return busy;
}

static bool take_events(struct gen *g, struct gen_net net, struct instant now)
{
	struct tcp_event event;
	uint32_t count = 0;
	for (; count < EVENTS_PER_TURN && net.ops->next_event(net.self, &event); count++) {
		if ((event.bits & TCP_ACCEPTED) || (event.user & USER_SINK))
			sink_event(g, &event, now);
		else if (event.user & USER_GUEST)
			guest_event(g, &event, now);
		else
			sender_event(g, &event, now);
	}
	return count > 0;
}

static void *owner_of(struct timer *t, size_t offset)
{
	return (uint8_t *)t - offset;
}

static void expire(struct gen *g, struct timer *t, struct instant now)
{
	if (t->kind == TIMER_SENDER)
		sender_expire(g, owner_of(t, offsetof(struct sender, timer)), now);
	else if (t->kind == TIMER_SINK)
		sink_expire(g, owner_of(t, offsetof(struct sink, timer)), now);
	else
		guest_expire(g, owner_of(t, offsetof(struct guest, timer)), now);
}

static bool take_timers(struct gen *g, struct instant now)
{
	bool busy = false;
	for (uint32_t i = 0; i < TIMERS_PER_TURN; i++) {
		struct timer *t = wheel_pop(&g->wheel, now);
		if (t == NULL)
			break;
		busy = true;
		expire(g, t, now);
	}
	return busy;
}

struct instant gen_deadline(const struct gen *g)
{
	struct instant at = wheel_deadline(&g->wheel);
	if (g->config.crowd.connections > 0)
		at = instant_earlier(at, crowd_deadline(g));
	return g->config.sender.net.ops != NULL ? instant_earlier(at, senders_deadline(g)) : at;
}

/* ---- ends ---- */

bool gen_done(const struct gen *g)
{
	return g->number_next == g->number_end && g->senders.used == 0;
}

void gen_stop(struct gen *g, struct instant now)
{
	(void)now;
	g->stopping = true;
	g->number_end = g->number_next;
}

void gen_shut(struct gen *g, struct instant now)
{
	gen_stop(g, now);
	g->shutting = true;
	senders_shut(g, now);
	crowd_shut(g, now);
	sinks_shut(g, now);
}

bool gen_idle(const struct gen *g)
{
	return g->senders.used == 0 && g->sinks.used == 0 && g->guests.used == 0;
}

const struct gen_results *gen_results(struct gen *g)
{
	ledger_count(g->ledger, &g->results.totals);
	return &g->results;
}

const struct gen_results *gen_running(const struct gen *g)
{
	return &g->results;
}

struct ledger *gen_ledger(struct gen *g)
{
	return g->ledger;
}

uint32_t gen_senders(const struct gen *g)
{
	return g->senders.used;
}

uint32_t gen_crowd_held(const struct gen *g)
{
	return g->guests_held;
}

void gen_rate(struct gen *g, uint64_t rate_per_1000s, struct instant now)
{
	schedule_rate(&g->schedule, rate_per_1000s, now);
}

uint32_t gen_sinks(const struct gen *g)
{
	return g->sinks.used;
}

size_t gen_bytes_held(const struct gen *g)
{
	size_t bytes = 0;
	uint32_t slot = 0;
	for (struct sender *s = slab_next(&g->senders, &slot); s != NULL;
	     s = slab_next(&g->senders, &slot))
		bytes += gen_leg_bytes(&s->leg);
	slot = 0;
	for (struct sink *k = slab_next(&g->sinks, &slot); k != NULL;
	     k = slab_next(&g->sinks, &slot))
		bytes += gen_leg_bytes(&k->leg);
	return bytes;
}
