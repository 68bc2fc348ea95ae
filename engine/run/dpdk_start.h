/*
 * dpdk_start.h - from a list of devices to running lcores, for weir and for the traffic generator alike.
 *
 * Order of calls, all on the main thread:
 *
 *	struct dpdk_want want = { .program = "weir", .plan = { .lcores = "1", .ports = {...}, ... } };
 *	dpdk_start(&want, &dpdk, error, sizeof(error))     EAL, inventory, plan, ports opened and started
 *	for each worker i < dpdk.plan.worker_count:
 *		dpdk_worker(&dpdk, i, &w)                  index, lcore, idle, queues
 *		for each port p: dpdk_tcp_config(&dpdk, p, i, &w.tcp_configs[p]); then add addresses, routes
 *		arena_init(&count, NULL, 0); worker_make(&count, &w, blocks, clock_now())    dry run: counts bytes
 *		(the application's own pieces too, out of the same arena)
 *		arena_init(&arena, dpdk_memory("worker", count.used, ...), count.used)
 *		worker_make(&arena, &w, blocks, clock_now())          recorder, block pool, TCP stacks
 *		w.app = ...; dpdk_launch(&w)
 *	... the main thread does what it likes; sets nothing but w.stop ...
 *	dpdk_join(&w) for each worker; dpdk_stop(&dpdk)
 *
 * EAL can be started once per process. Nothing here is torn down half-way: on failure the process is to end.
 */
#ifndef WEIR_RUN_DPDK_START_H
#define WEIR_RUN_DPDK_START_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "pmd-config/plan.h"
#include "run/port_io.h"
#include "run/worker.h"
#include "tcp/tcp.h"

struct dpdk_want {
	const char *program;   /* argv[0] for EAL, and the prefix of its files */
	struct plan_want plan; /* lcores, idle, ports (name, device string, mtu), sizes */
	bool secondary;        /* DPDK's tools may attach, by the prefix `program`; else by nobody */
	const char *eal_extra; /* more EAL arguments, words separated by blanks; NULL or "": none */
};

struct dpdk {
	bool refused; /* by the plan or the EAL arguments: the settings are at fault, and `error` begins with one */
	bool secondary; /* frames can be captured */
	struct plan plan;
	bool idle_busy;
	uint32_t port_count;
	uint16_t mtus[PLAN_PORTS_MAX];
	struct plan_inventory_port inventory[PLAN_PORTS_MAX];
	struct port *ports[PLAN_PORTS_MAX];
	struct port *taps[PLAN_PORTS_MAX]; /* of their exception paths; NULL: none */
	uint32_t exception_rates[PLAN_PORTS_MAX];
};

/* False with the reason in `error`. The strings of `want` must outlive *dpdk. */
MUST_USE bool dpdk_start(const struct dpdk_want *want, struct dpdk *dpdk, char *error,
                         size_t error_bytes);
/* Zeroed hugepage memory, 64-byte aligned, near the worker's lcore (anywhere when w is NULL); NULL: none
 * left. Never given back. */
MUST_USE void *dpdk_memory(const char *name, size_t bytes, const struct worker *w);
/* Index, lcore, idle mode and queues of worker `index`; everything else in *w is zeroed. */
void dpdk_worker(const struct dpdk *dpdk, uint32_t index, struct worker *w);
/* MAC, MTU, offloads, local port share, connection and window bounds of the plan, fresh random secrets;
 * 60 s TIME-WAIT. The caller adds addresses and routes, and may change the rest. */
void dpdk_tcp_config(const struct dpdk *dpdk, const struct plan_want *want, uint32_t port,
                     uint32_t worker, struct tcp_config *config);
/* Runs worker_run(w) on its lcore. False: that lcore is not there, or busy. */
MUST_USE bool dpdk_launch(struct worker *w);
/* Sets w->stop and waits for the loop to return. */
void dpdk_join(struct worker *w);
void dpdk_stop(struct dpdk *dpdk);
/* Random bytes from the operating system; stops the process when there are none to be had. */
void dpdk_random(void *to, size_t bytes);

#endif
