/*
 * world.c - one run: build three hosts, turn them until every message has its outcome, close down, and judge.
 *
 * Virtual time jumps from one event to the next. In each step the frames that arrived are given to their hosts, then
 * weir and the generator have one turn each, then every stack may send. What must hold at the end is judge()'s list.
 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto-offload/tls_fake.h"
#include "tests/lib/plain_config.h"

#define HOST_COUNT 3u
#define END_US (6 * 3600 * SECOND_US) /* no run may need more virtual time */
#define STEPS_MAX 6000000u            /* nor more steps: it would be turning in place */
#define PEER_BLOCKS 8192u
#define WALL_START_US 1795000000000000

enum host_number { HOST_NEAR, HOST_WEIR, HOST_NEXT };

struct world {
	struct world_plan plan;
	struct instant now, last_progress;
	struct wire wire;
	struct tcp_stack *stacks[HOST_COUNT];
	struct block_pool peer_pool, weir_pool;
	struct recorder recorder;
	struct tls_engine *tls[HOST_COUNT];
	struct content *content;
	struct policy *policy;
	struct relay *relay;
	struct gen *gen;
	struct mail_mix mix;
	struct arena arena;
	uint64_t steps;
	uint64_t reports, delivered_reports;
	uint8_t frame[WIRE_FRAME_BYTES];
};

/* ---- building ---- */

static void *must(void *pointer)
{
	if (pointer == NULL) {
		fprintf(stderr, "sim: out of memory\n");
		exit(2);
	}
	return pointer;
}

static void *piece(struct world *w, size_t bytes)
{
	return must(arena_take(&w->arena, "sim", bytes));
}

static struct tcp_config stack_config(uint32_t host, uint64_t seed)
{
	static const uint8_t last[HOST_COUNT] = { 10, 2, 1 };
	struct tcp_config c = plain_config(host + 1);
	c.connections_max = 512;
	c.half_open_max = 64;
	c.pool_windows = host == HOST_WEIR ? 64 : 0;
	c.tx_bytes_max = 131072;
	c.secret = (struct siphash_key){ .k0 = seed * 3 + host, .k1 = seed * 7 + 1 };
	c.seed = seed + host;
	c.addresses[0] = (struct ip_interface){
		.addr = { .family = IP_V4, .bytes = { 198, 18, 0, last[host] } }, .bits = 24 };
	c.addresses[1] = (struct ip_interface){
		.addr = { .family = IP_V6, .bytes = { 0x20, 0x01, 0, 2, 0, 0, 0, 1, [15] = last[host] } },
		.bits = 64 };
	return c;
}

static void stacks_make(struct world *w, uint64_t seed)
{
	for (uint32_t host = 0; host < HOST_COUNT; host++) {
		struct tcp_config config = stack_config(host, seed);
		struct block_pool *pool = host == HOST_WEIR ? &w->weir_pool : &w->peer_pool;
		wire_join(&w->wire, config.mac);
		w->stacks[host] = must(tcp_make(&w->arena, &config, pool,
		                                host == HOST_WEIR ? &w->recorder : NULL, w->now));
	}
}

static void tls_make(struct world *w, uint64_t seed)
{
	for (uint32_t host = 0; host < HOST_COUNT; host++) {
		struct tls_fake_config c = {
			.seed = seed * 11 + host,
			.sessions_max = 512,
			.park_per_mille = host == HOST_WEIR ? w->plan.park : 0,
			.park_us_max = 20000,
			.handshake_timeout_us = 30 * SECOND_US,
			.certificate_name = host == HOST_NEXT ? "next.test" : "weir.test",
			.certificate_trusted = host != HOST_NEXT || w->plan.bank_trusted,
			.version_max = TLS_VERSION_1_3,
			.fail_per_mille = host == HOST_NEXT ? w->plan.tls_fail : 0,
		};
		struct block_pool *pool = host == HOST_WEIR ? &w->weir_pool : &w->peer_pool;
		w->tls[host] = must(tls_fake_make(&c, pool, piece(w, tls_fake_bytes(&c))));
	}
}

