/*
 * launch.c - build all, print what it takes, start the workers. See launch.h.
 *
 * Order: EAL and ports (dpdk_start), the policy, then for each worker a counting run over an arena that only counts, the
 * hugepage memory of that size, the same run for real, and what third parties keep on the heap (TLS engine, content
 * matcher). Only when all workers are complete is the first one launched: a start either succeeds or leaves nothing.
 *
 * Each worker has its own TLS engine, matcher scratch, pool, stacks and relay. Shared, and read only: settings, policy,
 * content database, ticket key.
 */
#include "run/launch.h"

#include <string.h>

#include "crypto-offload/tls_openssl.h"
#include "run/clock.h"
#include "run/launch_check.h"

#define ERROR_BYTES 512u
#define KIB 1024u
#define KEEPALIVE_INTERVAL_MS 75000u /* between probes that are not answered, and how many, as hosts have it */
#define KEEPALIVE_PROBES 9u

static void want_make(const struct settings *s, struct dpdk_want *want);
static bool policy_start(struct engine *e, char *error, size_t error_bytes);
static bool worker_start(struct engine *e, uint32_t index, char *error, size_t error_bytes);
static void worker_configure(struct engine *e, struct engine_worker *w, uint32_t index);
static void worker_count(const struct engine *e, struct engine_worker *w, struct arena *count);
static bool worker_build(struct engine *e, struct engine_worker *w, char *error, size_t error_bytes);
static bool worker_heap(const struct engine *e, struct engine_worker *w, char *error,
                        size_t error_bytes);
static void table_print(const struct engine *e, FILE *messages);

/* ---- start ---- */

static enum launch_outcome refusal_print(const struct engine *e, const struct config *config,
                                         const char *error, FILE *messages)
{
	char where[ERROR_BYTES], setting[LAUNCH_SETTING_BYTES];
	if (!e->dpdk.refused) {
		fprintf(messages, "weir: %s\n", error);
		return LAUNCH_FAILED;
	}
	const char *reason = launch_refusal(error, setting, sizeof(setting));
	config_where(config, setting, where, sizeof(where));
	fprintf(messages, "%s: %s: %s\n", where, setting, reason);
	return LAUNCH_REFUSED;
}

enum launch_outcome launch_start(struct engine *e, const struct config *config, FILE *messages)
{
	char error[ERROR_BYTES];
	e->settings = config_settings(config);
	want_make(e->settings, &e->want);
	dpdk_random(e->ticket_key, sizeof(e->ticket_key));
	bool ready = dpdk_start(&e->want, &e->dpdk, error, sizeof(error)) &&
	             policy_start(e, error, sizeof(error));
	for (uint32_t i = 0; ready && i < e->dpdk.plan.worker_count; i++)
		ready = worker_start(e, i, error, sizeof(error));
	if (!ready)
		return refusal_print(e, config, error, messages);
	table_print(e, messages);
	e->started_us = (int64_t)clock_now().us + clock_wall_offset_us();
	for (; e->worker_count < e->dpdk.plan.worker_count; e->worker_count++)
		if (!dpdk_launch(&e->workers[e->worker_count].worker)) {
			fprintf(messages, "weir: workers.lcores: core %u cannot be used\n",
			        e->workers[e->worker_count].worker.lcore);
			launch_stop(e);
			return LAUNCH_FAILED;
		}
	return LAUNCH_RUNNING;
}

static void want_make(const struct settings *s, struct dpdk_want *want)
{
	*want = (struct dpdk_want){
		.program = "weir",
		.secondary = s->dpdk.secondary == SETTINGS_ON,
		.eal_extra = s->dpdk.eal,
		.plan = { .lcores = s->workers.lcores,
		          .idle_busy = s->workers.idle == SETTINGS_IDLE_BUSY,
		          .port_count = s->port_count,
		          .connections_max = s->limits.connections_max,
		          .window_bytes_max = s->limits.window_bytes_max,
		          .memory_bytes = s->limits.memory_bytes },
	};
	_Static_assert(SETTINGS_PORTS_MAX <= PLAN_PORTS_MAX, "all configured ports fit");
	for (uint32_t i = 0; i < s->port_count; i++)
		want->plan.ports[i] = (struct plan_port_want){ .name = s->ports[i].name,
			                                       .device = s->ports[i].device,
			                                       .mtu = s->ports[i].mtu,
			                                       .exception = s->ports[i].exception.interface,
			                                       .exception_rate = s->ports[i].exception.rate,
			                                       .large_receive_off = s->ports[i].large_receive ==
			                                                            SETTINGS_LARGE_RECEIVE_OFF };
}

