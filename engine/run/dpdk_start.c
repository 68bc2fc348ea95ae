/*
 * dpdk_start.c - EAL, inventory, plan, ports, lcores. See dpdk_start.h.
 *
 * The EAL arguments come from pmd-config/eal_args (so that operators need none); what the ports get comes from
 * pmd-config/plan. This file only carries those decisions out.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* CPU sets */
#endif
#include "run/dpdk_start.h"

#include <errno.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_pdump.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "pmd-config/eal_args.h"
#include "run/clock.h"
#include "run/rss_choice.h"

#define WHY_BYTES 256u
#define TAP_NAME_BYTES 64u
#define PORT_LOCAL_FIRST 20000u
#define PORT_LOCAL_LAST 65535u
#define POOL_WINDOWS 64u /* that many connections may fill their windows at once before bytes are dropped */
#define WINDOW_INITIAL 65536u /* a dialogue needs no more; a transfer grows it (tcp/tuning.c) */
#define TIME_WAIT_US (60 * SECOND_US)

static bool eal_start(const struct dpdk_want *want, struct dpdk *dpdk, char *error,
                      size_t error_bytes);
static bool capture_offer(struct dpdk *dpdk, char *error, size_t error_bytes);
static bool ports_plan(const struct dpdk_want *want, struct dpdk *dpdk, char *error,
                       size_t error_bytes);
static bool ports_open(const struct dpdk_want *want, struct dpdk *dpdk, char *error,
                       size_t error_bytes);

bool dpdk_start(const struct dpdk_want *want, struct dpdk *dpdk, char *error, size_t error_bytes)
{
	*dpdk = (struct dpdk){ .idle_busy = want->plan.idle_busy, .port_count = want->plan.port_count };
	CHECK(want->plan.port_count <= PLAN_PORTS_MAX);
	if (!eal_start(want, dpdk, error, error_bytes))
		return false;
	clock_start();
	return ports_plan(want, dpdk, error, error_bytes) && ports_open(want, dpdk, error, error_bytes);
}