static void weir_make(struct world *w, uint64_t seed)
{
	const struct settings *s = world_settings(&w->plan);
	w->policy = must(policy_make(&w->arena, s));
	w->content = must(content_plain_make(s, 64, piece(w, content_plain_bytes(s, 64))));
	struct relay_config c = {
		.settings = s,
		.policy = w->policy,
		.tls = w->tls[HOST_WEIR],
		.content = w->content,
		.pool = &w->weir_pool,
		.stack_count = 1,
		.stacks = { w->stacks[HOST_WEIR] },
		.sessions_max = 64,
		.nexts_max = 64,
		.seed = seed * 13,
		.recorder = &w->recorder,
	};
	w->relay = must(relay_make(&w->arena, &c, w->now));
}

static void mix_fill(struct mail_mix *mix, uint64_t seed)
{
	static const char *const names[DOMAIN_COUNT] = { "example.test", "plain.test", "strict.test",
		                                         "bank.test", "second.test" };
	static const uint32_t weights[DOMAIN_COUNT] = { 5, 2, 1, 2, 1 };
	static const struct mail_size sizes[] = { { 0, 1 }, { 300, 4 }, { 4000, 4 }, { 30000, 2 }, { 200000, 1 } };
	memset(mix, 0, sizeof(*mix));
	mix->seed = seed;
	mix->size_count = COUNT_OF(sizes);
	memcpy(mix->sizes, sizes, sizeof(sizes));
	mix->domain_count = DOMAIN_COUNT;
	for (uint32_t i = 0; i < DOMAIN_COUNT; i++) {
		snprintf(mix->domains[i], sizeof(mix->domains[i]), "%s", names[i]);
		mix->domain_weights[i] = weights[i];
	}
	snprintf(mix->sender_domain, sizeof(mix->sender_domain), "%s", "near.test");
	mix->hostile_per_mille = 100;
	mix->eicar_per_mille = 80;
}

static void sender_fill(struct world *w, struct gen_sender_config *c, struct prng *p)
{
	struct ip_addr v4 = { .family = IP_V4, .bytes = { 198, 18, 0, 2 } };
	struct ip_addr v6 = { .family = IP_V6, .bytes = { 0x20, 0x01, 0, 2, 0, 0, 0, 1, [15] = 2 } };
	c->net = gen_net_tcp(w->stacks[HOST_NEAR]);
	c->tls = w->tls[HOST_NEAR];
	c->target_count = 1;
	c->targets[0] = (struct endpoint){ .addr = w->plan.ip6 ? v6 : v4,
		                           .port = w->plan.near_tls == GEN_TLS_IMPLICIT ? 465 : 25 };
	c->connections = w->plan.connections;
	c->message_count = w->plan.messages;
	c->messages_per_connection = (uint32_t)prng_below(p, 5);
	c->arrivals = GEN_CLOSED_LOOP;
	c->tls_mode = w->plan.near_tls;
	snprintf(c->server_name, sizeof(c->server_name), "%s", "weir.test");
	snprintf(c->helo, sizeof(c->helo), "%s", "sender.near.test");
	c->pipelining = prng_chance(p, 700);
	c->chunking = prng_chance(p, 400);
	c->recipients = prng_chance(p, 200) ? 3 : 1;
	c->attempts_max = 4;
	c->retry_after_us = SECOND_US;
	c->abort_per_mille = w->plan.sender_abort;
	c->resume_per_mille = 700;
	c->in_turn_per_mille = prng_chance(p, 300) ? 300 : 0;
	c->fragment_per_mille = prng_chance(p, 300) ? 300 : 0;
	c->fragment_bytes = 1 + (uint32_t)prng_below(p, 300);
}

