/*
 * crew_kernel.c - one generator on one thread over kernel sockets (kernel.h).
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "bench/gen/crew.h"
#include "bench/gen/kernel.h"

#define BLOCKS_PER_CONNECTION 16u /* most connections need two or three at a time */
#define BLOCKS_FIXED 4096u
#define BLOCKS_MAX 262144u /* 1 GiB */
#define CONNECTIONS_EXTRA 256u
#define WAIT_US_MIN 50u          /* timers are exact to a millisecond; no spinning until then */
#define WAIT_US_MAX (10 * MS_US) /* orders of the main thread are seen that late at most */

struct kernel_job {
	struct job job; /* first: crew.jobs points here */
	struct kernel_net *net;
	struct block_pool pool;
	void *blocks;
	pthread_t thread;
	bool running, stop;
};

static uint64_t clock_us(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * SECOND_US + (uint64_t)t.tv_nsec / 1000;
}

static struct instant now_us(void)
{
	return (struct instant){ .us = clock_us(CLOCK_MONOTONIC) };
}

static uint64_t busy_us(void *owner)
{
	(void)owner;
	return clock_us(CLOCK_THREAD_CPUTIME_ID);
}

static void *loop(void *argument)
{
	struct kernel_job *j = argument;
	while (!__atomic_load_n(&j->stop, __ATOMIC_ACQUIRE)) {
		struct instant now = now_us();
		bool busy = job_turn(&j->job, now);
		uint64_t wait_us = 0;
		if (!busy && !kernel_net_has_events(j->net))
			wait_us = WAIT_US_MIN + instant_since(now, job_deadline(&j->job));
		kernel_net_poll(j->net, wait_us < WAIT_US_MAX ? wait_us : WAIT_US_MAX);
	}
	return NULL;
}

/* One descriptor a connection; the usual soft limit of 1024 is soon reached. */
static void raise_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

bool crew_kernel_start(struct crew *crew, const struct gen_options *o, char *error,
                       size_t error_bytes)
{
	struct kernel_job *j = calloc(1, sizeof(*j));
	uint32_t connections = o->config.sender.connections + o->config.sink.connections +
	                       o->config.crowd.connections;
	uint64_t blocks = BLOCKS_FIXED + (uint64_t)connections * BLOCKS_PER_CONNECTION;
	blocks = blocks < BLOCKS_MAX ? blocks : BLOCKS_MAX;
	raise_descriptors();
	if (j != NULL)
		j->blocks = aligned_alloc(BLOCK_BYTES, (size_t)blocks * BLOCK_BYTES);
	if (j == NULL || j->blocks == NULL) {
		free(j);
		snprintf(error, error_bytes, "no memory for %llu blocks",
		         (unsigned long long)blocks);
		return false;
	}
	crew->jobs[crew->count++] = &j->job;
	block_pool_init(&j->pool, j->blocks, (uint32_t)blocks);
	j->net = kernel_net_make(connections + CONNECTIONS_EXTRA, &j->pool);
	j->job.busy_us = busy_us;
	if (j->net == NULL) {
		snprintf(error, error_bytes, "no memory or no descriptors for %u connections",
		         connections);
		return false;
	}
	if (!job_make(&j->job, o, 0, 1, crew->ledger, kernel_net_of(j->net), &j->pool, now_us(),
	              error, error_bytes))
		return false;
	j->running = pthread_create(&j->thread, NULL, loop, j) == 0;
	if (!j->running)
		snprintf(error, error_bytes, "no thread");
	return j->running;
}

void crew_kernel_stop(struct crew *crew)
{
	struct kernel_job *j = (struct kernel_job *)(void *)crew->jobs[0];
	__atomic_store_n(&j->stop, true, __ATOMIC_RELEASE);
	pthread_join(j->thread, NULL);
}

void crew_kernel_free(struct crew *crew)
{
	struct kernel_job *j = (struct kernel_job *)(void *)crew->jobs[0];
	kernel_net_free(j->net);
	job_free(&j->job);
	free(j->blocks);
	free(j);
}