/* The CPUs this process may run on, ascending. */
static uint32_t cpus_find(uint16_t *cpus, uint32_t most)
{
	cpu_set_t set;
	uint32_t count = 0;
	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 0;
	for (uint32_t cpu = 0; cpu < CPU_SETSIZE && count < most; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[count++] = (uint16_t)cpu;
	return count;
}

/* The file prefix carries our process id: several may run on one machine. Who attaches must know it: then it is the
 * program's name, and the next start finds what a crash has left. */
static bool eal_start(const struct dpdk_want *want, struct dpdk *dpdk, char *error, size_t error_bytes)
{
	static struct eal_args args; /* EAL keeps pointers into its argv */
	static char prefix[64];
	static uint16_t cpus[EAL_CPUS_MAX];
	char why[WHY_BYTES];
	struct text reason = text_of(why, sizeof(why));
	struct eal_want eal = { .program = want->program,
		                .file_prefix = prefix,
		                .lcores = want->plan.lcores,
		                .cpu_count = cpus_find(cpus, EAL_CPUS_MAX),
		                .cpus = cpus,
		                .port_count = want->plan.port_count,
		                .secondary = want->secondary,
		                .words = want->eal_extra == NULL ? "" : want->eal_extra };
	if (want->secondary)
		snprintf(prefix, sizeof(prefix), "%.32s", want->program);
	else
		snprintf(prefix, sizeof(prefix), "%.32s-%d", want->program, (int)getpid());
	memcpy(eal.ports, want->plan.ports, sizeof(eal.ports));
	if (!eal_args_make(&eal, &args, &reason)) {
		dpdk->refused = true;
		snprintf(error, error_bytes, "%s", why);
		return false;
	}
	if (rte_eal_init((int)args.count, args.argv) < 0) {
		snprintf(error, error_bytes, "DPDK does not start: %s (its own words are above)",
		         rte_strerror(rte_errno));
		return false;
	}
	return !want->secondary || capture_offer(dpdk, error, error_bytes);
}

/* Costs nothing until somebody captures: then copies of the frames, made by the worker, go into a ring of theirs. */
static bool capture_offer(struct dpdk *dpdk, char *error, size_t error_bytes)
{
	dpdk->secondary = rte_pdump_init() == 0;
	if (!dpdk->secondary)
		snprintf(error, error_bytes, "capturing frames cannot be offered: %s", rte_strerror(rte_errno));
	return dpdk->secondary;
}

static bool ports_plan(const struct dpdk_want *want, struct dpdk *dpdk, char *error,
                       size_t error_bytes)
{
	char why[WHY_BYTES];
	struct text reason = text_of(why, sizeof(why));
	for (uint32_t i = 0; i < dpdk->port_count; i++)
		if (!port_inventory(want->plan.ports[i].device, &dpdk->inventory[i], error, error_bytes))
			return false;
	if (plan_make(&want->plan, dpdk->inventory, &dpdk->plan, &reason))
		return true;
	dpdk->refused = true;
	snprintf(error, error_bytes, "%s", why);
	return false;
}

/* The kernel's interface behind port `index`, if one is wanted. */
static bool tap_open(const struct dpdk_want *want, struct dpdk *dpdk, uint32_t index, char *error,
                     size_t error_bytes)
{
	const struct plan_port_want *port = &want->plan.ports[index];
	char device[TAP_NAME_BYTES];
	struct text t = text_of(device, sizeof(device));
	if (port->exception == NULL)
		return true;
	eal_exception_device(index, &t);
	dpdk->exception_rates[index] = port->exception_rate;
	dpdk->taps[index] = port_open_tap(port->exception, device, dpdk->ports[index],
	                                  &dpdk->plan.ports[index], error, error_bytes);
	return dpdk->taps[index] != NULL;
}

static bool ports_open(const struct dpdk_want *want, struct dpdk *dpdk, char *error,
                       size_t error_bytes)
{
	for (uint32_t i = 0; i < dpdk->port_count; i++) {
		const struct plan_port_want *port = &want->plan.ports[i];
		dpdk->mtus[i] = port->mtu;
		dpdk->ports[i] = port_open(port->name, port->device, port->mtu, &dpdk->plan.ports[i],
		                           error, error_bytes);
		if (dpdk->ports[i] == NULL || !tap_open(want, dpdk, i, error, error_bytes))
			return false;
	}
	return true;
}

void *dpdk_memory(const char *name, size_t bytes, const struct worker *w)
{
	int socket = w == NULL ? SOCKET_ID_ANY : (int)rte_lcore_to_socket_id(w->lcore);
	return rte_zmalloc_socket(name, bytes, ARENA_ALIGN, socket);
}

void dpdk_worker(const struct dpdk *dpdk, uint32_t index, struct worker *w)
{
	CHECK(index < dpdk->plan.worker_count);
	CHECK(dpdk->port_count <= WORKER_PORTS_MAX);
	*w = (struct worker){ .index = index,
		              .lcore = dpdk->plan.lcores[index],
		              .idle_busy = dpdk->idle_busy,
		              .port_count = dpdk->port_count,
		              .worker_count = dpdk->plan.worker_count,
		              .wall_offset_us = clock_wall_offset_us() };
	for (uint32_t i = 0; i < dpdk->port_count; i++)
		w->queues[i] = port_queue_of(dpdk->ports[i], (uint16_t)index);
	for (uint32_t i = 0; i < dpdk->port_count; i++)
		if (dpdk->taps[i] != NULL)
			exception_init(&w->exceptions[i], &w->tcp_configs[i],
			               index == 0 ? port_queue_of(dpdk->taps[i], 0) : NULL,
			               dpdk->exception_rates[i]);
}

static bool every_queue_is_hit(const struct rss_setup *setup, uint32_t queues)
{
	for (uint32_t queue = 0; queue < queues; queue++) {
		uint32_t entry = 0;
		while (entry < setup->reta_size && setup->reta[entry] != queue)
			entry++;
		if (entry == setup->reta_size)
			return false;
	}
	return true;
}

/* How segments find the worker of their connection. Where the device hashes in a way that it tells, local ports are
 * chosen by it; else by number, and workers hand over what comes to the wrong one. */
static void steering_configure(const struct dpdk *dpdk, uint32_t port, uint32_t worker, struct tcp_config *config)
{
	const struct plan_port *plan = &dpdk->plan.ports[port];
	struct rss_setup setup = { .key = port_rss_key(dpdk->ports[port]),
		                   .queue = (uint16_t)worker,
		                   .port_first = config->port_first,
		                   .port_last = config->port_last };
	config->scattered = plan->steering == PLAN_STEER_HAND;
	setup.reta_size = port_reta(dpdk->ports[port], &setup.reta);
	if (plan->steering != PLAN_STEER_RSS || !every_queue_is_hit(&setup, plan->queues))
		return; /* all workers choose by hash, or none */
	struct rss_ports *ports = dpdk_memory("local ports", sizeof(*ports), NULL);
	if (ports != NULL && rss_ports_init(ports, &setup))
		config->choice = rss_choice(ports);
}

/* Half-open connections are a tenth: a flood of SYNs may not take the places of established ones. */
void dpdk_tcp_config(const struct dpdk *dpdk, const struct plan_want *want, uint32_t port,
                     uint32_t worker, struct tcp_config *config)
{
	CHECK(port < dpdk->port_count);
	uint32_t offloads = port_offloads(dpdk->ports[port]);
	uint32_t connections = dpdk->plan.connections_per_worker;
	*config = (struct tcp_config){
		.mtu = dpdk->mtus[port],
		.connections_max = connections,
		.half_open_max = connections / 10 + 16,
		.rx_bytes_max = want->window_bytes_max,
		.rx_bytes_initial = WINDOW_INITIAL,
		.pool_windows = POOL_WINDOWS,
		.tx_bytes_max = want->window_bytes_max,
		.reorder_bytes_max = want->window_bytes_max,
		.time_wait_us = TIME_WAIT_US,
		.port_first = PORT_LOCAL_FIRST,
		.port_last = PORT_LOCAL_LAST,
		.port_stride = (uint16_t)dpdk->plan.worker_count,
		.port_offset = (uint16_t)worker,
		.cut_room = port_cut_room(port_queue_of(dpdk->ports[port], (uint16_t)worker)),
		.tx_checksum_offload = (offloads & PLAN_TX_CHECKSUM_TCP) != 0,
		.rx_checksum_offload = (offloads & PLAN_RX_CHECKSUM) != 0,
		.large_frames = (offloads & PLAN_RX_LRO) != 0,
	};
	steering_configure(dpdk, port, worker, config);
	port_mac(dpdk->ports[port], config->mac);
	dpdk_random(&config->secret, sizeof(config->secret));
	dpdk_random(&config->seed, sizeof(config->seed));
}

bool dpdk_launch(struct worker *w)
{
	return rte_eal_remote_launch(worker_run, w, w->lcore) == 0;
}

void dpdk_join(struct worker *w)
{
	__atomic_store_n(&w->stop, true, __ATOMIC_RELEASE);
	(void)rte_eal_wait_lcore(w->lcore);
}

void dpdk_stop(struct dpdk *dpdk)
{
	if (dpdk->secondary)
		(void)rte_pdump_uninit();
	for (uint32_t i = 0; i < dpdk->port_count; i++) {
		port_shut(dpdk->ports[i]);
		if (dpdk->taps[i] != NULL)
			port_shut(dpdk->taps[i]);
	}
	(void)rte_eal_cleanup();
}

void dpdk_random(void *to, size_t bytes)
{
	uint8_t *at = to;
	while (bytes > 0) {
		ssize_t got = getrandom(at, bytes, 0);
		if (got < 0 && errno != EINTR)
			abort();
		if (got > 0) {
			at += got;
			bytes -= (size_t)got;
		}
	}
}