static bool policy_start(struct engine *e, char *error, size_t error_bytes)
{
	struct arena arena;
	arena_init(&arena, NULL, 0);
	struct policy *counted = policy_make(&arena, e->settings);
	(void)counted; /* a counting arena yields nothing to use */
	size_t bytes = arena.used;
	void *memory = dpdk_memory("policy", bytes, NULL);
	arena_init(&arena, memory, bytes);
	e->policy = memory == NULL ? NULL : policy_make(&arena, e->settings);
	if (e->policy == NULL) {
		snprintf(error, error_bytes, "no hugepage memory for the policy (%zu KiB)", bytes / KIB);
		return false;
	}
	struct siphash_key secret;
	dpdk_random(&secret, sizeof(secret));
	policy_secret_set(e->policy, secret);
	e->database = match_hs_compile(e->settings, error, error_bytes);
	return e->database != NULL;
}

static bool worker_start(struct engine *e, uint32_t index, char *error, size_t error_bytes)
{
	struct engine_worker *w = &e->workers[index];
	struct arena count;
	worker_configure(e, w, index);
	arena_init(&count, NULL, 0);
	worker_count(e, w, &count);
	void *memory = dpdk_memory("worker", count.used, &w->worker);
	if (memory == NULL) {
		snprintf(error, error_bytes,
		         "worker %u needs %zu MiB in one piece of hugepage memory, and it is not there: give the "
		         "system more hugepages, or lower limits.connections_max",
		         index, count.used / KIB / KIB + 1);
		return false;
	}
	arena_init(&w->arena, memory, count.used);
	return worker_build(e, w, error, error_bytes);
}

/* What the operator may choose of TCP; the rest are dpdk_tcp_config()'s. */
static void tcp_settings_apply(const struct settings *s, struct tcp_config *tcp)
{
	tcp->congestion = s->tcp.congestion == SETTINGS_NEWRENO ? TCP_NEWRENO : TCP_CUBIC;
	tcp->ecn = s->tcp.ecn == SETTINGS_ON;
	tcp->pacing = s->tcp.pacing == SETTINGS_ON;
	tcp->mtu_probing_off = s->tcp.mtu_probing == SETTINGS_OFF;
	tcp->fragments = s->tcp.fragments == SETTINGS_FRAGMENTS_REASSEMBLE;
	tcp->cookies_off = s->tcp.syn_cookies == SETTINGS_COOKIES_NEVER;
	tcp->per_source_max = s->limits.source_connections_max;
	tcp->per_source_half_open_max = s->tcp.half_open_per_source_max;
	if (s->tcp.keepalive_seconds > 0)
		tcp->keepalive = (struct tcp_keepalive){ .idle_ms = s->tcp.keepalive_seconds * 1000,
							 .interval_ms = KEEPALIVE_INTERVAL_MS,
							 .probes = KEEPALIVE_PROBES };
	tcp->user_timeout_ms = s->tcp.user_timeout_seconds * 1000;
	tcp->time_wait_us = s->tcp.time_wait_seconds * SECOND_US;
	tcp->black_boxes_told = s->log.black_box != NULL;
}

static void routes_apply(const struct settings_port *port, struct tcp_config *tcp)
{
	_Static_assert(SETTINGS_PORT_GATEWAYS_MAX + SETTINGS_PORT_ROUTES_MAX <= TCP_ROUTES_MAX, "routes fit");
	for (uint32_t i = 0; i < port->gateway_count; i++)
		tcp->routes[tcp->route_count++] = tcp_gateway(port->gateways[i]);
	for (uint32_t i = 0; i < port->route_count; i++)
		tcp->routes[tcp->route_count++] =
			(struct tcp_route){ .to = port->routes[i].to, .via = port->routes[i].via };
}