static void sink_fill(struct world *w, struct gen_sink_config *c, struct prng *p)
{
	struct ip_addr v4 = { .family = IP_V4, .bytes = { 198, 18, 0, 1 } };
	c->net = gen_net_tcp(w->stacks[HOST_NEXT]);
	c->tls = w->tls[HOST_NEXT];
	c->listener_count = 2;
	c->listeners[0] = (struct gen_listener_config){ .local = { v4, 2525 }, .tls = GEN_TLS_STARTTLS };
	c->listeners[1] = (struct gen_listener_config){ .local = { v4, 2526 }, .tls = GEN_TLS_NONE };
	c->connections = 256;
	snprintf(c->hostname, sizeof(c->hostname), "%s", "next.test");
	c->chunking = prng_chance(p, 500);
	for (unsigned stage = GEN_STAGE_MAIL; stage < GEN_STAGE_COUNT; stage++) {
		c->refuse[stage].transient_per_mille = w->plan.refuse / 2;
		c->refuse[stage].permanent_per_mille = w->plan.refuse / 2;
		c->delay_us_max[stage] = prng_chance(p, 300) ? 200000 : 0;
	}
	c->abort_per_mille = w->plan.sink_abort;
	c->slow_per_mille = w->plan.slow;
	c->slow_bytes_per_second = 20000;
}

static void gen_build(struct world *w, uint64_t seed)
{
	static struct gen_config c;
	struct prng p;
	prng_seed(&p, seed ^ 0x67656eu);
	memset(&c, 0, sizeof(c));
	mix_fill(&w->mix, seed);
	c.mix = w->mix;
	c.mix.mime = prng_chance(&p, 500);
	c.pool = &w->peer_pool;
	sender_fill(w, &c.sender, &p);
	sink_fill(w, &c.sink, &p);
	w->gen = must(gen_make(&w->arena, &c, w->now));
}

#define ARENA_BYTES ((size_t)192 << 20)

static struct world *world_make(uint64_t seed)
{
	static struct world *w;
	static void *memory;
	if (w == NULL) {
		w = must(malloc(sizeof(*w)));
		memory = must(aligned_alloc(64, ARENA_BYTES));
	}
	memset(&w->recorder, 0, sizeof(w->recorder));
	arena_init(&w->arena, memory, ARENA_BYTES);
	w->now = (struct instant){ .us = SECOND_US + seed % 1000 };
	w->steps = 0;
	w->reports = w->delivered_reports = 0;
	world_plan_make(seed, &w->plan);
	wire_init(&w->wire, seed);
	w->wire.faults = w->plan.faults;
	block_pool_init(&w->peer_pool, piece(w, (size_t)PEER_BLOCKS * BLOCK_BYTES), PEER_BLOCKS);
	block_pool_init(&w->weir_pool, piece(w, (size_t)w->plan.pool_blocks * BLOCK_BYTES), w->plan.pool_blocks);
	stacks_make(w, seed);
	tls_make(w, seed);
	weir_make(w, seed);
	gen_build(w, seed);
	return w;
}

/* ---- turning ---- */

static struct instant world_deadline(struct world *w)
{
	struct instant at = wire_deadline(&w->wire);
	for (uint32_t host = 0; host < HOST_COUNT; host++)
		at = instant_earlier(at, tcp_deadline(w->stacks[host]));
	at = instant_earlier(at, tls_fake_deadline(w->tls[HOST_WEIR])); /* parked operations */
	at = instant_earlier(at, relay_deadline(w->relay));
	return instant_earlier(at, gen_deadline(w->gen));
}

static void frames_deliver(struct world *w)
{
	uint32_t host;
	struct span frame;
	while (wire_next(&w->wire, w->now, &host, &frame))
		tcp_input(w->stacks[host], frame, 0, w->now);
}

static void frames_send(struct world *w)
{
	struct room room = { .data = w->frame, .bytes = sizeof(w->frame) };
	for (uint32_t host = 0; host < HOST_COUNT; host++) {
		struct tcp_frame_meta meta;
		size_t bytes;
		tcp_expire(w->stacks[host], w->now);
		while ((bytes = tcp_output(w->stacks[host], room, &meta, w->now)) > 0)
			wire_send(&w->wire, host, span_of(w->frame, bytes), w->now);
	}
}

