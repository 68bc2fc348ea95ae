/*
 * crew_dpdk.c - generators as applications of weir's own worker loop, one per core, over one DPDK
 * device.
 *
 * TIME-WAIT is kept for a second only: the generator opens more connections than it has ports for
 * minutes, and its peers are ours, with timestamps (RFC 6191 makes early reuse safe).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/gen/crew.h"
#include "run/clock.h"
#include "run/dpdk_start.h"
#include "run/worker.h"

#define WINDOW_BYTES (128u * 1024u)
#define CONNECTIONS_EXTRA 1024u   /* TIME-WAIT and what is being closed */
#define BLOCKS_PER_CONNECTION 16u /* beside what the plan gives: many large messages at once */
#define BLOCKS_MAX 32768u
#define TIME_WAIT_US SECOND_US
#define LINK_WAIT_STEPS 3000u /* of 10 ms: the other side of a memif may not be up yet */

struct dpdk_job {
	struct job job; /* first: crew.jobs points here */
	struct worker worker;
	struct arena arena;
};

static struct dpdk dpdk; /* EAL exists once in a process, and so does this */
static struct dpdk_want want;

static bool start_worker(struct crew *crew, const struct gen_options *o, uint32_t index,
                         char *error, size_t error_bytes);
static bool build_worker(struct dpdk_job *j, const struct gen_options *o, char *error,
                         size_t error_bytes);
static bool wait_for_link(char *error, size_t error_bytes);
static void set_addresses(struct tcp_config *tcp, const struct gen_options *o);

static bool turn(void *app, struct instant now, int64_t wall_us)
{
	(void)wall_us;
	return job_turn(app, now);
}

static struct instant deadline(void *app)
{
	return job_deadline(app);
}

/* Called on the worker's own thread. The cycles of turns that did work; but where somebody else had our
 * core meanwhile, cycles passed that we did not use: the thread's CPU time says how many we did. */
static uint64_t busy_us(void *owner)
{
	const struct worker *w = owner;
	struct timespec t;
	uint64_t busy = clock_us_of(w->counters.busy_cycles);
	uint64_t awake = clock_us_of(w->counters.total_cycles);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	uint64_t used = (uint64_t)t.tv_sec * SECOND_US + (uint64_t)t.tv_nsec / 1000;
	return used < awake ? (uint64_t)((double)busy * (double)used / (double)awake) : busy;
}

bool crew_dpdk_start(struct crew *crew, const struct gen_options *o, char *error,
                     size_t error_bytes)
{
	want = (struct dpdk_want){
		.program = "weir-gen",
		.eal_extra = o->eal,
		.plan = { .lcores = o->lcores,
		          .idle_busy = o->busy,
		          .port_count = 1,
		          .ports = { { .name = "device", .device = o->device, .mtu = o->mtu } },
		          .connections_max = o->config.sender.connections +
		                             o->config.sink.connections +
		                             o->config.crowd.connections + CONNECTIONS_EXTRA,
		          .window_bytes_max = WINDOW_BYTES },
	};
	if (!dpdk_start(&want, &dpdk, error, error_bytes) || !wait_for_link(error, error_bytes))
		return false;
	if (dpdk.plan.worker_count > CREW_JOBS_MAX) {
		snprintf(error, error_bytes, "--lcores: more than %u", CREW_JOBS_MAX);
		return false;
	}
	for (uint32_t i = 0; i < dpdk.plan.worker_count; i++)
		if (!start_worker(crew, o, i, error, error_bytes))
			return false;
	for (uint32_t i = 0; i < crew->count; i++) {
		struct dpdk_job *j = (struct dpdk_job *)(void *)crew->jobs[i];
		if (!dpdk_launch(&j->worker)) {
			snprintf(error, error_bytes, "--lcores: core %u cannot be used",
			         j->worker.lcore);
			return false;
		}
	}
	return true;
}

static bool wait_for_link(char *error, size_t error_bytes)
{
	const struct timespec step = { .tv_nsec = 10000000 };
	for (uint32_t i = 0; i < LINK_WAIT_STEPS; i++) {
		if (port_link_up(dpdk.ports[0]))
			return true;
		nanosleep(&step, NULL);
	}
	snprintf(error, error_bytes,
	         "no link: is the other side of the device running, with as many queues as "
	         "--lcores has cores?");
	return false;
}

static bool start_worker(struct crew *crew, const struct gen_options *o, uint32_t index,
                         char *error, size_t error_bytes)
{
	struct dpdk_job *j = calloc(1, sizeof(*j));
	if (j == NULL) {
		snprintf(error, error_bytes, "no memory");
		return false;
	}
	dpdk_worker(&dpdk, index, &j->worker);
	dpdk_tcp_config(&dpdk, &want.plan, 0, index, &j->worker.tcp_configs[0]);
	set_addresses(&j->worker.tcp_configs[0], o);
	crew->jobs[crew->count++] = &j->job;
	if (!build_worker(j, o, error, error_bytes))
		return false;
	j->job.owner = &j->worker;
	j->job.busy_us = busy_us;
	j->worker.app = (struct worker_app){ .app = &j->job, .turn = turn, .deadline = deadline };
	return job_make(&j->job, o, index, dpdk.plan.worker_count, crew->ledger,
	                gen_net_tcp(j->worker.stacks[0]), j->worker.pool, clock_now(), error,
	                error_bytes);
}

static bool build_worker(struct dpdk_job *j, const struct gen_options *o, char *error,
                         size_t error_bytes)
{
	uint32_t connections = (o->config.sender.connections + o->config.sink.connections +
	                        o->config.crowd.connections) /
	                       dpdk.plan.worker_count;
	uint32_t blocks = dpdk.plan.blocks_per_worker;
	if (connections < BLOCKS_MAX / BLOCKS_PER_CONNECTION)
		blocks += connections * BLOCKS_PER_CONNECTION;
	arena_init(&j->arena, NULL, 0);
	bool counted = worker_make(&j->arena, &j->worker, blocks, clock_now());
	size_t bytes = j->arena.used;
	void *memory = counted ? dpdk_memory("generator", bytes, &j->worker) : NULL;
	arena_init(&j->arena, memory, bytes);
	if (memory != NULL && worker_make(&j->arena, &j->worker, blocks, clock_now()))
		return true;
	snprintf(error, error_bytes, "no %zu MiB of hugepage memory in one piece",
	         bytes / 1024 / 1024 + 1);
	return false;
}

static void set_addresses(struct tcp_config *tcp, const struct gen_options *o)
{
	tcp->time_wait_us = TIME_WAIT_US;
	tcp->address_count = o->address_count;
	memcpy(tcp->addresses, o->addresses, o->address_count * sizeof(tcp->addresses[0]));
	tcp->route_count = o->gateway_count;
	for (uint32_t i = 0; i < o->gateway_count; i++)
		tcp->routes[i] = tcp_gateway(o->gateways[i]);
}

void crew_dpdk_stop(struct crew *crew)
{
	for (uint32_t i = 0; i < crew->count; i++)
		dpdk_join(&((struct dpdk_job *)(void *)crew->jobs[i])->worker);
}

void crew_dpdk_free(struct crew *crew)
{
	for (uint32_t i = 0; i < crew->count; i++) {
		job_free(crew->jobs[i]);
		free(crew->jobs[i]);
	}
	dpdk_stop(&dpdk);
}