/* Every port serves the addresses of its own settings; secrets and seeds are each worker's own. */
static void worker_configure(struct engine *e, struct engine_worker *w, uint32_t index)
{
	dpdk_worker(&e->dpdk, index, &w->worker);
	for (uint32_t p = 0; p < w->worker.port_count; p++) {
		const struct settings_port *port = &e->settings->ports[p];
		struct tcp_config *tcp = &w->worker.tcp_configs[p];
		dpdk_tcp_config(&e->dpdk, &e->want.plan, p, index, tcp);
		tcp_settings_apply(e->settings, tcp);
		_Static_assert(SETTINGS_PORT_ADDRESSES_MAX <= TCP_ADDRESSES_MAX, "addresses fit");
		tcp->address_count = port->address_count;
		memcpy(tcp->addresses, port->addresses, port->address_count * sizeof(tcp->addresses[0]));
		routes_apply(port, tcp);
	}
}

/* Half of the connections are near, half next: a session has one of each. */
static struct relay_config relay_configure(const struct engine *e, const struct engine_worker *w)
{
	uint32_t connections = e->dpdk.plan.connections_per_worker;
	struct relay_config config = {
		.settings = e->settings,
		.policy = e->policy,
		.tls = w->tls,
		.content = w->content,
		.pool = w->worker.pool,
		.stack_count = w->worker.port_count,
		.sessions_max = (connections + 1) / 2,
		.nexts_max = (connections + 1) / 2,
		.worker = w->worker.index,
		.recorder = w->worker.recorder,
	};
	_Static_assert(RELAY_STACKS_MAX == WORKER_PORTS_MAX, "one stack per port");
	memcpy(config.stacks, w->worker.stacks, sizeof(config.stacks));
	dpdk_random(&config.seed, sizeof(config.seed));
	return config;
}

static bool rings_make(struct engine_worker *w, struct arena *arena)
{
	return report_ring_make(&w->reports, arena, "reports", sizeof(struct relay_report), REPORT_RING_SLOTS) &&
	       report_ring_make(&w->conn_reports, arena, "reports", sizeof(struct conn_report), CONN_REPORT_SLOTS);
}

/* The same pieces in the same order as worker_build(), out of an arena that only counts. */
static void worker_count(const struct engine *e, struct engine_worker *w, struct arena *count)
{
	const struct relay_config config = relay_configure(e, w);
	bool fits = worker_make(count, &w->worker, e->dpdk.plan.blocks_per_worker, clock_now()) &&
	            rings_make(w, count);
	CHECK(fits);
	struct relay *none = relay_make(count, &config, clock_now());
	CHECK(none == NULL);
}

static bool worker_build(struct engine *e, struct engine_worker *w, char *error, size_t error_bytes)
{
	snprintf(error, error_bytes, "worker %u: its memory does not suffice", w->worker.index);
	if (!worker_make(&w->arena, &w->worker, e->dpdk.plan.blocks_per_worker, clock_now()) ||
	    !rings_make(w, &w->arena))
		return false;
	if (!worker_heap(e, w, error, error_bytes))
		return false;
	const struct relay_config config = relay_configure(e, w);
	w->relay = relay_make(&w->arena, &config, clock_now());
	w->worker.app = engine_app(w);
	for (uint32_t p = 0; p < w->worker.port_count && w->worker.index == 0; p++)
		tcp_announce(w->worker.stacks[p], clock_now()); /* all workers have the same addresses */
	return w->relay != NULL;
}

