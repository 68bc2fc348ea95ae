/*
 * stage.c - the three hosts, the clock, and the judgement at the end. See stage.h.
 *
 * A step is that of tests/sim: the frames that arrived are given to their hosts, weir has its turn, the peers have theirs,
 * then every stack may send.
 */
#include "stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto-offload/tls_fake.h"

#define ARENA_BYTES ((size_t)96 << 20)
#define PEER_BLOCKS 4096u
#define WALL_START_US 1795000000000000 /* 2026-11-18 11:06:40 UTC */
#define FAREWELL_US (2 * SECOND_US)    /* for a pooled leg's QUIT */
#define END_US (900 * SECOND_US)       /* longer than any deadline of weir's */

/* ---- building ---- */

static void *must(void *pointer)
{
	if (pointer == NULL) {
		fprintf(stderr, "talk: out of memory\n");
		exit(2);
	}
	return pointer;
}

static struct tcp_config stack_config(const struct stage *g, enum talk_host host)
{
	static const uint8_t last[HOST_COUNT] = {
		[HOST_NEAR] = 10, [HOST_WEIR] = 2, [HOST_NEXT] = 1
	};
	struct tcp_config c = {
		.mac = { 2, 0, 0, 0, 0, (uint8_t)(host + 1) },
		.mtu = 1500,
		.address_count = 1,
		.connections_max = 64,
		.half_open_max = 16,
		.rx_bytes_max = host == HOST_NEXT ? (uint32_t)g->set.next_window : 65536,
		.tx_bytes_max = 131072,
		.reorder_bytes_max = 65536,
		.time_wait_us = SECOND_US,
		.port_first = 32768,
		.port_last = 60999,
		.port_stride = 1,
		.secret = { .k0 = 3 + host, .k1 = 7 },
		.seed = 1 + host,
	};
	c.addresses[0] = (struct ip_interface){
		.addr = { .family = IP_V4, .bytes = { 198, 18, 0, last[host] } }, .bits = 24
	};
	return c;
}

static void stack_make(struct stage *g, enum talk_host host)
{
	struct tcp_config config = stack_config(g, host);
	struct block_pool *pool = host == HOST_WEIR ? &g->weir_pool : &g->peer_pool;
	wire_join(&g->wire, config.mac);
	g->stacks[host] = must(tcp_make(&g->arena, &config, pool, NULL, g->now));
}

static void tls_make(struct stage *g, enum talk_host host)
{
	bool next = host == HOST_NEXT;
	struct tls_fake_config c = {
		.seed = 11 + host,
		.sessions_max = 64,
		.park_per_mille = host == HOST_WEIR ? (uint32_t)g->set.park : 0,
		.park_us_max = 20000,
		.handshake_timeout_us = 30 * SECOND_US,
		.certificate_name = next ? g->set.next_name : "weir.test",
		.certificate_trusted = !next || g->set.next_trusted,
		.version_max = next ? (enum tls_version)g->set.next_version : TLS_VERSION_1_3,
		.fail_per_mille = next && g->set.next_tls_fails ? 1000 : 0,
	};
	struct block_pool *pool = host == HOST_WEIR ? &g->weir_pool : &g->peer_pool;
	g->tls[host] = must(
		tls_fake_make(&c, pool, must(arena_take(&g->arena, "talk", tls_fake_bytes(&c)))));
}

static void weir_make(struct stage *g)
{
	const struct settings *s = &g->settings;
	size_t content_bytes = content_plain_bytes(s, 16);
	g->policy = must(policy_make(&g->arena, s));
	g->content =
		must(content_plain_make(s, 16, must(arena_take(&g->arena, "talk", content_bytes))));
	struct relay_config c = {
		.settings = s,
		.policy = g->policy,
		.tls = g->tls[HOST_WEIR],
		.content = g->content,
		.pool = &g->weir_pool,
		.stack_count = 1,
		.stacks = { g->stacks[HOST_WEIR] },
		.sessions_max = 16,
		.nexts_max = 16,
		.seed = 13,
		.recorder = &g->recorder,
	};
	g->relay = must(relay_make(&g->arena, &c, g->now));
}

static void pool_make(struct stage *g, struct block_pool *pool, uint32_t blocks)
{
	block_pool_init(pool, must(arena_take(&g->arena, "talk", (size_t)blocks * BLOCK_BYTES)),
	                blocks);
}

static void next_listen(struct stage *g)
{
	for (uint16_t port = TALK_NEXT_PORT; port < TALK_NEXT_PORT + 2; port++) {
		struct endpoint local = { .addr = { .family = IP_V4, .bytes = { 198, 18, 0, 1 } },
			                  .port = port };
		if (port != g->set.next_closed && !tcp_listen(g->stacks[HOST_NEXT], local, port))
			must(NULL);
	}
}

struct stage *stage_make(const struct talk_settings *set)
{
	static struct stage *g;
	static void *memory;
	if (g == NULL) {
		g = must(calloc(1, sizeof(*g)));
		memory = must(aligned_alloc(64, ARENA_BYTES));
	}
	memset(&g->recorder, 0, sizeof(g->recorder));
	g->hog = (struct byteq){ .bytes = 0 };
	g->set = *set;
	g->now = g->begin = (struct instant){ .us = 10 * SECOND_US };
	g->steps = g->orders = g->reports = 0;
	arena_init(&g->arena, memory, ARENA_BYTES);
	wire_init(&g->wire, 1);
	g->wire.faults = (struct wire_faults){ .delay_us = TALK_DELAY_US };
	pool_make(g, &g->peer_pool, PEER_BLOCKS);
	pool_make(g, &g->weir_pool, (uint32_t)set->blocks);
	talk_settings_fill(set, &g->settings);
	for (enum talk_host host = HOST_NEAR; host < HOST_COUNT; host++) {
		stack_make(g, host);
		tls_make(g, host);
	}
	weir_make(g);
	next_listen(g);
	peers_init(g);
	return g;
}