static void reports_take(struct world *w)
{
	struct relay_report report;
	while (relay_report_pop(w->relay, &report)) {
		w->reports++;
		w->delivered_reports += report.outcome == RELAY_OUTCOME_DELIVERED;
	}
}

/* One step; false when nothing will ever happen again or a bound is passed. */
static bool world_step(struct world *w)
{
	struct instant at = world_deadline(w);
	if (at.us == UINT64_MAX || at.us > END_US || ++w->steps > STEPS_MAX)
		return false;
	struct instant soonest = instant_add(w->now, 1);
	w->now = instant_before(at, soonest) ? soonest : at;
	frames_deliver(w);
	(void)relay_turn(w->relay, w->now, (int64_t)(WALL_START_US + w->now.us));
	(void)relay_chore(w->relay, w->now);
	reports_take(w);
	(void)gen_turn(w->gen, w->now);
	frames_send(w);
	return true;
}

static bool hosts_are_empty(struct world *w)
{
	for (uint32_t host = 0; host < HOST_COUNT; host++)
		if (tcp_connections(w->stacks[host]) > 0)
			return false;
	return relay_sessions(w->relay) == 0 && relay_nexts(w->relay) == 0 && gen_idle(w->gen);
}

/* ---- judging ---- */

static bool fails(struct world_result *result, bool bad, const char *why)
{
	if (!bad || result->why[0] != '\0')
		return bad;
	snprintf(result->why, sizeof(result->why), "%s", why);
	result->ok = false;
	return bad;
}

static void judge_policy(struct world *w, const struct gen_results *results, struct world_result *result)
{
	for (uint32_t i = 0; i < results->listener_count; i++) {
		const struct gen_listener_counters *l = &results->listeners[i];
		fails(result, l->plain_rcpt[DOMAIN_STRICT] > 0, "plaintext for a domain at level encrypt");
		fails(result, l->plain_rcpt[DOMAIN_BANK] > 0, "plaintext for a domain at level verify");
		fails(result, l->tls_rcpt[DOMAIN_BANK] > 0 && !w->plan.bank_trusted,
		      "an unverified next hop was told a recipient at level verify");
	}
}

static void judge_emptiness(struct world *w, struct world_result *result)
{
	static char why[160];
	fails(result, relay_sessions(w->relay) > 0, "near sessions left");
	fails(result, relay_nexts(w->relay) > 0, "next legs left");
	for (uint32_t host = 0; host < HOST_COUNT; host++) {
		snprintf(why, sizeof(why), "host %u: %u connections left", host, tcp_connections(w->stacks[host]));
		fails(result, tcp_connections(w->stacks[host]) > 0, why);
		snprintf(why, sizeof(why), "host %u: %u TLS sessions left", host,
		         tls_engine_head(w->tls[host])->sessions);
		fails(result, tls_engine_head(w->tls[host])->sessions > 0, why);
	}
	snprintf(why, sizeof(why), "weir holds %u blocks", w->weir_pool.total - w->weir_pool.free_count);
	fails(result, w->weir_pool.free_count != w->weir_pool.total, why);
	fails(result, w->peer_pool.free_count != w->peer_pool.total, "the peers hold blocks");
	fails(result, content_head(w->content)->streams > 0, "content streams left");
}

static void judge_messages(struct world *w, const struct gen_results *results, struct world_result *result)
{
	const struct ledger_totals *t = &results->totals;
	const uint64_t *counters = relay_counters(w->relay);
	fails(result, t->lost + t->bounced > 0, "a message was acknowledged and not delivered");
	fails(result, t->duplicated > 0, "a message was delivered twice");
	fails(result, t->corrupted > 0, "a message was delivered corrupted");
	fails(result, t->contradicted > 0, "a message was delivered although refused");
	fails(result, t->unknown > 0, "the sinks took a message nobody sent");
	fails(result, t->unfinished > 0, "a message has no outcome");
	fails(result, t->begun != w->plan.messages, "not every message was tried");
	fails(result, w->reports + counters[RELAY_REPORTS_DROPPED] != counters[RELAY_TRANSACTIONS],
	      "transactions without a report");
	fails(result, counters[RELAY_DELIVERED] < t->acknowledged, "more acknowledged than weir delivered");
}