/* What libraries keep on the heap: bounded by the numbers given here, not by the arena. */
static bool worker_heap(const struct engine *e, struct engine_worker *w, char *error, size_t error_bytes)
{
	struct tls_openssl_config tls;
	launch_tls_config(e->settings, &tls);
	tls.sessions_max = e->dpdk.plan.connections_per_worker;
	memcpy(tls.ticket_key, e->ticket_key, sizeof(tls.ticket_key));
	w->tls = tls_openssl_make(&tls, w->worker.pool, error, error_bytes);
	explicit_bzero(tls.ticket_key, sizeof(tls.ticket_key));
	if (w->tls == NULL)
		return false;
	w->content = match_hs_make(e->database, (e->dpdk.plan.connections_per_worker + 1) / 2);
	if (w->content == NULL)
		snprintf(error, error_bytes, "worker %u: no memory for the content matcher", w->worker.index);
	return w->content != NULL;
}

/* ---- what it takes ---- */

static const char *steering_name(const struct engine *e, uint32_t port)
{
	switch (e->dpdk.plan.ports[port].steering) {
	case PLAN_STEER_SINGLE:
		return "one worker";
	case PLAN_STEER_RSS:
		return e->workers[0].worker.tcp_configs[port].choice.pick != NULL
			       ? "by hash"
			       : "by hand-over (the device does not tell its hash)";
	case PLAN_STEER_QUEUE:
		return "by queue";
	case PLAN_STEER_HAND:
		return "by hand-over";
	}
	return "?";
}

static void ports_print(const struct engine *e, FILE *messages)
{
	for (uint32_t i = 0; i < e->dpdk.port_count; i++) {
		const struct plan_port *p = &e->dpdk.plan.ports[i];
		uint32_t offloads = port_offloads(e->dpdk.ports[i]);
		fprintf(messages,
		        "weir: port %s (%s): %u queue pairs, steering %s, mtu %u, checksums rx %s tx %s, segments cut %s, joined %s, "
		        "frames %u KiB\n",
		        e->settings->ports[i].name, e->dpdk.inventory[i].driver, p->queues,
		        steering_name(e, i), e->dpdk.mtus[i],
		        (offloads & PLAN_RX_CHECKSUM) ? "by device" : "by us",
		        (offloads & PLAN_TX_CHECKSUM_TCP) ? "by device" : "by us",
		        (offloads & PLAN_TX_TSO) ? "by device" : "by us",
		        (offloads & PLAN_RX_LRO) ? "by device" : "by us",
		        (unsigned)((uint64_t)p->queues * p->mbufs * p->mbuf_data_bytes / KIB));
		if (e->dpdk.taps[i] != NULL)
			fprintf(messages,
			        "weir: port %s: what is the kernel's goes to %s, %u frames a second each way, frames "
			        "%u KiB\n",
			        e->settings->ports[i].name, e->settings->ports[i].exception.interface,
			        e->dpdk.exception_rates[i], p->mbufs * p->mbuf_data_bytes / KIB);
	}
}

/* All workers have the same pieces, so one table speaks for each. */
static void table_print(const struct engine *e, FILE *messages)
{
	const struct arena *a = &e->workers[0].arena;
	ports_print(e, messages);
	fprintf(messages, "weir: memory reserved by each of %u workers:\n", e->dpdk.plan.worker_count);
	for (uint32_t i = 0; i < a->lines; i++)
		fprintf(messages, "weir: %12zu KiB  %s\n", a->ledger[i].bytes / KIB, a->ledger[i].name);
	fprintf(messages, "weir: %12zu KiB  together; %u connections\n", a->used / KIB,
	        e->dpdk.plan.connections_per_worker);
}

/* ---- stop ---- */

void launch_stop(struct engine *e)
{
	for (uint32_t i = 0; i < e->worker_count; i++)
		dpdk_join(&e->workers[i].worker);
	for (uint32_t i = 0; i < e->dpdk.plan.worker_count; i++) {
		struct engine_worker *w = &e->workers[i];
		if (w->content != NULL)
			content_ops_of(w->content)->free(w->content);
		if (w->tls != NULL)
			tls_ops_of(w->tls)->engine_free(w->tls);
	}
	match_hs_database_free(e->database);
	explicit_bzero(e->ticket_key, sizeof(e->ticket_key));
	dpdk_stop(&e->dpdk);
}