/* ---- turning ---- */

static struct instant stage_deadline(struct stage *g)
{
	struct instant at = wire_deadline(&g->wire);
	for (uint32_t host = 0; host < HOST_COUNT; host++)
		at = instant_earlier(at, tcp_deadline(g->stacks[host]));
	at = instant_earlier(at, tls_fake_deadline(g->tls[HOST_WEIR]));
	return instant_earlier(at, relay_deadline(g->relay));
}

static void frames_deliver(struct stage *g)
{
	uint32_t host;
	struct span frame;
	while (wire_next(&g->wire, g->now, &host, &frame))
		tcp_input(g->stacks[host], frame, 0, g->now);
}

static void frames_send(struct stage *g)
{
	struct room room = { .data = g->frame, .bytes = sizeof(g->frame) };
	for (uint32_t host = 0; host < HOST_COUNT; host++) {
		struct tcp_frame_meta meta;
		size_t bytes;
		tcp_expire(g->stacks[host], g->now);
		while ((bytes = tcp_output(g->stacks[host], room, &meta, g->now)) > 0)
			wire_send(&g->wire, host, span_of(g->frame, bytes), g->now);
	}
}

static void stage_turn(struct stage *g)
{
	if (++g->steps > TALK_STEPS_MAX) {
		fprintf(stderr, "talk: weir turns in place\n");
		exit(2);
	}
	frames_deliver(g);
	(void)relay_turn(g->relay, g->now, (int64_t)(WALL_START_US + g->now.us - g->begin.us));
	(void)relay_chore(g->relay, g->now);
	peers_turn(g);
	frames_send(g);
}

bool stage_step(struct stage *g, struct instant limit)
{
	struct instant at = stage_deadline(g);
	struct instant soonest = instant_add(g->now, 1);
	at = instant_before(at, soonest) ? soonest : at;
	if (instant_before(limit, at)) {
		g->now = instant_before(g->now, limit) ? limit : g->now;
		return false;
	}
	g->now = at;
	stage_turn(g);
	return true;
}

void stage_run_to(struct stage *g, struct instant at)
{
	stage_turn(g); /* what the script did since the last step begins to move */
	while (stage_step(g, at))
		continue;
}

/* ---- the end ---- */

static const char *peers_farewell(struct stage *g)
{
	stage_run_to(g, instant_add(g->now, FAREWELL_US));
	for (struct peer *p = g->peers; p < g->peers + TALK_PEERS_MAX; p++) {
		if (!p->live)
			continue;
		p->inbox.head = p->inbox.end;
		peer_listen(g, p, TALK_TEXT_BYTES);
		struct span said =
			span_of(p->inbox.data + p->inbox.head, p->inbox.end - p->inbox.head);
		if (!p->near && !p->stalled && said.bytes > 0 &&
		    !span_equal(said, SPAN("QUIT\r\n")))
			return "at the end an idle next leg said something else than QUIT";
		peer_drop(g, p);
	}
	return NULL;
}

static bool hosts_are_empty(struct stage *g)
{
	for (uint32_t host = 0; host < HOST_COUNT; host++)
		if (tcp_connections(g->stacks[host]) > 0)
			return false;
	return relay_sessions(g->relay) == 0 && relay_nexts(g->relay) == 0;
}

static const char *judge_emptiness(struct stage *g)
{
	static char why[160];
	const uint64_t *counters = relay_counters(g->relay);
	why[0] = '\0';
	for (uint32_t host = 0; host < HOST_COUNT; host++)
		if (tcp_connections(g->stacks[host]) > 0 ||
		    tls_engine_head(g->tls[host])->sessions > 0)
			snprintf(why, sizeof(why),
			         "host %u is left with %u connections and %u TLS sessions", host,
			         tcp_connections(g->stacks[host]),
			         tls_engine_head(g->tls[host])->sessions);
	if (relay_sessions(g->relay) > 0 || relay_nexts(g->relay) > 0)
		snprintf(why, sizeof(why), "%u near sessions and %u next legs are left",
		         relay_sessions(g->relay), relay_nexts(g->relay));
	else if (g->weir_pool.free_count != g->weir_pool.total)
		snprintf(why, sizeof(why), "weir holds %u blocks",
		         g->weir_pool.total - g->weir_pool.free_count);
	else if (g->peer_pool.free_count != g->peer_pool.total)
		snprintf(why, sizeof(why), "the peers hold blocks");
	else if (content_head(g->content)->streams > 0)
		snprintf(why, sizeof(why), "content streams are left");
	else if (g->reports != counters[RELAY_TRANSACTIONS])
		snprintf(why, sizeof(why), "not every transaction has its report");
	return why[0] == '\0' ? NULL : why;
}

const char *stage_end(struct stage *g)
{
	struct relay_report report;
	byteq_clear(&g->hog, &g->weir_pool);
	for (struct peer *p = g->peers; p < g->peers + TALK_PEERS_MAX; p++)
		if (p->live && p->near)
			peer_drop(g, p);
	stage_run_to(g, instant_add(g->now, SECOND_US));
	relay_drain(g->relay, g->now);
	const char *why = peers_farewell(g);
	if (why != NULL)
		return why;
	struct instant limit = instant_add(g->now, END_US);
	while (!hosts_are_empty(g) && stage_step(g, limit))
		continue;
	stage_run_to(g, instant_add(g->now,
	                            SECOND_US)); /* parked TLS sessions complete, reports settle */
	while (relay_report_pop(g->relay, &report))
		g->reports++;
	return judge_emptiness(g);
}