/* Without any fault of peers or wire, each message has exactly the outcome that policy gives it. */
static bool is_calm(const struct world_plan *p)
{
	return p->faults.lost + p->faults.corrupted + p->sender_abort + p->sink_abort + p->tls_fail + p->refuse +
	       p->slow == 0 && p->pool_blocks >= 4096;
}

static bool should_arrive(const struct world *w, uint64_t number)
{
	struct mail_plan plan;
	mail_plan(&w->mix, number, &plan);
	return !plan.eicar && plan.domain != DOMAIN_STRICT && (plan.domain != DOMAIN_BANK || w->plan.bank_trusted);
}

static void judge_calm(struct world *w, struct world_result *result)
{
	const struct ledger *ledger = gen_ledger(w->gen);
	static char why[100];
	if (!is_calm(&w->plan))
		return;
	for (uint64_t number = 0; number < w->plan.messages; number++) {
		bool arrived = ledger->rows[number].acknowledged == 1 && ledger->rows[number].delivered == 1;
		snprintf(why, sizeof(why), "calm, but message %llu %s", (unsigned long long)number,
		         arrived ? "arrived against policy" : "did not arrive");
		fails(result, arrived != should_arrive(w, number), why);
	}
}

static void describe(struct world *w, uint64_t seed, const struct world_result *result)
{
	const struct ledger_totals *t = &result->totals;
	const uint64_t *counters = relay_counters(w->relay);
	printf("seed %llu: %llu steps, %llu frames, %.1f s; begun %llu acked %llu delivered %llu refused %llu "
	       "unanswered %llu lost %llu dup %llu corrupt %llu\n",
	       (unsigned long long)seed, (unsigned long long)result->steps, (unsigned long long)result->frames,
	       (double)result->end.us / 1e6, (unsigned long long)t->begun, (unsigned long long)t->acknowledged,
	       (unsigned long long)t->delivered, (unsigned long long)t->refused,
	       (unsigned long long)t->unanswered, (unsigned long long)t->lost,
	       (unsigned long long)t->duplicated, (unsigned long long)t->corrupted);
	for (unsigned i = 0; i < RELAY_COUNTER_COUNT; i++)
		if (counters[i] > 0)
			printf("  %s %llu\n", relay_counter_name(i), (unsigned long long)counters[i]);
	const struct gen_results *results = gen_results(w->gen);
	for (uint32_t i = 0; i < results->reason_count; i++)
		printf("  refused %llu at %s: %u %s\n", (unsigned long long)results->reasons[i].count,
		       gen_stage_name(results->reasons[i].stage), results->reasons[i].code,
		       results->reasons[i].text);
}

void world_run(uint64_t seed, bool verbose, struct world_result *result)
{
	memset(result, 0, sizeof(*result));
	result->ok = true;
	struct world *w = world_make(seed);
	bool alive = true;
	while (alive && !gen_done(w->gen))
		alive = world_step(w);
	fails(result, !alive, w->steps > STEPS_MAX ? "turns in place" : "stands still before all messages are done");
	relay_drain(w->relay, w->now);
	gen_shut(w->gen, w->now);
	alive = true;
	while (alive && !hosts_are_empty(w))
		alive = world_step(w);
	const struct gen_results *results = gen_results(w->gen);
	result->totals = results->totals;
	result->end = w->now;
	result->steps = w->steps;
	result->frames = w->wire.delivered;
	result->trace = w->wire.trace;
	judge_messages(w, results, result);
	judge_calm(w, result);
	judge_policy(w, results, result);
	judge_emptiness(w, result);
	if (verbose)
		describe(w, seed, result);
}
